//! Convolutions and their gradients.

use super::Geometry;
use super::direct::{Filters, convolve};
use super::filter_grad::filter_grad;
use super::input_grad::input_grad;
use crate::array::{Buffer, Element, Shape, View};
use crate::ops::matmul::{multiply, transposed};
use crate::ops::number::with_floats;
use crate::view::{Float, MatrixView};

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
        filter_grad(&convolution.geometry, x.as_slice::<T>(), g.as_slice(), out);
    });
}

struct Convolution {
    geometry: Geometry,
    /// Channels of the output.
    filters: usize,
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
        Self { geometry, filters: filter[3] }
    }

    /// Pixels of all images, where a window is one pixel and all are taken.
    fn pixels(&self) -> Option<usize> {
        let Geometry { size, strides, pad, input, output, images, .. } = self.geometry;
        (size == [1, 1] && strides == [1, 1] && pad == [0, 0] && input == output)
            .then(|| images * self.geometry.windows())
    }

    fn forward<T: Float + Element>(&self, x: &[T], filter: &[T], out: &mut [T]) {
        let channels = [self.geometry.channels, self.filters];
        if let Some(pixels) = self.pixels() {
            let filter = matrix(filter, channels[0], channels[1]);
            return multiply(matrix(x, pixels, channels[0]), filter, out, false);
        }
        let filters = Filters { data: filter, channels, turned: false };
        convolve(self.geometry, x, filters, out);
    }

    fn input_grad<T: Float + Element>(&self, filter: &[T], g: &[T], out: &mut [T]) {
        if let Some(pixels) = self.pixels() {
            let filter = matrix(filter, self.geometry.channels, self.filters);
            return multiply(matrix(g, pixels, self.filters), transposed(filter), out, false);
        }
        input_grad(&self.geometry, filter, self.filters, g, out);
    }
}

fn matrix<T: Copy>(data: &[T], rows: usize, cols: usize) -> MatrixView<'_, T> {
    MatrixView::contiguous(data, rows, cols).expect("as many elements")
}
