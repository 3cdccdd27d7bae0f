//! Gradients of convolutions by their filters.

use std::cell::Cell;

use super::Geometry;
use super::bands::{Band, Bands};
use super::nonzero::{AddToFilters, IsFinite, IsSparse};
use super::planes::{Padded, turn};
use crate::array::{Buffer, Element};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::ops::blocks::{for_each_piece, with_scratch};
use crate::ops::square::Lanes;
use crate::view::Float;

/// Elements of the sums that are made side by side, and most of these.
const SUMS: usize = 1 << 20;
const SUMS_MAX: usize = 8;
/// Elements of the window that are summed side by side.
const ROWS: usize = 9;

thread_local! {
    static PADDED: Cell<Buffer> = Cell::default();
    static SUMMED: Cell<Buffer> = Cell::default();
    static TURNED: Cell<Buffer> = Cell::default();
    static LISTS: Cell<Buffer> = Cell::default();
}

/// The gradient by filters `[kh, kw, c, m]`. The images are divided evenly among a number of sums that
/// depends on the shapes alone.
pub(super) fn filter_grad<T: Float + Element>(
    geometry: &Geometry,
    x: &[T],
    g: &[T],
    out: &mut [T],
) {
    let len = out.len();
    if len == 0 {
        return;
    }
    let outputs = len / geometry.patch();
    let bands = Bands::of_output(geometry, outputs);
    let n_sums = (SUMS / len).clamp(1, SUMS_MAX).min(bands.count());
    out.fill(T::ZERO);
    if geometry.windows() == 0 || n_sums == 0 {
        return;
    }
    let image_sum = ImageSum { geometry: *geometry, outputs, x, g };
    if n_sums == 1 {
        return image_sum.add((0..bands.count()).map(|band| bands.band(band)), out);
    }
    with_scratch(&SUMMED, n_sums * len, |sums: &mut [T]| {
        for_each_piece(sums, len, |sum, out| {
            let share = |sum: usize| sum * bands.count() / n_sums;
            out.fill(T::ZERO);
            image_sum.add((share(sum)..share(sum + 1)).map(|band| bands.band(band)), out);
        });
        for sum in sums.chunks_exact(len) {
            for (out, &x) in out.iter_mut().zip(sum) {
                *out += x;
            }
        }
    });
}

struct ImageSum<'a, T> {
    geometry: Geometry,
    outputs: usize,
    x: &'a [T],
    g: &'a [T],
}

impl<T: Float + Element> ImageSum<'_, T> {
    /// Adds to `out` what the bands give.
    fn add(&self, bands: impl Iterator<Item = Band>, out: &mut [T]) {
        let isa = Isa::detect();
        let len = out.len();
        let mut is_any_sparse = false;
        with_scratch(&TURNED, len, |turned: &mut [T]| {
            turned.fill(T::ZERO);
            for band in bands {
                is_any_sparse |= self.add_band(band, out, turned);
            }
            if is_any_sparse {
                dispatch(isa, AddTurned { turned, outputs: self.outputs, out });
            }
        });
    }

    /// Adds what a band gives to `out`, or `[m][kh][kw][c]` to `turned`; whether it did the latter.
    fn add_band(&self, band: Band, out: &mut [T], turned: &mut [T]) -> bool {
        let (isa, geometry, outputs) = (Isa::detect(), self.geometry, self.outputs);
        let padded = Padded::new(geometry);
        let image = &self.x[band.image * geometry.image()..][..geometry.image()];
        let row = geometry.output[1] * outputs;
        let first = band.image * geometry.output[0] + band.rows.start;
        let g = &self.g[first * row..][..band.rows.len() * row];
        let width = geometry.size[1] * geometry.channels;
        let is_sparse = dispatch(isa, IsSparse { g, width }) && dispatch(isa, IsFinite(image));
        with_scratch(&PADDED, padded.elements(band.rows.len()), |x: &mut [T]| {
            padded.fill(image, band.rows, x);
            if is_sparse {
                let len = AddToFilters::<T>::lists(g.len() / outputs);
                with_scratch(&LISTS, len, |lists: &mut [T]| {
                    dispatch(isa, AddToFilters { geometry, x, g, sums: turned, lists });
                });
            } else {
                dispatch(isa, AddProducts { geometry, x, g, outputs, sums: out });
            }
        });
        is_sparse
    }
}

