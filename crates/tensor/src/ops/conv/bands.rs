//! Images in parts that one thread convolves in a go.

use std::ops::Range;

use super::Geometry;

/// Products that are worth a part of their own.
const WORK: usize = 1 << 20;

/// Rows of one image.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
}

/// The rows of images, in bands of as many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bands {
    images: usize,
    height: usize,
    rows: usize,
}

impl Bands {
    /// Of images of `height` rows that take `row_work` products each. How they are divided depends on the
    /// shapes alone.
    pub(super) fn new(images: usize, height: usize, row_work: usize) -> Self {
        let n_bands = height.saturating_mul(row_work).div_ceil(WORK).clamp(1, height.max(1));
        Self { images, height, rows: height.div_ceil(n_bands).max(1) }
    }

    /// Of the output of a convolution to `filters` channels.
    pub(super) fn of_output(geometry: &Geometry, filters: usize) -> Self {
        let [height, width] = geometry.output;
        Self::new(geometry.images, height, width * geometry.patch() * filters)
    }

    pub(super) fn count(&self) -> usize {
        self.images * self.height.div_ceil(self.rows)
    }

    pub(super) fn band(&self, index: usize) -> Band {
        let each = self.height.div_ceil(self.rows);
        let start = index % each * self.rows;
        Band { image: index / each, rows: start..(start + self.rows).min(self.height) }
    }
}
