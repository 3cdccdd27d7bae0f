//! The greatest or mean of each window.

use super::Geometry;
use crate::array::{Buffer, Shape, View};
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::blocks::{for_each_piece, piece_rows};
use crate::ops::number::{Number, with_floats, with_numbers};

/// Channels that are looked at side by side.
const STRIP: usize = 64;

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
                dispatch(Isa::detect(), Greatest { geometry, x, first: piece * rows, out });
            });
        });
    } else {
        with_floats!(x.dtype, T => {
            let (x, out) = (x.as_slice::<T>(), out.as_mut_slice(shape.elements()));
            for_each_piece(out, rows * row, |piece, out| {
                dispatch(Isa::detect(), Mean { geometry, x, first: piece * rows, out });
            });
        });
    }
}

/// The gradient of [`pool`] by its input `x`, where `y` was its output and `g` is the gradient by it.
/// The first of equals is taken for the greatest.
///
/// # Panics
/// As [`pool`].
#[allow(clippy::too_many_arguments, reason = "what describes a window")]
pub fn pool_grad(
    max: bool,
    x: View,
    y: View,
    g: View,
    size: [usize; 2],
    strides: [usize; 2],
    pad: [usize; 2],
    out: &mut Buffer,
) {
    let geometry = Geometry::new(x.shape, size, y.shape, strides, pad);
    let (image, windows) = (geometry.image(), geometry.windows() * geometry.channels);
    with_floats!(x.dtype, T => {
        let (x, y, g) = (x.as_slice::<T>(), y.as_slice::<T>(), g.as_slice::<T>());
        let out = out.as_mut_slice::<T>(x.len());
        for_each_piece(out, image.max(1), |index, out| {
            let x = &x[index * image..][..image];
            let (y, g) = (&y[index * windows..][..windows], &g[index * windows..][..windows]);
            dispatch(Isa::detect(), Grad { geometry, max, x, y, g, out });
        });
    });
}

/// Of each window the element of `u` where `x` has its greatest, the first of equals, which is `y`: how
/// [`pool_grad`] of the greatest depends on `g`, turned round. 0 of a window of nothing.
///
/// # Panics
/// Where shapes do not fit, or they are not floats.
pub fn pool_pick(
    x: View,
    y: View,
    u: View,
    size: [usize; 2],
    strides: [usize; 2],
    pad: [usize; 2],
    out: &mut Buffer,
) {
    let geometry = Geometry::new(x.shape, size, y.shape, strides, pad);
    let (image, windows) = (geometry.image(), geometry.windows() * geometry.channels);
    with_floats!(x.dtype, T => {
        let (x, y, u) = (x.as_slice::<T>(), y.as_slice::<T>(), u.as_slice::<T>());
        let out = out.as_mut_slice::<T>(y.len());
        for_each_piece(out, windows.max(1), |index, out| {
            let (x, u) = (&x[index * image..][..image], &u[index * image..][..image]);
            let y = &y[index * windows..][..windows];
            dispatch(Isa::detect(), Pick { geometry, x, y, u, out });
        });
    });
}

/// The part of a window that lies in the image.
struct Window {
    rows: usize,
    columns: usize,
    /// Pixels before its first and in a row of the image.
    first: usize,
    width: usize,
}

impl Window {
    /// The window that makes output pixel (`row`, `column`).
    #[inline(always)]
    fn new(geometry: &Geometry, row: usize, column: usize) -> Self {
        let (rows, top) = geometry.clip(0, row);
        let (columns, left) = geometry.clip(1, column);
        let width = geometry.input[1];
        Self { rows: rows.len(), columns: columns.len(), first: top * width + left, width }
    }

    /// Its pixels.
    #[inline(always)]
    fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// The `index`th of them, row by row, among those of the image.
    #[inline(always)]
    fn pixel(&self, index: usize) -> usize {
        self.first + index / self.columns * self.width + index % self.columns
    }
}

/// The image of an output row, and the row in it.
fn image_of<'a, T>(geometry: &Geometry, x: &'a [T], row: usize) -> (&'a [T], usize) {
    let (image, height) = (geometry.image(), geometry.output[0]);
    (&x[row / height * image..][..image], row % height)
}

struct Greatest<'a, T> {
    geometry: Geometry,
    x: &'a [T],
    /// The output row that `out` starts with.
    first: usize,
    out: &'a mut [T],
}

impl<T: Number> Kernel for Greatest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { geometry, x, first, out } = self;
        let channels = geometry.channels;
        let rows = out.chunks_exact_mut(geometry.output[1] * channels);
        for (row, out) in rows.enumerate() {
            let (x, row) = image_of(&geometry, x, first + row);
            for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                out.fill(T::LEAST);
                let window = Window::new(&geometry, row, column);
                for pixel in 0..window.len() {
                    let x = &x[window.pixel(pixel) * channels..][..channels];
                    for (most, &x) in out.iter_mut().zip(x) {
                        *most = if (x > *most) | x.is_nan() { x } else { *most };
                    }
                }
            }
        }
    }
}

