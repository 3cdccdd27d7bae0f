//! The window of one pixel of the output.

use super::Geometry;

/// The part of a window that lies in the image.
pub(super) struct Window {
    rows: usize,
    columns: usize,
    /// Elements before its first, from row to row, and of a pixel.
    first: usize,
    row: usize,
    channels: usize,
}

impl Window {
    /// The window that makes output pixel (`row`, `column`).
    #[inline(always)]
    pub(super) fn new(geometry: &Geometry, row: usize, column: usize) -> Self {
        let (rows, top) = geometry.clip(0, row);
        let (columns, left) = geometry.clip(1, column);
        let (row, channels) = (geometry.input[1] * geometry.channels, geometry.channels);
        let first = top * row + left * channels;
        Self { rows: rows.len(), columns: columns.len(), first, row, channels }
    }

    /// Its pixels.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Calls `visit` for each pixel, row by row, with the elements of the image before it.
    #[inline(always)]
    pub(super) fn for_each_pixel(&self, mut visit: impl FnMut(usize)) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                visit(self.first + row * self.row + column * self.channels);
            }
        }
    }
}
