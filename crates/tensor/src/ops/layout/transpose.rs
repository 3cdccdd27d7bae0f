//! Axes in another order.

use super::walk::{AXES_MAX, Walk, gather};
use crate::array::{Buffer, RANK_MAX, Shape, View};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::ops::blocks::{Parts, piece_rows};
use crate::ops::number::with_size;
use crate::ops::square::{Lanes, lane_starts, load_square};
use crate::pool::for_each_block;
use crate::view::Float;

/// Least size of both axes of a matrix that is transposed square by square.
const SQUARES_FROM: usize = 4;
/// Columns of the output made at a time: as many pages of the input are held.
const TILE: usize = 512;

/// `x` with its axes in the order `perm`: axis `i` of the output is axis `perm[i]` of `x`.
///
/// # Panics
/// Where `perm` does not name each axis once.
pub fn transpose(x: View, perm: &[usize], out: &mut Buffer) {
    let mut named = [false; RANK_MAX];
    perm.iter().for_each(|&axis| named[axis] = true);
    let rank = x.shape.len();
    assert!(perm.len() == rank && named[..rank].iter().all(|&named| named), "each axis once");
    let steps: Shape = x.shape.strides();
    let walk = Walk::new(0, perm.iter().map(|&axis| (x.shape[axis], steps[axis] as isize)));
    let len = walk.len();
    match (Matrices::of(&walk), x.dtype.size()) {
        (Some(matrices), 4) => {
            matrices.transpose::<f32>(x.data.as_slice(len), out.as_mut_slice(len));
        }
        (Some(matrices), 8) => {
            matrices.transpose::<f64>(x.data.as_slice(len), out.as_mut_slice(len));
        }
        _ => with_size!(x.dtype, T => {
            gather::<T>(x.data.as_slice(len), &walk, out.as_mut_slice(len));
        }),
    }
}

/// Matrices whose columns become rows.
struct Matrices {
    /// Rows and columns of the output, and elements between its rows.
    rows: usize,
    columns: usize,
    row_step: usize,
    /// Elements of the input between those of a row of the output.
    column_step: usize,
    /// How they lie in the input and output, one after the other.
    starts: Walk,
    out_starts: Walk,
}

impl Matrices {
    /// The matrices of a walk whose rows are not adjacent in the input; `None` where they are, or
    /// are too small.
    fn of(walk: &Walk) -> Option<Self> {
        let last = walk.rank().checked_sub(1)?;
        let (columns, column_step) = walk.axis(last);
        let adjacent = (0..last).find(|&axis| walk.axis(axis).1 == 1)?;
        let (rows, _) = walk.axis(adjacent);
        let mut out_steps = [1; AXES_MAX];
        for axis in (0..last).rev() {
            out_steps[axis] = out_steps[axis + 1] * walk.axis(axis + 1).0;
        }
        let others = || (0..last).filter(|&axis| axis != adjacent);
        let starts = Walk::new(0, others().map(|axis| walk.axis(axis)));
        let out_starts =
            Walk::new(0, others().map(|axis| (walk.axis(axis).0, out_steps[axis] as isize)));
        (rows.min(columns) >= SQUARES_FROM && walk.len() > 0).then_some(Self {
            rows,
            columns,
            row_step: out_steps[adjacent],
            column_step: column_step as usize,
            starts,
            out_starts,
        })
    }

    fn transpose<T: Float>(&self, x: &[T], out: &mut [T]) {
        let across = self.columns.div_ceil(TILE);
        let tiles = self.starts.len() * across;
        let piece = piece_rows(self.rows * TILE.min(self.columns));
        let out = Parts::new(out);
        for_each_block(tiles.div_ceil(piece), |block| {
            let tiles = block * piece..(block * piece + piece).min(tiles);
            dispatch(Isa::detect(), Tiles { matrices: self, tiles, across, x, out: &out });
        });
    }
}

struct Tiles<'a, T> {
    matrices: &'a Matrices,
    tiles: std::ops::Range<usize>,
    /// Tiles of a matrix.
    across: usize,
    x: &'a [T],
    out: &'a Parts<'a, T>,
}

impl<T: Float> Kernel<T> for Tiles<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Matrices { rows, columns, row_step, column_step, .. } = *self.matrices;
        for tile in self.tiles {
            let (matrix, first) = (tile / self.across, tile % self.across * TILE);
            let start = self.matrices.starts.place(matrix) + first * column_step;
            let to = self.matrices.out_starts.place(matrix) + first;
            for row in (0..rows).step_by(S::LANES) {
                let height = S::LANES.min(rows - row);
                for column in (0..TILE.min(columns - first)).step_by(S::LANES) {
                    let width = S::LANES.min(columns - first - column);
                    let at = self.x[start + column * column_step + row..].as_ptr();
                    let mut lanes =
                        lane_starts::<T, S>(Lanes { at, lane: column_step, step: 1 }, width);
                    // SAFETY: the caller vouches for the instruction set; the square lies within
                    // the matrix, and no other tile has its elements of the output.
                    unsafe {
                        let square = load_square::<T, S>(&mut lanes, height);
                        let to = self.out.as_mut_ptr().add(to + row * row_step + column);
                        store_rows::<T, S>(&square[..height], to, row_step, width);
                    }
                }
            }
        }
    }
}

/// The first `width` lanes of each vector to a row of its own.
#[inline(always)]
unsafe fn store_rows<T, S: Simd<T>>(rows: &[S::V], to: *mut T, step: usize, width: usize) {
    for (row, &v) in rows.iter().enumerate() {
        // SAFETY: as the caller promises.
        unsafe {
            let to = to.add(row * step);
            if width == S::LANES { S::store(to, v) } else { S::store_partial(to, v, width) }
        }
    }
}
