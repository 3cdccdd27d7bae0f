//! One row against some groups of centres, for algorithms that can rule the others out.

use super::gemm::Packed;
use super::simd::{Kernel, Simd, dispatch};
use crate::cpu::Isa;
use crate::view::Float;

/// How [`group_scores`] compares a row with centres.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Score {
    /// `Σ (x - c)²`
    Distance,
    /// `start - x·c`
    Product,
}

/// Writes the scores of `row` for the centres of `groups` to their places in `scores`, as a panel's
/// sums would be; infinities for the centres that fill up the last group.
pub(super) fn group_scores<T: Float>(
    isa: Isa,
    row: &[T],
    centers: &Packed<T>,
    kind: Score,
    groups: &[u32],
    scores: &mut [T],
) {
    assert_eq!(row.len(), centers.n_features, "features of the row");
    dispatch(isa, GroupScores { row, centers, kind, groups, scores });
}

struct GroupScores<'a, T> {
    row: &'a [T],
    centers: &'a Packed<T>,
    kind: Score,
    groups: &'a [u32],
    scores: &'a mut [T],
}

impl<T: Float> Kernel<T> for GroupScores<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        /// Groups at a time, to hide the latency of their chains.
        const GROUPS: usize = 4;
        let Self { row, centers, kind, groups, scores } = self;
        let (d, values) = (row.len(), centers.values.as_slice());
        for groups in groups.chunks(GROUPS) {
            let first = |g: usize| groups[g.min(groups.len() - 1)] as usize * NR;
            let mut sums = [[T::ZERO; NR]; GROUPS];
            for (g, sums) in sums.iter_mut().enumerate() {
                sums.copy_from_slice(&centers.starts[first(g)..][..NR]);
            }
            let group: [&[T]; GROUPS] = std::array::from_fn(|g| &values[first(g) * d..][..NR * d]);
            for (col, &x) in row.iter().enumerate() {
                for (sums, group) in sums.iter_mut().zip(&group) {
                    let centers: &[T] = &group[col * NR..][..NR];
                    for (sum, &c) in sums.iter_mut().zip(centers) {
                        let (a, b) = if kind == Score::Product { (-x, c) } else { (x - c, x - c) };
                        *sum = a.mul_add(b, *sum);
                    }
                }
            }
            for (g, sums) in sums.iter().take(groups.len()).enumerate() {
                scores[first(g)..][..NR].copy_from_slice(sums);
            }
        }
    }
}
