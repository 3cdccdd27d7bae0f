//! The squared distance of each row to its own centre.

use std::ops::Range;

use super::DIRECT_COLS_MAX;
use super::simd::{Kernel, Simd, dispatch};
use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Features summed side by side.
const LANES: usize = 16;

/// Writes [`squared_distance`] of each row of `rows` to the centre that `labels` (for `rows` alone)
/// names.
pub(super) fn own_distances<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    centers: &[T],
    labels: &[i32],
    out: &mut [T],
) {
    assert!(labels.len() == rows.len() && out.len() == rows.len(), "one of each a row");
    dispatch(isa, Own { x, first_row: rows.start, centers, labels, out });
}

struct Own<'a, T> {
    x: MatrixView<'a, T>,
    first_row: usize,
    centers: &'a [T],
    labels: &'a [i32],
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for Own<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, first_row, centers, labels, out } = self;
        let d = x.cols();
        let mut copy = if x.col_stride() == 1 { Vec::new() } else { vec![T::ZERO; d] };
        for (i, (&label, out)) in labels.iter().zip(out).enumerate() {
            let center = &centers[label as usize * d..][..d];
            let row = if x.col_stride() == 1 {
                &x.data()[(first_row + i) * x.row_stride()..][..d]
            } else {
                for (col, value) in copy.iter_mut().enumerate() {
                    *value = x.get(first_row + i, col);
                }
                &copy[..]
            };
            // SAFETY: the caller vouches for the instruction set.
            *out = unsafe { squared_distance::<T, S>(row, center) };
        }
    }
}

/// `Σ (x - c)²` with fused multiply-adds: one chain in feature order for up to
/// [`DIRECT_COLS_MAX`] features; beyond, 16 chains over every 16th feature, added up by halves.
///
/// # Safety
/// The CPU has `S`.
#[inline(always)]
unsafe fn squared_distance<T: Float, S: Simd<T>>(row: &[T], center: &[T]) -> T {
    if row.len() <= DIRECT_COLS_MAX {
        let terms = row.iter().zip(center);
        return terms.fold(T::ZERO, |sum, (&x, &c)| (x - c).mul_add(x - c, sum));
    }
    // SAFETY: the caller vouches for the instruction set.
    let mut sums = unsafe { sums_of_whole::<T, S>(row, center) };
    let (_, tail) = row.as_chunks::<LANES>();
    let (_, center_tail) = center.as_chunks::<LANES>();
    for ((&x, &c), sum) in tail.iter().zip(center_tail).zip(&mut sums) {
        *sum = (x - c).mul_add(x - c, *sum);
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            let upper = sums[lane + half];
            sums[lane] += upper;
        }
    }
    sums[0]
}

/// The 16 chains over as many whole 16s of features as there are.
#[inline(always)]
unsafe fn sums_of_whole<T: Float, S: Simd<T>>(row: &[T], center: &[T]) -> [T; LANES] {
    const { assert!(LANES.is_multiple_of(S::LANES)) };
    let ((body, _), (center_body, _)) = (row.as_chunks::<LANES>(), center.as_chunks::<LANES>());
    let mut sums = [T::ZERO; LANES];
    // SAFETY: the caller vouches for the instruction set; chunks and sums have LANES elements, and
    // `lane` is a multiple of S::LANES, which divides them.
    unsafe {
        let mut chains = [S::splat(T::ZERO); LANES];
        for (x, c) in body.iter().zip(center_body) {
            for (chain, lane) in chains.iter_mut().zip((0..LANES).step_by(S::LANES)) {
                let difference =
                    S::sub(S::load(x.as_ptr().add(lane)), S::load(c.as_ptr().add(lane)));
                *chain = S::mul_add(difference, difference, *chain);
            }
        }
        for (&chain, lane) in chains.iter().zip((0..LANES).step_by(S::LANES)) {
            S::store(sums.as_mut_ptr().add(lane), chain);
        }
    }
    sums
}
