//! The inner pass of k-means++: rows against the newest centre and a few candidates.

use std::ops::Range;

use super::candidates::PANEL_ROWS;
use super::pack::pack_panel;
use super::simd::{self, Simd};
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::view::{Float, MatrixView};

/// Most features of rows that are given as they are: with more, distances to several centres at a time,
/// which read a row once, were measured faster (0.7 of the time at 48 features, 1.4 at 16).
pub const SEED_PANEL_FEATURES_MAX: usize = 24;

/// Elements worked on at a time: one AVX-512 register of `f32`, two of `f64`.
const LANES: usize = 16;

/// Up to [`PANEL_ROWS`] rows in the form that suits their width.
#[derive(Clone, Copy, Debug)]
pub enum SeedRows<'a, T> {
    /// Feature by feature, `values[f * PANEL_ROWS + row]`, all [`PANEL_ROWS`] places there.
    Panel(&'a [T]),
    /// As their squared distances to all centres, row by row.
    Distances(&'a [T]),
}

/// Lays `rows` of `x`, at most [`PANEL_ROWS`], out as [`SeedRows::Panel`] in `panel`, with the last one
/// repeated to a full panel.
///
/// # Panics
/// Where `rows` is empty or not within `x`, or `zeros` does not have an element a feature.
pub fn transpose_rows<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    zeros: &[T],
    panel: &mut [T],
) {
    simd::dispatch(isa, Transpose { x, rows, zeros, panel });
}

struct Transpose<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    zeros: &'a [T],
    panel: &'a mut [T],
}

impl<T: Float> simd::Kernel<T> for Transpose<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { pack_panel::<T, S>(self.x, self.rows, self.zeros, self.panel, PANEL_ROWS) };
    }
}

/// What k-means++ does to one panel of rows.
///
/// Centre 0 has been chosen: `closest` is lowered to the squared distance from it. The others
/// are candidates. `potentials[c]` grows by Σ weight · min(closest, squared distance to centre c):
/// for centre 0 the potential reached, for a candidate the one that choosing it would give.
#[derive(Debug)]
pub struct SeedPass<'a, T> {
    /// The rows, as many as `closest` has elements.
    pub rows: SeedRows<'a, T>,
    /// Row-major centres, at least one.
    pub centers: &'a [T],
    /// Features.
    pub d: usize,
    /// Squared distance of each row to the closest centre so far.
    pub closest: &'a mut [T],
    /// One weight a row; `None` = all 1.
    pub weights: Option<&'a [T]>,
    /// One sum a centre.
    pub potentials: &'a mut [f64],
}

impl<T: Float> SeedPass<'_, T> {
    /// Does it, with the same bits on every instruction set.
    ///
    /// # Panics
    /// Where lengths do not fit.
    pub fn run(self, isa: Isa) {
        let (n_rows, d) = (self.closest.len(), self.d);
        assert!(n_rows <= PANEL_ROWS && d > 0 && !self.potentials.is_empty());
        assert_eq!(self.centers.len(), self.potentials.len() * d, "one potential a centre");
        assert!(self.weights.is_none_or(|weights| weights.len() == n_rows), "one weight a row");
        match self.rows {
            SeedRows::Panel(values) => assert_eq!(values.len(), PANEL_ROWS * d),
            SeedRows::Distances(values) => {
                assert_eq!(values.len(), n_rows * self.potentials.len());
            }
        }
        dispatch(isa, self);
    }
}

impl<T: Float> Kernel for SeedPass<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n_rows = self.closest.len();
        let mut closest = [T::ZERO; PANEL_ROWS];
        closest[..n_rows].copy_from_slice(self.closest);
        let mut weights = [T::from_f64(1.0); PANEL_ROWS];
        if let Some(given) = self.weights {
            weights[..n_rows].copy_from_slice(given);
        }
        let mut distances = [T::ZERO; PANEL_ROWS];
        let n_centers = self.potentials.len();
        for (index, center) in self.centers.chunks_exact(self.d).enumerate() {
            match self.rows {
                SeedRows::Panel(values) => panel_distances(values, center, &mut distances),
                SeedRows::Distances(values) => {
                    let of_center = values[index..].iter().step_by(n_centers);
                    distances.iter_mut().zip(of_center).for_each(|(to, &from)| *to = from);
                }
            }
            for (distance, &bound) in distances.iter_mut().zip(&closest) {
                *distance = if *distance < bound { *distance } else { bound };
            }
            if index == 0 {
                closest = distances;
            }
            self.potentials[index] += weighted_sum(&distances, &weights, self.weights.is_some());
        }
        self.closest.copy_from_slice(&closest[..n_rows]);
    }
}

/// Squared distances of a panel's rows to `center`.
#[inline(always)]
fn panel_distances<T: Float>(panel: &[T], center: &[T], out: &mut [T; PANEL_ROWS]) {
    for start in (0..PANEL_ROWS).step_by(LANES) {
        let mut sums = [T::ZERO; LANES];
        for (feature, &c) in panel.chunks_exact(PANEL_ROWS).zip(center) {
            let values = &feature[start..start + LANES];
            for lane in 0..LANES {
                let difference = values[lane] - c;
                sums[lane] = difference.mul_add(difference, sums[lane]);
            }
        }
        out[start..start + LANES].copy_from_slice(&sums);
    }
}

/// Adds the upper `half` lanes to the lower ones.
#[inline(always)]
fn halve<T: Float>(mut sums: [T; LANES], half: usize) -> [T; LANES] {
    for lane in 0..half {
        sums[lane] += sums[lane + half];
    }
    sums
}

/// Σ value · weight in double precision, lane by lane and then over the lanes.
#[inline(always)]
fn weighted_sum<T: Float>(
    values: &[T; PANEL_ROWS],
    weights: &[T; PANEL_ROWS],
    weighted: bool,
) -> f64 {
    let mut sums = [0.0f64; LANES];
    for start in (0..PANEL_ROWS).step_by(LANES) {
        for lane in 0..LANES {
            let value = values[start + lane].to_f64();
            sums[lane] += if weighted { value * weights[start + lane].to_f64() } else { value };
        }
    }
    halve(halve(halve(halve(sums, 8), 4), 2), 1)[0]
}
