//! How pools depend on their input.

use super::Geometry;
use super::window::Window;
use crate::array::{Buffer, View};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::ops::blocks::for_each_piece;
use crate::ops::number::with_floats;
use crate::view::Float;

/// The gradient of [`pool`](super::pool) by its input `x`, where `y` was its output and `g` is the gradient
/// by it. The first of equals is taken for the greatest.
///
/// # Panics
/// As [`pool`](super::pool).
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
        for_each_piece(out.as_mut_slice(x.len()), image.max(1), |index, out| {
            let g = &g[index * windows..][..windows];
            if max {
                let x = &x[index * image..][..image];
                let y = &y[index * windows..][..windows];
                dispatch(Isa::detect(), Firsts { geometry, x, y, of: Grad { g, out, tiles: false } });
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

    /// Looks at `count` channels of one pixel, after `pixel` elements of the image, and of its window,
    /// after `window` elements of the output: those where `is` is true are the ones.
    ///
    /// # Safety
    /// The CPU has `S`, and image and output have the elements.
    unsafe fn visit<S: Simd<T>>(&mut self, window: usize, pixel: usize, count: usize, is: S::M);
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
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { geometry, x, y, mut of } = self;
        let Geometry { input, size, output, strides, pad, channels, .. } = geometry;
        let covered = [0, 1].map(|axis| output[axis] * size[axis]);
        of.start(strides == size && pad == [0, 0] && covered == input);
        assert!(x.len() == geometry.image() && y.len() == geometry.windows() * channels);
        for (index, _) in y.chunks_exact(channels.max(1)).enumerate() {
            let window = Window::new(&geometry, index / output[1], index % output[1]);
            for channel in (0..channels).step_by(S::LANES) {
                let (at, count) = (index * channels + channel, S::LANES.min(channels - channel));
                // SAFETY: the caller vouches for the instruction set; the pixels of the window lie in
                // the image.
                unsafe {
                    let y = S::load_partial(y[at..].as_ptr(), count);
                    let [zero, one] = [T::ZERO, T::from_f64(1.0)].map(|x| S::splat(x));
                    let or_nan = S::select(S::eq(y, y), zero, one);
                    let mut open = one;
                    window.for_each_pixel(|pixel| {
                        let x = S::load_partial(x[pixel + channel..].as_ptr(), count);
                        let of_nan = S::select(S::eq(x, x), zero, or_nan);
                        let is = S::eq(S::select(S::eq(x, y), one, of_nan), one);
                        let is_first = S::eq(S::select(is, open, zero), one);
                        open = S::select(is, zero, open);
                        of.visit::<S>(at, pixel + channel, count, is_first);
                    });
                }
            }
        }
    }
}

struct Grad<'a, T> {
    g: &'a [T],
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
    unsafe fn visit<S: Simd<T>>(&mut self, window: usize, pixel: usize, count: usize, is: S::M) {
        // SAFETY: the trait's contract.
        unsafe {
            let out = self.out[pixel..].as_mut_ptr();
            let (zero, one) = (S::splat(T::ZERO), S::splat(T::from_f64(1.0)));
            let old = if self.tiles { zero } else { S::load_partial(out, count) };
            let g = S::load_partial(self.g[window..].as_ptr(), count);
            S::store_partial(out, S::mul_add(S::select(is, g, zero), one, old), count);
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
    unsafe fn visit<S: Simd<T>>(&mut self, window: usize, pixel: usize, count: usize, is: S::M) {
        // SAFETY: the trait's contract.
        unsafe {
            let out = self.out[window..].as_mut_ptr();
            let u = S::load_partial(self.u[pixel..].as_ptr(), count);
            S::store_partial(out, S::select(is, u, S::load_partial(out, count)), count);
        }
    }
}

/// Adds to each element its share of the gradients of its windows.
fn add_to_all<T: Float>(geometry: &Geometry, g: &[T], out: &mut [T]) {
    let channels = geometry.channels;
    out.fill(T::ZERO);
    for (index, g) in g.chunks_exact(channels.max(1)).enumerate() {
        let (row, column) = (index / geometry.output[1], index % geometry.output[1]);
        let window = Window::new(geometry, row, column);
        let count = T::from_f64(window.len() as f64);
        window.for_each_pixel(|pixel| {
            for (sum, &g) in out[pixel..][..channels].iter_mut().zip(g) {
                *sum += g / count;
            }
        });
    }
}
