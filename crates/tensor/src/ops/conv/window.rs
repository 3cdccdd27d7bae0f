//! The windows of pixels of the output.

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

/// The windows of a row of the output.
pub(super) struct WindowRow<'g> {
    geometry: &'g Geometry,
    rows: usize,
    top: usize,
}

impl<'g> WindowRow<'g> {
    /// Those of output row `row`.
    #[inline(always)]
    pub(super) fn new(geometry: &'g Geometry, row: usize) -> Self {
        let (rows, top) = geometry.clip(0, row);
        Self { geometry, rows: rows.len(), top }
    }

    /// The window that makes the pixel in `column`.
    #[inline(always)]
    pub(super) fn window(&self, column: usize) -> Window {
        let (columns, left) = self.geometry.clip(1, column);
        let channels = self.geometry.channels;
        let row = self.geometry.input[1] * channels;
        let first = self.top * row + left * channels;
        Window { rows: self.rows, columns: columns.len(), first, row, channels }
    }
}

impl Window {
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
