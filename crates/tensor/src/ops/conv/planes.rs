//! Images with zeros around them, laid out for the kernels that slide windows over them.

use std::ops::Range;

use super::Geometry;
use crate::kernels::simd::Simd;
use crate::ops::square::{Lanes, lane_starts, load_square};
use crate::view::Float;

/// The rows of an image that some rows of windows cover, zeros around it included: the first of them, and
/// how many.
fn covered(geometry: &Geometry, rows: &Range<usize>) -> (isize, usize) {
    let first = (rows.start * geometry.strides[0]) as isize - geometry.pad[0] as isize;
    (first, (rows.len().max(1) - 1) * geometry.strides[0] + geometry.size[0])
}

/// Rows of pixels, `[row][channel][phase][place]`: the neighbours of a pixel are those of the next windows,
/// so that a window's element is read for several windows side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    geometry: Geometry,
    /// Columns that windows next to each other begin with.
    phases: usize,
    /// Pixels of a phase.
    len: usize,
}

impl Planes {
    pub(super) fn new(geometry: Geometry) -> Self {
        let (stride, width) = (geometry.strides[1], geometry.size[1]);
        let len = geometry.output[1] + width.saturating_sub(1) / stride;
        Self { geometry, phases: stride.min(width), len }
    }

    /// Elements between channels.
    pub(super) fn channel(&self) -> usize {
        self.phases * self.len
    }

    /// Elements between rows.
    pub(super) fn row(&self) -> usize {
        self.geometry.channels * self.channel()
    }

    /// Elements of the rows that `rows` rows of windows cover.
    pub(super) fn elements(&self, rows: usize) -> usize {
        covered(&self.geometry, &(0..rows)).1 * self.row()
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Calls `visit` for each place in a row of the window, with the elements before it.
    #[inline(always)]
    pub(super) fn for_each_place(&self, mut visit: impl FnMut(usize)) {
        let (mut phase, mut at) = (0, 0);
        for _ in 0..self.geometry.size[1] {
            visit(phase * self.len + at);
            phase += 1;
            if phase == self.geometry.strides[1] {
                (phase, at) = (0, at + 1);
            }
        }
    }

    /// Copies what `rows` rows of windows cover of an image.
    ///
    /// # Safety
    /// The CPU has `S`.
    #[inline(always)]
    pub(super) unsafe fn fill<T: Float, S: Simd<T>>(
        &self,
        image: &[T],
        rows: Range<usize>,
        to: &mut [T],
    ) {
        let Geometry { input: [height, width], channels, strides, pad, .. } = self.geometry;
        let (first, count) = covered(&self.geometry, &rows);
        to.fill(T::ZERO);
        for (row, to) in to.chunks_exact_mut(self.row()).take(count).enumerate() {
            let y = first + row as isize;
            if y < 0 || y as usize >= height {
                continue;
            }
            let from = &image[y as usize * width * channels..][..width * channels];
            for phase in 0..self.phases {
                let skip = pad[1].saturating_sub(phase).div_ceil(strides[1]);
                let x = phase + skip * strides[1] - pad[1];
                let count = width.saturating_sub(x).div_ceil(strides[1]);
                let count = count.min(self.len.saturating_sub(skip));
                let to = &mut to[phase * self.len + skip.min(self.len)..];
                if count == 0 {
                    continue;
                }
                if channels == 1 && strides[1] == 1 {
                    to[..count].copy_from_slice(&from[x..][..count]);
                    continue;
                }
                let pixels = &from[x * channels..];
                let pixels = Lanes { at: pixels.as_ptr(), lane: strides[1] * channels, step: 1 };
                assert!((channels - 1) * self.channel() + count <= to.len(), "planes fit");
                // SAFETY: the caller vouches for the instruction set; `count` pixels lie in the row, and
                // as many places in each plane.
                unsafe {
                    turn::<T, S>(pixels, [count, channels], |channel, pixel, v, count| {
                        let to = to.as_mut_ptr().add(channel * self.channel() + pixel);
                        S::store_partial(to, v, count);
                    });
                }
            }
        }
    }
}

/// Turns lanes into rows: calls `put(step, lane, v, count)` where `v` has element `step` of the `count` lanes
/// from `lane` on.
///
/// # Safety
/// The CPU has `S`, and `from` has the elements of the lanes.
#[inline(always)]
pub(super) unsafe fn turn<T: Float, S: Simd<T>>(
    from: Lanes<T>,
    [lanes, steps]: [usize; 2],
    mut put: impl FnMut(usize, usize, S::V, usize),
) {
    for lane in (0..lanes).step_by(S::LANES) {
        let count = S::LANES.min(lanes - lane);
        let from = Lanes { at: from.at.wrapping_add(lane * from.lane), ..from };
        let mut starts = lane_starts::<T, S>(from, count);
        for step in (0..steps).step_by(S::LANES) {
            let many = S::LANES.min(steps - step);
            // SAFETY: as the caller promises.
            let square = unsafe { load_square::<T, S>(&mut starts, many) };
            for (at, &v) in square.iter().enumerate().take(many) {
                put(step + at, lane, v, count);
            }
        }
    }
}

/// Rows of pixels as in the image, `[row][column][channel]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Padded {
    geometry: Geometry,
    /// Columns, those of zeros included.
    pub(super) width: usize,
}

impl Padded {
    pub(super) fn new(geometry: Geometry) -> Self {
        let width = geometry.output[1].max(1) - 1;
        Self { geometry, width: width * geometry.strides[1] + geometry.size[1] }
    }

    /// Elements between rows.
    pub(super) fn row(&self) -> usize {
        self.width * self.geometry.channels
    }

    /// Elements of the rows that `rows` rows of windows cover.
    pub(super) fn elements(&self, rows: usize) -> usize {
        covered(&self.geometry, &(0..rows)).1 * self.row()
    }

    /// Elements before an image's in a row, of how many there is room.
    pub(super) fn inner(&self) -> Range<usize> {
        let Geometry { input, channels, pad, .. } = self.geometry;
        let start = pad[1].min(self.width);
        start * channels..(start + input[1]).min(self.width) * channels
    }

    /// Copies what `rows` rows of windows cover of an image.
    #[inline(always)]
    pub(super) fn fill<T: Float>(&self, image: &[T], rows: Range<usize>, to: &mut [T]) {
        let Geometry { input: [height, width], channels, .. } = self.geometry;
        let (first, count) = covered(&self.geometry, &rows);
        let inner = self.inner();
        for (row, to) in to.chunks_exact_mut(self.row()).take(count).enumerate() {
            let y = first + row as isize;
            if y < 0 || y as usize >= height {
                to.fill(T::ZERO);
                continue;
            }
            let from = &image[y as usize * width * channels..][..inner.len()];
            to[..inner.start].fill(T::ZERO);
            to[inner.clone()].copy_from_slice(from);
            to[inner.end..].fill(T::ZERO);
        }
    }
}
