//! Squares of a matrix, transposed in registers.

use crate::kernels::simd::{LANES_MAX, Simd, transpose};
use crate::view::Float;

/// A matrix whose columns or rows are the lanes of vectors: lane `l` of step `k` is at
/// `at + l * lane + k * step`.
#[derive(Clone, Copy)]
pub(super) struct Lanes<T> {
    pub(super) at: *const T,
    pub(super) lane: usize,
    pub(super) step: usize,
}

/// Where each lane starts; those beyond `count` as the last.
#[inline(always)]
pub(super) fn lane_starts<T, S: Simd<T>>(from: Lanes<T>, count: usize) -> [*const T; LANES_MAX] {
    std::array::from_fn(|lane| from.at.wrapping_add(lane.min(count - 1) * from.lane))
}

/// The next `steps <= LANES` elements of each lane as vectors, one a step; moves the lanes on.
///
/// # Safety
/// The CPU has `S` and the lanes have the elements.
#[inline(always)]
pub(super) unsafe fn load_square<T: Float, S: Simd<T>>(
    lanes: &mut [*const T; LANES_MAX],
    steps: usize,
) -> [S::V; LANES_MAX] {
    // SAFETY: as the caller promises.
    unsafe {
        let square = if steps == S::LANES {
            S::load_transposed(lanes)
        } else {
            let mut square = [S::splat(T::ZERO); LANES_MAX];
            for (row, &from) in square.iter_mut().zip(lanes.iter()).take(S::LANES) {
                *row = S::load_partial(from, steps);
            }
            transpose::<T, S>(&mut square);
            square
        };
        for lane in lanes.iter_mut().take(S::LANES) {
            *lane = lane.wrapping_add(steps);
        }
        square
    }
}
