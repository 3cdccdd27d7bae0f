//! Convolutions, by products of the windows and the filters.

use std::cell::Cell;

use super::{Geometry, patches};
use crate::array::{Buffer, Element, Shape, View};
use crate::ops::blocks::{Parts, for_each_piece, with_scratch};
use crate::ops::matmul::{multiply, transposed};
use crate::ops::number::with_floats;
use crate::pool::for_each_block;
use crate::view::{Float, MatrixView};

/// Elements of the windows taken at a time: few enough to stay in the second-level cache.
const PATCHES: usize = 1 << 16;
/// Elements of the sums that are made side by side, and most of these.
const SUMS: usize = 1 << 20;
const SUMS_MAX: usize = 8;

thread_local! {
    static WINDOWS: Cell<Buffer> = Cell::default();
    static PARTIAL: Cell<Buffer> = Cell::default();
}

/// Images `x` by filters `[kh, kw, c, m]`, with `pad` rows of zeros above and columns to the left;
/// `shape` is the output's, and says how much is to the right and below.
///
/// # Panics
/// Where shapes do not fit, or the dtype is no float.
pub fn conv2d(
    x: View,
    filter: View,
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    out: &mut Buffer,
) {
    let convolution = Convolution::new(x.shape, filter.shape, shape, strides, pad);
    with_floats!(x.dtype, T => {
        let out = out.as_mut_slice::<T>(shape.elements());
        convolution.forward(x.as_slice::<T>(), filter.as_slice(), out);
    });
}

/// The gradient of [`conv2d`] by its images, of `shape`, where `g` is that by its output.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_input_grad(
    filter: View,
    g: View,
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    out: &mut Buffer,
) {
    let convolution = Convolution::new(shape, filter.shape, g.shape, strides, pad);
    with_floats!(g.dtype, T => {
        let out = out.as_mut_slice::<T>(shape.elements());
        convolution.input_grad(filter.as_slice::<T>(), g.as_slice(), out);
    });
}

/// The gradient of [`conv2d`] by its filters, of `shape`, where `g` is that by its output.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_filter_grad(
    x: View,
    g: View,
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    out: &mut Buffer,
) {
    let convolution = Convolution::new(x.shape, shape, g.shape, strides, pad);
    with_floats!(x.dtype, T => {
        let out = out.as_mut_slice::<T>(shape.elements());
        convolution.filter_grad(x.as_slice::<T>(), g.as_slice(), out);
    });
}

struct Convolution {
    geometry: Geometry,
    /// Channels of the output.
    filters: usize,
    /// Windows taken at a time, of one image.
    block: usize,
}

impl Convolution {
    fn new(
        input: &Shape,
        filter: &Shape,
        output: &Shape,
        strides: [usize; 2],
        pad: [usize; 2],
    ) -> Self {
        assert_eq!(filter.len(), 4, "filters have four axes");
        let geometry = Geometry::new(input, [filter[0], filter[1]], output, strides, pad);
        assert!(filter[2] == input[3] && filter[3] == output[3], "channels fit");
        let block = (PATCHES / geometry.patch().max(1)).clamp(32, 1024) / 32 * 32;
        Self { geometry, filters: filter[3], block: block.min(geometry.windows().max(1)) }
    }

    /// Whether a window is one pixel and all are taken.
    fn is_product(&self) -> bool {
        let Geometry { size, strides, pad, input, output, .. } = self.geometry;
        size == [1, 1] && strides == [1, 1] && pad == [0, 0] && input == output
    }

    /// Blocks of windows of an image.
    fn blocks(&self) -> usize {
        self.geometry.windows().div_ceil(self.block)
    }

    /// The windows of a block, and its image.
    fn windows(&self, block: usize) -> (usize, std::ops::Range<usize>) {
        let (image, start) = (block / self.blocks(), block % self.blocks() * self.block);
        (image, start..(start + self.block).min(self.geometry.windows()))
    }

