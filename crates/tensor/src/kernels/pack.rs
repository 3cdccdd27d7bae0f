//! Rows of any layout, rearranged so that vectors hold one feature of many rows.

use std::ops::Range;

use super::simd::{LANES_MAX, Simd, transpose};
use crate::view::{Float, MatrixView};

/// Rows of a block of work that stays in the first-level cache when it has few features.
pub(super) const BLOCK_ROWS: usize = 256;

/// Writes feature `j` of the rows, at most [`BLOCK_ROWS`], to `to[j * BLOCK_ROWS..]`, with zeros for
/// the rows that are missing to a full block. Asks for the rows of the next block meanwhile.
///
/// # Safety
/// The CPU has `S`.
#[inline(always)]
pub(super) unsafe fn pack_columns<T: Float, S: Simd<T>, const D: usize>(
    x: MatrixView<T>,
    rows: Range<usize>,
    to: &mut [T],
) {
    assert!(x.cols() == D && rows.end <= x.rows() && rows.len() <= BLOCK_ROWS);
    assert!(to.len() >= D * BLOCK_ROWS);
    let count = rows.len();
    let mut done = 0;
    if count > 0 && x.row_stride() == D && (x.col_stride() == 1 || D == 1) {
        let from = &x.data()[rows.start * D..rows.end * D];
        while done + S::LANES <= count {
            // SAFETY: `from` has rows done..done + LANES of D elements; `to` has D columns of
            // BLOCK_ROWS >= done + LANES elements.
            unsafe {
                let (from, to) = (from.as_ptr().add(done * D), to.as_mut_ptr().add(done));
                for line in (0..D * S::LANES).step_by(64 / size_of::<T>()) {
                    S::prefetch(from.wrapping_add(D * BLOCK_ROWS + line));
                }
                S::deinterleave::<D>(from, to, BLOCK_ROWS);
            }
            done += S::LANES;
        }
    }
    for (col, to) in to.chunks_exact_mut(BLOCK_ROWS).take(D).enumerate() {
        for (to, row) in to[done..count].iter_mut().zip(rows.start + done..) {
            *to = x.get(row, col);
        }
        to[count..].fill(T::ZERO);
    }
}

/// Writes `x[row, j] - shift[j]` of `rows` to `to[j * width + i]`, with the last row repeated up to
/// `width`, a multiple of the lanes.
///
/// # Safety
/// The CPU has `S`.
#[inline(always)]
pub(super) unsafe fn pack_panel<T: Float, S: Simd<T>>(
    x: MatrixView<T>,
    rows: Range<usize>,
    shift: &[T],
    to: &mut [T],
    width: usize,
) {
    let d = x.cols();
    assert!(rows.end <= x.rows() && !rows.is_empty() && rows.len() <= width);
    assert!(shift.len() == d && to.len() >= d * width && width.is_multiple_of(S::LANES));
    for lane in (0..width).step_by(S::LANES) {
        let row = |i: usize| (rows.start + lane + i).min(rows.end - 1);
        // SAFETY: every row that `row` gives lies in the view, so all pointers made from it with
        // columns below d do; `to` has d rows of `width` elements, of which LANES follow `lane`.
        unsafe {
            let to = to.as_mut_ptr().add(lane);
            if x.col_stride() == 1 {
                pack_rows::<T, S>(x, row, shift, to, width);
            } else if x.row_stride() == 1 && row(S::LANES - 1) == row(0) + S::LANES - 1 {
                let from = x.data().as_ptr().add(row(0));
                for (col, &s) in shift.iter().enumerate() {
                    let column = S::load(from.add(col * x.col_stride()));
                    S::store(to.add(col * width), S::sub(column, S::splat(s)));
                }
            } else {
                for (col, &s) in shift.iter().enumerate() {
                    for i in 0..S::LANES {
                        *to.add(col * width + i) = x.get(row(i), col) - s;
                    }
                }
            }
        }
    }
}

/// Transposes `LANES` rows with adjacent elements.
#[inline(always)]
unsafe fn pack_rows<T: Float, S: Simd<T>>(
    x: MatrixView<T>,
    row: impl Fn(usize) -> usize,
    shift: &[T],
    to: *mut T,
    width: usize,
) {
    // SAFETY: `row` gives rows of the view; columns stay below d; `to` has d rows of `width`.
    unsafe {
        let mut from = [x.data().as_ptr(); LANES_MAX];
        for (i, from) in from.iter_mut().enumerate().take(S::LANES) {
            *from = from.add(row(i) * x.row_stride());
        }
        let mut to = to;
        let whole = shift.chunks_exact(S::LANES);
        let tail = whole.remainder();
        for shift in whole {
            let tile = S::load_transposed(&from);
            for from in from.iter_mut().take(S::LANES) {
                *from = from.add(S::LANES);
            }
            for (&column, &s) in tile.iter().zip(shift).take(S::LANES) {
                S::store(to, S::sub(column, S::splat(s)));
                to = to.add(width);
            }
        }
        if tail.is_empty() {
            return;
        }
        let mut tile = [S::splat(T::ZERO); LANES_MAX];
        for (tile, &from) in tile.iter_mut().zip(&from).take(S::LANES) {
            *tile = S::load_partial(from, tail.len());
        }
        transpose::<T, S>(&mut tile);
        for (&column, &s) in tile.iter().zip(tail) {
            S::store(to, S::sub(column, S::splat(s)));
            to = to.add(width);
        }
    }
}
