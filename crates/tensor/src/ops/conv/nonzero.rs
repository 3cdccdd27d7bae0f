//! Gradients of convolutions of which most elements are 0, as those of a pool of greatest elements and of
//! rectifiers are: only the others are multiplied.
//!
//! The sums are the chains of the dense kernels without the products with 0, so their bits are the same.

use std::ops::Range;

use super::Geometry;
use super::planes::Padded;
use crate::kernels::simd::{Kernel, Simd};
use crate::view::Float;

/// Least elements for each that is not 0.
const SPARSITY: usize = 3;
/// Rows of a window, and vectors of each, that are held at once.
const ROWS: usize = 3;
const VECTORS: usize = 3;

/// Whether to multiply the elements that are not 0 one by one is less work than to multiply all.
pub(super) struct IsSparse<'a, T> {
    pub(super) geometry: Geometry,
    pub(super) g: &'a [T],
}

impl<T: Float> Kernel<T> for IsSparse<'_, T> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) -> bool {
        let is_whole = (self.geometry.size[1] * self.geometry.channels).is_multiple_of(S::LANES);
        let nonzero = || self.g.iter().map(|&x| u32::from(x != T::ZERO)).sum::<u32>() as usize;
        is_whole && nonzero() * SPARSITY <= self.g.len()
    }
}

/// Whether no product of an element with 0 is NaN.
pub(super) struct IsFinite<'a, T>(pub(super) &'a [T]);

impl<T: Float> Kernel<T> for IsFinite<'_, T> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) -> bool {
        self.0.iter().map(|x| u32::from(!x.is_finite())).sum::<u32>() == 0
    }
}

/// Adds to rows of an image what comes back of the pixels `g` of the output.
pub(super) struct AddToImage<'a, T> {
    pub(super) geometry: Geometry,
    /// Filters `[m][kh][kw][c]`.
    pub(super) filters: &'a [T],
    /// The gradients of some rows of windows: those that touch the rows of the image.
    pub(super) g: &'a [T],
    pub(super) windows: Range<usize>,
    pub(super) rows: Range<usize>,
    /// Those rows, padded to the right and left.
    pub(super) room: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddToImage<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { geometry, filters, g, windows, rows, room } = self;
        let (patch, padded) = (geometry.patch(), Padded::new(geometry));
        let width = geometry.output[1];
        let outputs = filters.len() / patch;
        assert!(room.len() == rows.len() * padded.row());
        assert!(g.len() == windows.len() * width * outputs);
        room.fill(T::ZERO);
        for (y, g) in windows.zip(g.chunks_exact((width * outputs).max(1))) {
            let top = (y * geometry.strides[0]) as isize - geometry.pad[0] as isize;
            let within = |row: usize| (row as isize - top).clamp(0, geometry.size[0] as isize);
            let places = within(rows.start) as usize..within(rows.end) as usize;
            let first = top + places.start as isize - rows.start as isize;
            for x in (0..width).filter(|_| !places.is_empty()) {
                let at =
                    first as usize * padded.row() + x * geometry.strides[1] * geometry.channels;
                let window = Window {
                    window: room[at..].as_mut_ptr(),
                    row: padded.row(),
                    filters: filters[places.start * patch / geometry.size[0]..].as_ptr(),
                    filter_row: patch / geometry.size[0],
                    patch,
                    g: &g[x * outputs..][..outputs],
                };
                // SAFETY: the caller vouches for the instruction set; the rows of the window that are
                // named lie in `room`, and there are filters for each channel of `g`.
                unsafe { window.visit::<S, AddFilters>(places.len()) };
            }
        }
    }
}

/// Adds to the gradients of filters those by the pixels `g` of the output.
pub(super) struct AddToFilters<'a, T> {
    pub(super) geometry: Geometry,
    /// What the windows of the rows cover, padded.
    pub(super) x: &'a [T],
    pub(super) g: &'a [T],
    /// Gradients `[m][kh][kw][c]`.
    pub(super) sums: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddToFilters<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { geometry, x, g, sums } = self;
        let (patch, padded) = (geometry.patch(), Padded::new(geometry));
        let outputs = sums.len() / patch;
        let width = geometry.output[1];
        let step = geometry.strides[1] * geometry.channels;
        assert!(x.len() >= padded.elements(g.len() / (width * outputs)), "the windows' rows");
        for (index, g) in g.chunks_exact(outputs).enumerate() {
            let at = index / width * geometry.strides[0] * padded.row() + index % width * step;
            let window = Window {
                window: x[at..].as_ptr().cast_mut(),
                row: padded.row(),
                filters: sums.as_mut_ptr(),
                filter_row: patch / geometry.size[0],
                patch,
                g,
            };
            // SAFETY: the caller vouches for the instruction set; the window lies in `x`, and there are
            // sums for each channel of `g`.
            unsafe { window.visit::<S, AddWindow>(geometry.size[0]) };
        }
    }
}