    fn forward<T: Float + Element>(&self, x: &[T], filter: &[T], out: &mut [T]) {
        let (patch, filters) = (self.geometry.patch(), self.filters);
        let filter = matrix(filter, patch, filters);
        if self.is_product() {
            let rows = self.geometry.images * self.geometry.windows();
            return multiply(matrix(x, rows, patch), filter, out, false);
        }
        let out = Parts::new(out);
        for_each_block(self.geometry.images * self.blocks(), |block| {
            let (image, windows) = self.windows(block);
            let (rows, first) = (windows.len(), image * self.geometry.windows() + windows.start);
            // SAFETY: blocks do not overlap.
            let out = unsafe { out.part(first * filters, rows * filters) };
            self.with_patches(x, image, windows, |patches| multiply(patches, filter, out, false));
        });
    }

    fn input_grad<T: Float + Element>(&self, filter: &[T], g: &[T], out: &mut [T]) {
        let (patch, filters) = (self.geometry.patch(), self.filters);
        let filter = transposed(matrix(filter, patch, filters));
        if self.is_product() {
            let rows = self.geometry.images * self.geometry.windows();
            return multiply(matrix(g, rows, filters), filter, out, false);
        }
        for_each_piece(out, self.geometry.image(), |image, out| {
            out.fill(T::ZERO);
            for block in image * self.blocks()..(image + 1) * self.blocks() {
                let (_, windows) = self.windows(block);
                let first = image * self.geometry.windows() + windows.start;
                let g = matrix(
                    &g[first * filters..][..windows.len() * filters],
                    windows.len(),
                    filters,
                );
                with_scratch(&WINDOWS, windows.len() * patch, |patches: &mut [T]| {
                    multiply(g, filter, patches, false);
                    patches::add(&self.geometry, patches, windows, out);
                });
            }
        });
    }

    /// The blocks are divided evenly among a number of sums that depends on the shape alone.
    fn filter_grad<T: Float + Element>(&self, x: &[T], g: &[T], out: &mut [T]) {
        let blocks = self.geometry.images * self.blocks();
        let len = out.len();
        if len == 0 {
            return;
        }
        out.fill(T::ZERO);
        let n_sums = (SUMS / len).clamp(1, SUMS_MAX).min(blocks);
        if n_sums <= 1 {
            return self.add_products(x, g, 0..blocks, out);
        }
        with_scratch(&PARTIAL, n_sums * len, |sums: &mut [T]| {
            sums.fill(T::ZERO);
            for_each_piece(sums, len, |sum, out| {
                self.add_products(x, g, sum * blocks / n_sums..(sum + 1) * blocks / n_sums, out);
            });
            for sum in sums.chunks_exact(len) {
                for (out, &x) in out.iter_mut().zip(sum) {
                    *out += x;
                }
            }
        });
    }

    /// Adds to `out` what the blocks of windows give for the gradient of the filters.
    fn add_products<T: Float + Element>(
        &self,
        x: &[T],
        g: &[T],
        blocks: std::ops::Range<usize>,
        out: &mut [T],
    ) {
        let filters = self.filters;
        for block in blocks {
            let (image, windows) = self.windows(block);
            let (rows, first) = (windows.len(), image * self.geometry.windows() + windows.start);
            let g = matrix(&g[first * filters..][..rows * filters], rows, filters);
            self.with_patches(x, image, windows, |patches| {
                multiply(transposed(patches), g, out, true);
            });
        }
    }

    /// Gives `work` the windows of an image as the rows of a matrix.
    fn with_patches<T: Float + Element>(
        &self,
        x: &[T],
        image: usize,
        windows: std::ops::Range<usize>,
        work: impl FnOnce(MatrixView<T>),
    ) {
        let (len, patch, rows) = (self.geometry.image(), self.geometry.patch(), windows.len());
        let image = &x[image * len..][..len];
        with_scratch(&WINDOWS, rows * patch, |patches: &mut [T]| {
            if self.geometry.channels == 1 && self.geometry.strides[1] == 1 {
                patches::take_rows(&self.geometry, image, windows, patches);
                work(transposed(matrix(patches, patch, rows)));
            } else {
                patches::take(&self.geometry, image, windows, patches);
                work(matrix(patches, rows, patch));
            }
        });
    }
}

fn matrix<T: Copy>(data: &[T], rows: usize, cols: usize) -> MatrixView<'_, T> {
    MatrixView::contiguous(data, rows, cols).expect("as many elements")
}
