//! Convolutions and their gradients.

use std::ops::Range;

use super::Geometry;
use super::direct::{Bias, Filters, convolve};
use super::filter_grad::filter_grad;
use super::input_grad::input_grad;
use crate::array::{Buffer, Element, Shape, View};
use crate::ops::blocks::{GRAIN, Parts};
use crate::ops::error::OpError;
use crate::ops::matmul::{multiply, transposed};
use crate::ops::number::with_floats;
use crate::ops::tape::{Operand, Program};
use crate::pool::for_each_block;
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
        let out = Parts::new(out.as_mut_slice::<T>(shape.elements()));
        convolution.forward(x.as_slice::<T>(), filter.as_slice(), None, &out, &|_| {});
    });
}

/// As [`conv2d`], with `bias`, of an element a channel of the output, added; where it `rectifies` the greater of
/// 0 and that. The bits are those of the three operations.
///
/// # Panics
/// As [`conv2d`].
#[allow(clippy::too_many_arguments, reason = "what describes a layer")]
pub fn conv2d_biased(
    x: View,
    filter: View,
    bias: View,
    rectifies: bool,
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    out: &mut Buffer,
) {
    let convolution = Convolution::new(x.shape, filter.shape, shape, strides, pad);
    with_floats!(x.dtype, T => {
        let out = Parts::new(out.as_mut_slice::<T>(shape.elements()));
        let bias = Some(Bias { of: bias.as_slice(), rectifies });
        convolution.forward(x.as_slice::<T>(), filter.as_slice(), bias, &out, &|_| {});
    });
}

/// What becomes of each element that an operation makes, while it is in the caches.
#[derive(Debug)]
pub struct Then<'a> {
    /// The functions of the elements.
    pub program: &'a Program,
    /// What they read, one of which is the output that is made.
    pub operands: &'a [Operand<'a>],
    /// What they give.
    pub outputs: &'a mut [Buffer],
    /// The output that is made before.
    pub into: usize,
}

/// As [`conv2d`], whose output is what is there of an output of `then` before its program runs.
///
/// # Errors
/// As [`Program::run`].
///
/// # Panics
/// As [`conv2d`] and [`Program::run`].
pub fn conv2d_then(
    x: View,
    filter: View,
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    then: Then,
) -> Result<(), OpError> {
    let convolution = Convolution::new(x.shape, filter.shape, shape, strides, pad);
    let Then { program, operands, outputs, into } = then;
    let make = |out: *mut u8, then: &(dyn Fn(Range<usize>) + Sync)| {
        with_floats!(x.dtype, T => {
            // SAFETY: the output has so many elements of the dtype, which are the convolution's.
            let out = unsafe { Parts::from_raw(out.cast::<T>(), shape.elements()) };
            convolution.forward(x.as_slice::<T>(), filter.as_slice(), None, &out, then);
        });
    };
    // SAFETY: each element is made once, and told of after.
    unsafe { program.run_as_made(shape, operands, outputs, (into, x.dtype), make) }
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

    /// Calls `then` with each range of elements once they are written.
    fn forward<T: Float + Element>(
        &self,
        x: &[T],
        filter: &[T],
        bias: Option<Bias<T>>,
        out: &Parts<T>,
        then: &(dyn Fn(Range<usize>) + Sync),
    ) {
        let channels = [self.geometry.channels, self.filters];
        if self.geometry.patch() == 0 {
            return sums_of_nothing(channels[1], bias, out, then);
        }
        let Some(pixels) = self.pixels().filter(|_| bias.is_none()) else {
            let filters = Filters { data: filter, channels, turned: false };
            return convolve(self.geometry, x, filters, bias, out, then);
        };
        let (x, filter) =
            (matrix(x, pixels, channels[0]), matrix(filter, channels[0], channels[1]));
        // SAFETY: nobody else uses an element before `then` is called with it.
        multiply(x, filter, unsafe { out.part(0, out.len()) }, false);
        for_each_block(out.len().div_ceil(GRAIN), |block| {
            then(block * GRAIN..((block + 1) * GRAIN).min(out.len()));
        });
    }

    fn input_grad<T: Float + Element>(&self, filter: &[T], g: &[T], out: &mut [T]) {
        if let Some(pixels) = self.pixels() {
            let filter = matrix(filter, self.geometry.channels, self.filters);
            return multiply(matrix(g, pixels, self.filters), transposed(filter), out, false);
        }
        input_grad(&self.geometry, filter, self.filters, g, out);
    }
}

/// Writes what windows without elements give: 0, or the bias.
fn sums_of_nothing<T: Float>(
    outputs: usize,
    bias: Option<Bias<T>>,
    out: &Parts<T>,
    then: &(dyn Fn(Range<usize>) + Sync),
) {
    // SAFETY: nobody else uses an element before `then` is called with it.
    let made = unsafe { out.part(0, out.len()) };
    made.fill(T::ZERO);
    if let Some(Bias { of, rectifies }) = bias {
        for (made, &bias) in
            made.chunks_exact_mut(outputs.max(1)).flat_map(|pixel| pixel.iter_mut().zip(of))
        {
            let sum = T::ZERO + bias;
            *made = if rectifies && !(sum > T::ZERO || sum.is_nan()) { T::ZERO } else { sum };
        }
    }
    then(0..out.len());
}

fn matrix<T: Copy>(data: &[T], rows: usize, cols: usize) -> MatrixView<'_, T> {
    MatrixView::contiguous(data, rows, cols).expect("as many elements")
}