struct Mean<'a, T> {
    geometry: Geometry,
    x: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Number> Kernel for Mean<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { geometry, x, first, out } = self;
        let channels = geometry.channels;
        let rows = out.chunks_exact_mut(geometry.output[1] * channels);
        for (row, out) in rows.enumerate() {
            let (x, row) = image_of(&geometry, x, first + row);
            for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                out.fill(T::ZERO);
                let window = Window::new(&geometry, row, column);
                for pixel in 0..window.len() {
                    let x = &x[window.pixel(pixel) * channels..][..channels];
                    for (sum, &x) in out.iter_mut().zip(x) {
                        *sum = sum.plus(x);
                    }
                }
                for out in out.iter_mut().filter(|_| window.len() > 0) {
                    *out = out.over(window.len());
                }
            }
        }
    }
}

struct Grad<'a, T> {
    geometry: Geometry,
    max: bool,
    x: &'a [T],
    y: &'a [T],
    g: &'a [T],
    out: &'a mut [T],
}

impl<T: Number> Kernel for Grad<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.out.fill(T::ZERO);
        let width = self.geometry.output[1] * self.geometry.channels;
        for row in 0..self.geometry.output[0] {
            let (y, g) = (&self.y[row * width..][..width], &self.g[row * width..][..width]);
            if self.max {
                add_to_greatest(&self.geometry, self.x, row, y, g, self.out);
            } else {
                add_to_all(&self.geometry, row, g, self.out);
            }
        }
    }
}

struct Pick<'a, T> {
    geometry: Geometry,
    x: &'a [T],
    y: &'a [T],
    u: &'a [T],
    out: &'a mut [T],
}

impl<T: Number> Kernel for Pick<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { geometry, x, y, u, out } = self;
        let channels = geometry.channels;
        let windows = out.chunks_exact_mut(channels).zip(y.chunks_exact(channels));
        for (index, (out, y)) in windows.enumerate() {
            let columns = geometry.output[1];
            let window = Window::new(&geometry, index / columns, index % columns);
            for (channel, (out, &y)) in out.iter_mut().zip(y).enumerate() {
                let mut places = (0..window.len()).map(|at| window.pixel(at) * channels + channel);
                let found = places.find(|&at| (x[at] == y) | (x[at].is_nan() & y.is_nan()));
                *out = found.map_or(T::ZERO, |at| u[at]);
            }
        }
    }
}

/// Adds each gradient of a row of windows to the first of its window's greatest elements.
#[inline(always)]
fn add_to_greatest<T: Number>(
    geometry: &Geometry,
    x: &[T],
    row: usize,
    y: &[T],
    g: &[T],
    out: &mut [T],
) {
    let channels = geometry.channels;
    for column in 0..geometry.output[1] {
        let window = Window::new(geometry, row, column);
        for start in (0..channels).step_by(STRIP) {
            let width = STRIP.min(channels - start);
            let to = column * channels + start;
            let (y, g) = (&y[to..][..width], &g[to..][..width]);
            let mut found = [T::ZERO; STRIP];
            for pixel in 0..window.len() {
                let from = window.pixel(pixel) * channels + start;
                let (x, out) = (&x[from..][..width], &mut out[from..][..width]);
                add_to_first(x, y, g, &mut found[..width], out);
            }
        }
    }
}

/// Adds the gradient where an element is its window's greatest, and no other was found to be.
#[inline(always)]
fn add_to_first<T: Number>(x: &[T], y: &[T], g: &[T], found: &mut [T], out: &mut [T]) {
    let channels = out.iter_mut().zip(x).zip(y).zip(g).zip(found);
    for ((((sum, &x), &y), &g), found) in channels {
        let is_y = (x == y) | (x.is_nan() & y.is_nan());
        let is = is_y & (*found == T::ZERO);
        let with = sum.plus(g);
        *sum = if is { with } else { *sum };
        *found = if is { T::ONE } else { *found };
    }
}

/// Adds to each element its share of the gradients of a row of windows.
#[inline(always)]
fn add_to_all<T: Number>(geometry: &Geometry, row: usize, g: &[T], out: &mut [T]) {
    let channels = geometry.channels;
    for (column, g) in g.chunks_exact(channels).enumerate() {
        let window = Window::new(geometry, row, column);
        for pixel in 0..window.len() {
            let out = &mut out[window.pixel(pixel) * channels..][..channels];
            for (sum, &g) in out.iter_mut().zip(g) {
                *sum = sum.plus(g.over(window.len()));
            }
        }
    }
}
