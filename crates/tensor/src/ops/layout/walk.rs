//! Elements visited in row-major order of one array, at any strides of another.

use crate::array::RANK_MAX;
use crate::ops::blocks::{Parts, piece_rows};
use crate::pool::for_each_block;

/// Most axes: a tiled array has each twice.
pub(super) const AXES_MAX: usize = 2 * RANK_MAX;

/// A place in an array for each element of a shape: `start` plus index times stride along each axis.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    sizes: [usize; AXES_MAX],
    strides: [isize; AXES_MAX],
    rank: usize,
    start: isize,
}

impl Walk {
    /// The places from `start` on, along axes of (size, stride); axes that can be are joined.
    pub(super) fn new(start: usize, axes: impl Iterator<Item = (usize, isize)>) -> Self {
        let mut walk =
            Self { sizes: [1; AXES_MAX], strides: [0; AXES_MAX], rank: 0, start: start as isize };
        for (size, stride) in axes.filter(|&(size, _)| size != 1) {
            let last = walk.rank.wrapping_sub(1);
            if walk.rank > 0 && walk.strides[last] == stride * size as isize {
                walk.sizes[last] *= size;
                walk.strides[last] = stride;
            } else {
                walk.sizes[walk.rank] = size;
                walk.strides[walk.rank] = stride;
                walk.rank += 1;
            }
        }
        walk
    }

    /// The number of places.
    pub(super) fn len(&self) -> usize {
        self.sizes[..self.rank].iter().product()
    }

    /// The axes: (size, stride).
    pub(super) fn axis(&self, axis: usize) -> (usize, isize) {
        (self.sizes[axis], self.strides[axis])
    }

    /// The number of axes.
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// The `index`th place.
    #[inline(always)]
    pub(super) fn place(&self, mut index: usize) -> usize {
        let mut place = self.start;
        for axis in (0..self.rank).rev() {
            place += (index % self.sizes[axis]) as isize * self.strides[axis];
            index /= self.sizes[axis];
        }
        place as usize
    }

    /// The size and stride of the last axis, of which rows are.
    fn row(&self) -> (usize, isize) {
        if self.rank == 0 { (1, 0) } else { self.axis(self.rank - 1) }
    }

    /// Calls `visit` with the place of the first element of each of the rows given.
    fn rows(&self, rows: std::ops::Range<usize>, mut visit: impl FnMut(usize, isize)) {
        let outer = self.rank.saturating_sub(1);
        let mut index = [0; AXES_MAX];
        let mut rest = rows.start;
        let mut place = self.start;
        for axis in (0..outer).rev() {
            index[axis] = rest % self.sizes[axis];
            rest /= self.sizes[axis];
            place += index[axis] as isize * self.strides[axis];
        }
        for row in rows {
            visit(row, place);
            for axis in (0..outer).rev() {
                index[axis] += 1;
                place += self.strides[axis];
                if index[axis] < self.sizes[axis] {
                    break;
                }
                place -= self.strides[axis] * self.sizes[axis] as isize;
                index[axis] = 0;
            }
        }
    }
}

/// Writes the elements of `x` at the places to `out`, in order.
pub(super) fn gather<T: Copy + Send + Sync>(x: &[T], walk: &Walk, out: &mut [T]) {
    let (len, stride) = walk.row();
    assert_eq!(out.len(), walk.len(), "as many elements as places");
    if out.is_empty() {
        return;
    }
    let rows = out.len() / len;
    let piece = piece_rows(len);
    let out = Parts::new(out);
    for_each_block(rows.div_ceil(piece), |block| {
        let rows = block * piece..(block * piece + piece).min(rows);
        walk.rows(rows, |row, place| {
            // SAFETY: each row is written once.
            copy_row(x, place, stride, unsafe { out.part(row * len, len) });
        });
    });
}

#[inline(always)]
fn copy_row<T: Copy>(x: &[T], place: isize, stride: isize, out: &mut [T]) {
    let len = out.len();
    match stride {
        1 => out.copy_from_slice(&x[place as usize..][..len]),
        0 => out.fill(x[place as usize]),
        -1 => {
            let first = place as usize + 1 - len;
            for (out, &x) in out.iter_mut().zip(x[first..][..len].iter().rev()) {
                *out = x;
            }
        }
        _ => {
            let mut place = place;
            for out in out {
                *out = x[place as usize];
                place += stride;
            }
        }
    }
}

/// Writes the elements of `x`, in order, to the places in `out`.
pub(super) fn scatter<T: Copy>(x: &[T], walk: &Walk, out: &mut [T]) {
    let (len, stride) = walk.row();
    if x.is_empty() {
        return;
    }
    walk.rows(0..x.len() / len, |row, place| {
        let x = &x[row * len..][..len];
        if stride == 1 {
            out[place as usize..][..len].copy_from_slice(x);
        } else {
            for (i, &x) in x.iter().enumerate() {
                out[(place + i as isize * stride) as usize] = x;
            }
        }
    });
}
