//! How pools depend on their input.

use super::Geometry;
use super::window::{Window, WindowRow};
use crate::array::{Buffer, View};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::ops::blocks::for_each_piece;
use crate::ops::number::with_floats;
use crate::view::Float;

/// The gradient of [`pool`](super::pool) by its input `x`, where `y` was its output and `g` is the gradient
/// by it. The first of equals is taken for the greatest. Where it `rectifies`, windows whose greatest is
/// not above 0 give nothing.
///
/// # Panics
/// As [`pool`](super::pool).
#[allow(clippy::too_many_arguments, reason = "what describes a window")]
pub fn pool_grad(
    max: bool,
    x: View,
    y: View,
    g: View,
    rectifies: bool,
    size: [usize; 2],
    strides: [usize; 2],
    pad: [usize; 2],
    out: &mut Buffer,
) {
    let geometry = Geometry::new(x.shape, size, y.shape, strides, pad);
    let (image, windows) = (geometry.image(), geometry.windows() * geometry.channels);
    with_floats!(x.dtype, T => {
        let (x, y, g) = (x.as_slice::<T>(), y.as_slice::<T>(), g.as_slice::<T>());
        for_each_piece(out.as_mut_slice(x.len()), image.max(1), |index, out| {
            let g = &g[index * windows..][..windows];
            if max {
                let x = &x[index * image..][..image];
                let y = &y[index * windows..][..windows];
                let of = Grad { g, rectifies, out, tiles: false };
                dispatch(Isa::detect(), Firsts { geometry, x, y, of });
            } else {
                add_to_all::<T>(&geometry, g, out);
            }
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
        for_each_piece(out.as_mut_slice(y.len()), windows.max(1), |index, out| {
            let (x, u) = (&x[index * image..][..image], &u[index * image..][..image]);
            let y = &y[index * windows..][..windows];
            dispatch(Isa::detect(), Firsts { geometry, x, y, of: Pick { u, out } });
        });
    });
}

/// What is done with the first of the greatest elements of each window.
trait First<T> {
    /// Makes the output of an image ready, whose pixels are each in one window where `tiles`.
    fn start(&mut self, tiles: bool);

    /// What waits for the first of `count` channels of a window, after `window` elements of the output,
    /// where the greatest are `y`.
    ///
    /// # Safety
    /// The CPU has `S`, and the output has the elements.
    unsafe fn open<S: Simd<T>>(&self, window: usize, count: usize, y: S::V) -> S::V;

    /// Looks at one pixel of the window, after so many elements of the output and of the image: where `is` is true, and something
    /// waits, it is the one. Returns what waits then.
    ///
    /// # Safety
    /// The CPU has `S`, and image and output have the elements.
    unsafe fn visit<S: Simd<T>>(
        &mut self,
        at: [usize; 2],
        count: usize,
        is: S::M,
        waits: S::V,
    ) -> S::V;
}

/// The image `x` of which `y` are the greatest elements of the windows.
struct Firsts<'a, T, F> {
    geometry: Geometry,
    x: &'a [T],
    y: &'a [T],
    of: F,
}

impl<T: Float, F: First<T>> Kernel<T> for Firsts<'_, T, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(mut self) {
        let geometry = self.geometry;
        let Geometry { input, size, output, strides, pad, channels, .. } = geometry;
        let covered = [0, 1].map(|axis| output[axis] * size[axis]);
        self.of.start(strides == size && pad == [0, 0] && covered == input);
        assert!(self.x.len() == geometry.image());
        assert!(self.y.len() == geometry.windows() * channels);
        for row in 0..output[0] {
            let windows = WindowRow::new(&geometry, row);
            for column in 0..output[1] {
                let (window, at) = (windows.window(column), (row * output[1] + column) * channels);
                for channel in (0..channels).step_by(S::LANES) {
                    let count = S::LANES.min(channels - channel);
                    // SAFETY: the caller vouches for the instruction set; the pixels of the window lie
                    // in the image.
                    unsafe { self.look::<S>(&window, at, channel, count) };
                }
            }
        }
    }
}