/// A window, and the filters that it meets.
struct Window<'a, T> {
    window: *mut T,
    /// Elements between its rows.
    row: usize,
    filters: *const T,
    /// Elements between rows of a filter, of which all are taken.
    filter_row: usize,
    /// Elements between filters.
    patch: usize,
    /// Gradients of the output's pixel.
    g: &'a [T],
}

/// What is done with rows of a window and of filters.
trait Add<T> {
    /// Does it with `R` rows of `V` vectors.
    ///
    /// # Safety
    /// The CPU has `S`, and the window and the filters have the elements.
    unsafe fn add<S: Simd<T>, const R: usize, const V: usize>(window: &Window<T>);
}

impl<T: Float> Window<'_, T> {
    /// Visits `rows` rows of whole vectors, some at a time.
    ///
    /// # Safety
    /// As [`Add::add`]'s.
    #[inline(always)]
    unsafe fn visit<S: Simd<T>, A: Add<T>>(&self, rows: usize) {
        let vectors = self.filter_row / S::LANES;
        let mut row = 0;
        while row < rows {
            let many_rows = rows - row >= ROWS;
            let mut vector = 0;
            while vector < vectors {
                let many = vectors - vector >= VECTORS;
                let part = Window {
                    window: self.window.wrapping_add(row * self.row + vector * S::LANES),
                    filters: self.filters.wrapping_add(row * self.filter_row + vector * S::LANES),
                    ..*self
                };
                // SAFETY: as the caller promises.
                unsafe {
                    match (many_rows, many) {
                        (true, true) => A::add::<S, ROWS, VECTORS>(&part),
                        (true, false) => A::add::<S, ROWS, 1>(&part),
                        (false, true) => A::add::<S, 1, VECTORS>(&part),
                        (false, false) => A::add::<S, 1, 1>(&part),
                    }
                }
                vector += if many { VECTORS } else { 1 };
            }
            row += if many_rows { ROWS } else { 1 };
        }
    }

    /// The vectors of the window.
    #[inline(always)]
    unsafe fn load<S: Simd<T>, const R: usize, const V: usize>(&self) -> [[S::V; V]; R] {
        let at = |r: usize, v: usize| self.window.wrapping_add(r * self.row + v * S::LANES);
        // SAFETY: the caller vouches for the instruction set and the elements.
        std::array::from_fn(|r| std::array::from_fn(|v| unsafe { S::load(at(r, v)) }))
    }

    /// Calls `visit` with each element of `g` that is not 0, and the filter of its channel.
    #[inline(always)]
    unsafe fn for_each_nonzero<S: Simd<T>>(&self, mut visit: impl FnMut(T, *const T)) {
        for (chunk, g) in self.g.chunks(64).enumerate() {
            let mut bits = 0u64;
            for (vector, g) in g.chunks(S::LANES).enumerate() {
                // SAFETY: the caller vouches for the instruction set; the elements are there.
                let zeros = unsafe {
                    let v = S::load_partial(g.as_ptr(), g.len());
                    S::bits(S::eq(v, S::splat(T::ZERO)))
                };
                let nonzero = !zeros & ((1u32 << S::LANES) - 1);
                bits |= u64::from(nonzero) << (vector * S::LANES);
            }
            while bits != 0 {
                let at = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                visit(g[at], self.filters.wrapping_add((64 * chunk + at) * self.patch));
            }
        }
    }
}

/// The window gets the filters times the gradients of their channels.
struct AddFilters;

impl<T: Float> Add<T> for AddFilters {
    #[inline(always)]
    unsafe fn add<S: Simd<T>, const R: usize, const V: usize>(window: &Window<T>) {
        // SAFETY: the trait's contract.
        unsafe {
            let mut sums = window.load::<S, R, V>();
            window.for_each_nonzero::<S>(|g, filter| {
                let g = S::splat(g);
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let at = filter.wrapping_add(r * window.filter_row + v * S::LANES);
                        *sum = S::mul_add(g, S::load(at), *sum);
                    }
                }
            });
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    S::store(window.window.wrapping_add(r * window.row + v * S::LANES), sum);
                }
            }
        }
    }
}

/// The filters get the window times the gradients of their channels.
struct AddWindow;

impl<T: Float> Add<T> for AddWindow {
    #[inline(always)]
    unsafe fn add<S: Simd<T>, const R: usize, const V: usize>(window: &Window<T>) {
        // SAFETY: the trait's contract.
        unsafe {
            let x = window.load::<S, R, V>();
            window.for_each_nonzero::<S>(|g, filter| {
                let g = S::splat(g);
                for (r, x) in x.iter().enumerate() {
                    for (v, &x) in x.iter().enumerate() {
                        let at = filter.wrapping_add(r * window.filter_row + v * S::LANES);
                        S::store(at.cast_mut(), S::mul_add(x, g, S::load(at)));
                    }
                }
            });
        }
    }
}
