//! Factors copied to where the tiles read them one after the other.

use crate::kernels::simd::Simd;
use crate::ops::square::{Lanes, lane_starts, load_square};
use crate::view::Float;

/// Panels whose lanes are adjacent that are copied at once.
const ADJACENT: usize = 4;

/// Copies `lanes` lanes of `depth` steps to panels `[panel][step][lane]` of `S::LANES` lanes, the last
/// one filled with zeros.
///
/// # Safety
/// The CPU has `S`, `from` has the elements and `to` room for whole panels.
#[inline(always)]
pub(in crate::ops) unsafe fn pack<T: Float, S: Simd<T>>(
    from: Lanes<T>,
    lanes: usize,
    depth: usize,
    to: *mut T,
) {
    let mut first = 0;
    while first < lanes {
        let panel = Lanes { at: from.at.wrapping_add(first * from.lane), ..from };
        let to = to.wrapping_add(first * depth);
        let count = S::LANES.min(lanes - first);
        // SAFETY: as the caller promises.
        unsafe {
            if from.lane == 1 && first + ADJACENT * S::LANES <= lanes {
                pack_adjacent::<T, S, ADJACENT>(panel, depth, to);
                first += ADJACENT * S::LANES;
                continue;
            }
            if from.lane == 1 && count == S::LANES {
                pack_adjacent::<T, S, 1>(panel, depth, to);
            } else if from.step == 1 {
                pack_transposed::<T, S>(panel, count, depth, to);
            } else {
                pack_any::<T, S>(panel, count, depth, to);
            }
        }
        first += S::LANES;
    }
}

/// `N` panels at once, so that the lines of a step are read one after the other.
#[inline(always)]
unsafe fn pack_adjacent<T: Float, S: Simd<T>, const N: usize>(
    panels: Lanes<T>,
    depth: usize,
    to: *mut T,
) {
    for k in 0..depth {
        for panel in 0..N {
            // SAFETY: as `pack`'s caller promises.
            unsafe {
                let v = S::load(panels.at.add(k * panels.step + panel * S::LANES));
                S::store(to.add((panel * depth + k) * S::LANES), v);
            }
        }
    }
}

#[inline(always)]
unsafe fn pack_transposed<T: Float, S: Simd<T>>(
    panel: Lanes<T>,
    count: usize,
    depth: usize,
    to: *mut T,
) {
    // SAFETY: as `pack`'s caller promises; lanes beyond `count` read the last one's elements.
    unsafe {
        let mut rows = lane_starts::<T, S>(panel, count);
        let mut to = to;
        let mut left = depth;
        while left > 0 {
            let steps = left.min(S::LANES);
            for &vector in load_square::<T, S>(&mut rows, steps).iter().take(steps) {
                S::store(to, vector);
                to = to.add(S::LANES);
            }
            left -= steps;
        }
    }
}

#[inline(always)]
unsafe fn pack_any<T: Float, S: Simd<T>>(panel: Lanes<T>, count: usize, depth: usize, to: *mut T) {
    for k in 0..depth {
        for lane in 0..S::LANES {
            let from = panel.at.wrapping_add(lane * panel.lane + k * panel.step);
            // SAFETY: as `pack`'s caller promises.
            unsafe {
                *to.add(k * S::LANES + lane) = if lane < count { *from } else { T::ZERO };
            }
        }
    }
}