impl<T: Float, F: First<T>> Firsts<'_, T, F> {
    /// Looks at `count` channels from `channel` on of a window, after `at` elements of the output.
    #[inline(always)]
    unsafe fn look<S: Simd<T>>(
        &mut self,
        window: &Window,
        at: usize,
        channel: usize,
        count: usize,
    ) {
        let at = at + channel;
        // SAFETY: as the caller promises.
        unsafe {
            let y = S::load_partial(self.y[at..].as_ptr(), count);
            let [zero, one] = [T::ZERO, T::from_f64(1.0)].map(|x| S::splat(x));
            let mut waits = self.of.open::<S>(at, count, y);
            if S::any(S::ne(y, y)) {
                let or_nan = S::select(S::eq(y, y), zero, one);
                window.for_each_pixel(|pixel| {
                    let x = S::load_partial(self.x[pixel + channel..].as_ptr(), count);
                    let of_nan = S::select(S::eq(x, x), zero, or_nan);
                    let is = S::eq(S::select(S::eq(x, y), one, of_nan), one);
                    waits = self.of.visit::<S>([at, pixel + channel], count, is, waits);
                });
            } else {
                window.for_each_pixel(|pixel| {
                    let x = S::load_partial(self.x[pixel + channel..].as_ptr(), count);
                    let is = S::eq(x, y);
                    waits = self.of.visit::<S>([at, pixel + channel], count, is, waits);
                });
            }
        }
    }
}

struct Grad<'a, T> {
    g: &'a [T],
    /// Whether windows without an element above 0 give nothing.
    rectifies: bool,
    out: &'a mut [T],
    /// Whether each pixel is visited once.
    tiles: bool,
}

impl<T: Float> First<T> for Grad<'_, T> {
    #[inline(always)]
    fn start(&mut self, tiles: bool) {
        self.tiles = tiles;
        if !tiles {
            self.out.fill(T::ZERO);
        }
    }

    #[inline(always)]
    unsafe fn open<S: Simd<T>>(&self, window: usize, count: usize, y: S::V) -> S::V {
        // SAFETY: the trait's contract.
        unsafe {
            let (zero, g) = (S::splat(T::ZERO), S::load_partial(self.g[window..].as_ptr(), count));
            let passes = S::select(S::lt(zero, y), g, zero);
            let passes = S::select(S::ne(y, y), g, passes);
            if self.rectifies { passes } else { g }
        }
    }

    #[inline(always)]
    unsafe fn visit<S: Simd<T>>(
        &mut self,
        [_, pixel]: [usize; 2],
        count: usize,
        is: S::M,
        waits: S::V,
    ) -> S::V {
        // SAFETY: the trait's contract.
        unsafe {
            let out = self.out[pixel..].as_mut_ptr();
            let zero = S::splat(T::ZERO);
            let mut made = S::select(is, waits, zero);
            if !self.tiles {
                let one = S::splat(T::from_f64(1.0));
                made = S::mul_add(made, one, S::load_partial(out, count));
            }
            S::store_partial(out, made, count);
            S::select(is, zero, waits)
        }
    }
}

struct Pick<'a, T> {
    u: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> First<T> for Pick<'_, T> {
    #[inline(always)]
    fn start(&mut self, _tiles: bool) {
        self.out.fill(T::ZERO);
    }

    #[inline(always)]
    unsafe fn open<S: Simd<T>>(&self, _window: usize, _count: usize, _y: S::V) -> S::V {
        // SAFETY: the trait's contract.
        unsafe { S::splat(T::from_f64(1.0)) }
    }

    #[inline(always)]
    unsafe fn visit<S: Simd<T>>(
        &mut self,
        [window, pixel]: [usize; 2],
        count: usize,
        is: S::M,
        waits: S::V,
    ) -> S::V {
        // SAFETY: the trait's contract.
        unsafe {
            let out = self.out[window..].as_mut_ptr();
            let zero = S::splat(T::ZERO);
            let is_first = S::ne(S::select(is, waits, zero), zero);
            let u = S::load_partial(self.u[pixel..].as_ptr(), count);
            S::store_partial(out, S::select(is_first, u, S::load_partial(out, count)), count);
            S::select(is, zero, waits)
        }
    }
}

/// Adds to each element its share of the gradients of its windows.
fn add_to_all<T: Float>(geometry: &Geometry, g: &[T], out: &mut [T]) {
    let channels = geometry.channels;
    out.fill(T::ZERO);
    for (index, g) in g.chunks_exact(channels.max(1)).enumerate() {
        let (row, column) = (index / geometry.output[1], index % geometry.output[1]);
        let window = WindowRow::new(geometry, row).window(column);
        let count = T::from_f64(window.len() as f64);
        window.for_each_pixel(|pixel| {
            for (sum, &g) in out[pixel..][..channels].iter_mut().zip(g) {
                *sum += g / count;
            }
        });
    }
}
