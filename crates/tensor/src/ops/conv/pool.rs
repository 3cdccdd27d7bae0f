//! The greatest or mean of each window.

use std::marker::PhantomData;

use super::Geometry;
use super::window::{Window, WindowRow};
use crate::array::{Buffer, Shape, View};
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::blocks::{for_each_piece, piece_rows};
use crate::ops::number::{Number, with_floats, with_numbers};

/// Channels that are looked at side by side.
const STRIP: usize = 16;

/// The greatest element of each window `size` high and wide, or the mean of those within the image
/// (0 of none); `shape` is the output's.
///
/// # Panics
/// Where shapes do not fit, or means are asked for of other than floats.
#[allow(clippy::too_many_arguments, reason = "what describes a window")]
pub fn pool(
    max: bool,
    x: View,
    size: [usize; 2],
    strides: [usize; 2],
    pad: [usize; 2],
    shape: &Shape,
    out: &mut Buffer,
) {
    let geometry = Geometry::new(x.shape, size, shape, strides, pad);
    let row = geometry.output[1] * geometry.channels;
    if shape.elements() == 0 {
        return;
    }
    let rows = piece_rows(row * size[0] * size[1]);
    if max {
        with_numbers!(x.dtype, T => {
            let (x, out) = (x.as_slice::<T>(), out.as_mut_slice(shape.elements()));
            for_each_piece(out, rows * row, |piece, out| {
                dispatch(Isa::detect(), Pool::<T, Greatest>::new(geometry, x, piece * rows, out));
            });
        });
    } else {
        with_floats!(x.dtype, T => {
            let (x, out) = (x.as_slice::<T>(), out.as_mut_slice(shape.elements()));
            for_each_piece(out, rows * row, |piece, out| {
                dispatch(Isa::detect(), Pool::<T, Mean>::new(geometry, x, piece * rows, out));
            });
        });
    }
}

/// What is made of a window's elements.
trait Fold<T> {
    /// Of none.
    const START: T;

    /// With one more.
    fn with(folded: T, x: T) -> T;

    /// Of all `count`.
    fn end(folded: T, count: usize) -> T;
}

struct Greatest;

impl<T: Number> Fold<T> for Greatest {
    const START: T = T::LEAST;

    #[inline(always)]
    fn with(most: T, x: T) -> T {
        if (x > most) | x.is_nan() { x } else { most }
    }

    #[inline(always)]
    fn end(most: T, _count: usize) -> T {
        most
    }
}

struct Mean;

impl<T: Number> Fold<T> for Mean {
    const START: T = T::ZERO;

    #[inline(always)]
    fn with(sum: T, x: T) -> T {
        sum.plus(x)
    }

    #[inline(always)]
    fn end(sum: T, count: usize) -> T {
        if count == 0 { sum } else { sum.over(count) }
    }
}

/// Some rows of the output.
struct Pool<'a, T, F> {
    geometry: Geometry,
    x: &'a [T],
    /// The output row that `out` starts with.
    first: usize,
    out: &'a mut [T],
    fold: PhantomData<F>,
}

impl<'a, T, F> Pool<'a, T, F> {
    fn new(geometry: Geometry, x: &'a [T], first: usize, out: &'a mut [T]) -> Self {
        Self { geometry, x, first, out, fold: PhantomData }
    }
}

impl<T: Number, F: Fold<T>> Kernel for Pool<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { geometry, x, first, out, .. } = self;
        let (channels, image, height) = (geometry.channels, geometry.image(), geometry.output[0]);
        let rows = out.chunks_exact_mut(geometry.output[1] * channels);
        for (row, out) in rows.enumerate() {
            let row = first + row;
            let x = &x[row / height * image..][..image];
            let windows = WindowRow::new(&geometry, row % height);
            for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                let window = windows.window(column);
                let (strips, rest) = out.as_chunks_mut::<STRIP>();
                for (strip, out) in strips.iter_mut().enumerate() {
                    *out = fold::<T, F, STRIP>(&window, x, strip * STRIP);
                }
                for (channel, out) in rest.iter_mut().enumerate() {
                    [*out] = fold::<T, F, 1>(&window, x, strips.len() * STRIP + channel);
                }
            }
        }
    }
}

/// Folds `W` channels of a window.
#[inline(always)]
fn fold<T: Number, F: Fold<T>, const W: usize>(window: &Window, x: &[T], channel: usize) -> [T; W] {
    let mut folded = [F::START; W];
    window.for_each_pixel(|pixel| {
        let x: &[T; W] = x[pixel + channel..].first_chunk().expect("a pixel has its channels");
        for (folded, &x) in folded.iter_mut().zip(x) {
            *folded = F::with(*folded, x);
        }
    });
    folded.map(|folded| F::end(folded, window.len()))
}
