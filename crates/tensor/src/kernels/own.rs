//! The squared distance of each row to its own centre.

use std::ops::Range;

use super::simd::{Kernel, Simd, dispatch};
use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Rows at a time, to hide the latency of their chains.
const ROWS: usize = 8;

/// Writes `Σ (x - c)²` of each row of `rows` to the centre that `labels` (for `rows` alone) names.
pub(super) fn own_distances<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    centers: &[T],
    labels: &[i32],
    out: &mut [T],
) {
    dispatch(isa, Own { x, rows, centers, labels, out });
}

struct Own<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    centers: &'a [T],
    labels: &'a [i32],
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for Own<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, rows, centers, labels, out } = self;
        assert!(labels.len() == rows.len() && out.len() == rows.len(), "one of each a row");
        let d = x.cols();
        let center = |label: i32| &centers[label as usize * d..][..d];
        let blocks = out.chunks_mut(ROWS).zip(labels.chunks(ROWS));
        for (start, (out, labels)) in rows.step_by(ROWS).zip(blocks) {
            // The last block repeats its last row.
            let at = |i: usize| i.min(labels.len() - 1);
            let centers: [&[T]; ROWS] = std::array::from_fn(|i| center(labels[at(i)]));
            let contiguous: [Option<&[T]>; ROWS] = std::array::from_fn(|i| x.row(start + at(i)));
            let mut sums = [T::ZERO; ROWS];
            for col in 0..d {
                for i in 0..ROWS {
                    let value = match contiguous[i] {
                        Some(row) => row[col],
                        None => x.get(start + at(i), col),
                    };
                    let difference = value - centers[i][col];
                    sums[i] = difference.mul_add(difference, sums[i]);
                }
            }
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}