/// Adds filters `[m][kh][kw][c]` to `[kh][kw][c][m]`.
struct AddTurned<'a, T> {
    turned: &'a [T],
    outputs: usize,
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddTurned<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { turned, outputs, out } = self;
        let patch = out.len() / outputs;
        assert_eq!(turned.len(), out.len(), "as many sums");
        let lanes = Lanes { at: turned.as_ptr(), lane: patch, step: 1 };
        // SAFETY: the caller vouches for the instruction set; both have the elements.
        unsafe {
            turn::<T, S>(lanes, [outputs, patch], |step, lane, v, count| {
                let to = out.as_mut_ptr().add(step * outputs + lane);
                let sum = S::mul_add(v, S::splat(T::from_f64(1.0)), S::load_partial(to, count));
                S::store_partial(to, sum, count);
            });
        }
    }
}

/// Adds the products of the windows of some rows and the gradients of their pixels.
struct AddProducts<'a, T> {
    geometry: Geometry,
    /// What the windows cover, padded.
    x: &'a [T],
    g: &'a [T],
    /// Channels of the output.
    outputs: usize,
    sums: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(mut self) {
        let (outputs, patch) = (self.outputs, self.geometry.patch());
        let rows = self.g.len() / (outputs * self.geometry.output[1]);
        assert!(self.x.len() >= Padded::new(self.geometry).elements(rows), "the windows' rows");
        assert_eq!(self.sums.len(), patch * outputs, "a sum for each");
        let mut column = 0;
        while column < outputs {
            let rest = outputs - column;
            // SAFETY: the caller vouches for the instruction set; elements are there, as checked.
            column += unsafe {
                match rest / S::LANES {
                    2.. => self.columns::<S, 2, NR, true>(column, 2 * S::LANES),
                    1 => self.columns::<S, 1, NR, true>(column, S::LANES),
                    _ => self.columns::<S, 1, NR, false>(column, rest),
                }
            };
        }
    }
}

impl<T: Float> AddProducts<'_, T> {
    /// The sums of `count` channels of the output; returns how many.
    #[inline(always)]
    unsafe fn columns<S: Simd<T>, const NV: usize, const NR: usize, const WHOLE: bool>(
        &mut self,
        column: usize,
        count: usize,
    ) -> usize {
        let patch = self.geometry.patch();
        let mut row = 0;
        while row < patch {
            // SAFETY: as the caller promises.
            row += unsafe {
                match patch - row {
                    // Registers of the smaller sets hold fewer sums.
                    ROWS.. if NR >= 8 => self.tile::<S, ROWS, NV, WHOLE>(row, column, count),
                    4.. => self.tile::<S, 4, NV, WHOLE>(row, column, count),
                    2.. => self.tile::<S, 2, NV, WHOLE>(row, column, count),
                    _ => self.tile::<S, 1, NV, WHOLE>(row, column, count),
                }
            };
        }
        count
    }

    /// The sums of `MR` elements of the window and `count` channels.
    #[inline(always)]
    unsafe fn tile<S: Simd<T>, const MR: usize, const NV: usize, const WHOLE: bool>(
        &mut self,
        row: usize,
        column: usize,
        count: usize,
    ) -> usize {
        let Geometry { size, output, strides, channels, .. } = self.geometry;
        let (padded, width) = (Padded::new(self.geometry), size[1] * channels);
        let to = self.sums.as_mut_ptr();
        let at =
            |i: usize, v: usize| to.wrapping_add((row + i) * self.outputs + column + v * S::LANES);
        let load = |from: *const T| {
            // SAFETY: the caller vouches for the instruction set and the elements.
            unsafe { if WHOLE { S::load(from) } else { S::load_partial(from, count) } }
        };
        // SAFETY: as the caller promises.
        unsafe {
            let mut sums: [[S::V; NV]; MR] =
                std::array::from_fn(|i| std::array::from_fn(|v| load(at(i, v))));
            let elements: [*const T; MR] = std::array::from_fn(|i| {
                let (y, x) = ((row + i) / width, (row + i) % width);
                self.x.as_ptr().add(y * padded.row() + x)
            });
            let mut g = self.g.as_ptr().add(column);
            for y in 0..self.g.len() / (self.outputs * output[1]) {
                let mut place = y * strides[0] * padded.row();
                for _ in 0..output[1] {
                    let columns: [S::V; NV] = std::array::from_fn(|v| load(g.add(v * S::LANES)));
                    for (element, sums) in elements.iter().zip(&mut sums) {
                        let x = S::splat(*element.add(place));
                        for v in 0..NV {
                            sums[v] = S::mul_add(x, columns[v], sums[v]);
                        }
                    }
                    place += strides[1] * channels;
                    g = g.wrapping_add(self.outputs);
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    if WHOLE {
                        S::store(at(i, v), sum);
                    } else {
                        S::store_partial(at(i, v), sum, count);
                    }
                }
            }
        }
        MR
    }
}
