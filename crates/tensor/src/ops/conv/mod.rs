//! Convolutions and pools over images `[n, h, w, c]`.

mod bands;
mod convolve;
mod direct;
mod filter_grad;
mod input_grad;
mod nonzero;
mod patches;
mod planes;
mod pool;
mod pool_grad;
mod window;

pub use convolve::{
    Then, conv2d, conv2d_biased, conv2d_filter_grad, conv2d_input_grad, conv2d_then,
};
pub use pool::pool;
pub use pool_grad::{pool_grad, pool_pick};

use crate::array::Shape;

/// How a window moves over images.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    images: usize,
    /// Height and width of an image, of the window and of the output.
    input: [usize; 2],
    size: [usize; 2],
    output: [usize; 2],
    strides: [usize; 2],
    /// Rows above and columns left of an image.
    pad: [usize; 2],
    channels: usize,
}

impl Geometry {
    fn new(
        input: &Shape,
        size: [usize; 2],
        output: &Shape,
        strides: [usize; 2],
        pad: [usize; 2],
    ) -> Self {
        assert!(input.len() == 4 && output.len() == 4, "images have four axes");
        assert_eq!(input[0], output[0], "as many images");
        Self {
            images: input[0],
            input: [input[1], input[2]],
            size,
            output: [output[1], output[2]],
            strides,
            pad,
            channels: input[3],
        }
    }

    /// Windows of an image.
    fn windows(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Elements of an image.
    fn image(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    /// Elements of a window.
    fn patch(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Which of a window's rows (axis 0) or columns (axis 1) lie in the image when it is at `place`,
    /// and where in the image the first of them is.
    #[inline(always)]
    fn clip(&self, axis: usize, place: usize) -> (std::ops::Range<usize>, usize) {
        let start = place * self.strides[axis];
        let from = self.pad[axis].saturating_sub(start).min(self.size[axis]);
        let to = (self.input[axis] + self.pad[axis]).saturating_sub(start).min(self.size[axis]);
        (from..to.max(from), (start + from).saturating_sub(self.pad[axis]))
    }
}
