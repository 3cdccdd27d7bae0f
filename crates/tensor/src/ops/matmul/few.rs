//! Products of a few rows, or of little work: nothing is copied.

use super::tile::{Left, Product, Right, Sums, band};
use crate::kernels::simd::Simd;
use crate::ops::square::{Lanes, lane_starts, load_square};
use crate::view::{Float, MatrixView};

/// Most rows whose sums are kept at once.
const ROWS: usize = 4;
/// Vectors of columns that are summed side by side, to hide the latency of their chains.
const SIDE_BY_SIDE: usize = 2;
/// Bytes of a right factor that stay in the second-level cache.
const CACHED: usize = 1 << 20;
/// Rows of a larger right factor that are read at a time, from start to end.
const STEPS: usize = 32;

/// `c = a b`.
///
/// # Safety
/// The CPU has `S`, and `c` the elements.
#[inline(always)]
pub(super) unsafe fn multiply<T: Float, S: Simd<T>>(
    a: MatrixView<T>,
    b: MatrixView<T>,
    c: Product<T>,
) {
    let left = Left { at: a.data().as_ptr(), row: a.row_stride(), step: a.col_stride() };
    // SAFETY: as the caller promises; the views hold the elements of the factors.
    unsafe {
        if b.col_stride() == 1 || b.cols() == 1 {
            multiply_adjacent::<T, S>(a.rows(), left, b, c);
        } else {
            let mut row = 0;
            while row + ROWS <= a.rows() {
                dots::<T, S, ROWS>(left.rows_from(row), b, c.part(row, 0));
                row += ROWS;
            }
            if row + 2 <= a.rows() {
                dots::<T, S, 2>(left.rows_from(row), b, c.part(row, 0));
                row += 2;
            }
            if row < a.rows() {
                dots::<T, S, 1>(left.rows_from(row), b, c.part(row, 0));
            }
        }
    }
}

/// Where the columns of `b` are adjacent.
#[inline(always)]
unsafe fn multiply_adjacent<T: Float, S: Simd<T>>(
    rows: usize,
    a: Left<T>,
    b: MatrixView<T>,
    mut c: Product<T>,
) {
    let (depth, width) = (b.rows(), b.cols());
    let whole = depth * width * size_of::<T>() <= CACHED || matches!(c.sums, Sums::Subtracted(_));
    let steps = if whole { depth } else { STEPS };
    for first in (0..depth).step_by(steps) {
        let steps = steps.min(depth - first);
        let a = Left { at: a.at.wrapping_add(first * a.step), ..a };
        let at = b.data()[first * b.row_stride()..].as_ptr();
        let b = Right { at, vector: S::LANES, step: b.row_stride() };
        let mut row = 0;
        // SAFETY: as the caller promises.
        unsafe {
            while row + ROWS <= rows {
                band::<T, S, ROWS, 2>(steps, a.rows_from(row), b, c.part(row, 0), width);
                row += ROWS;
            }
            if row + 2 <= rows {
                band::<T, S, 2, 4>(steps, a.rows_from(row), b, c.part(row, 0), width);
                row += 2;
            }
            if row < rows {
                band::<T, S, 1, 8>(steps, a.rows_from(row), b, c.part(row, 0), width);
            }
        }
        c.sums = Sums::Added;
    }
}

/// `MR` rows, where the rows of `b` are adjacent: a square of `b` at a time is transposed in registers.
#[inline(always)]
unsafe fn dots<T: Float, S: Simd<T>, const MR: usize>(a: Left<T>, b: MatrixView<T>, c: Product<T>) {
    let width = b.cols();
    for first in (0..width).step_by(SIDE_BY_SIDE * S::LANES) {
        let count = (SIDE_BY_SIDE * S::LANES).min(width - first);
        let at = b.data()[first * b.col_stride()..].as_ptr();
        let lanes = Lanes { at, lane: b.col_stride(), step: 1 };
        // SAFETY: as the caller promises.
        unsafe {
            if count > S::LANES {
                dots_of::<T, S, MR, SIDE_BY_SIDE>(b.rows(), a, lanes, c.part(0, first), count);
            } else {
                dots_of::<T, S, MR, 1>(b.rows(), a, lanes, c.part(0, first), count);
            }
        }
    }
}

/// As [`dots`], of the `count` columns of `NV` vectors.
#[inline(always)]
unsafe fn dots_of<T: Float, S: Simd<T>, const MR: usize, const NV: usize>(
    depth: usize,
    a: Left<T>,
    b: Lanes<T>,
    c: Product<T>,
    count: usize,
) {
    let lanes_of = |v: usize| S::LANES.min(count - v * S::LANES);
    // SAFETY: as the caller promises.
    unsafe {
        let mut rows: [_; NV] = std::array::from_fn(|v| {
            let at = b.at.wrapping_add(v * S::LANES * b.lane);
            lane_starts::<T, S>(Lanes { at, ..b }, lanes_of(v))
        });
        let mut sums = [[S::splat(T::ZERO); NV]; MR];
        if c.sums == Sums::Added {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load_partial(c.at.add(i * c.row + v * S::LANES), lanes_of(v));
                }
            }
        }
        let mut left = a.at;
        for _ in 0..depth / S::LANES {
            for (v, rows) in rows.iter_mut().enumerate() {
                let square = load_square::<T, S>(rows, S::LANES);
                // A length that is known when compiled keeps the square in registers.
                add_square::<T, S, MR, NV>(
                    &mut sums,
                    v,
                    Left { at: left, ..a },
                    &square[..S::LANES],
                );
            }
            left = left.wrapping_add(S::LANES * a.step);
        }
        let rest = depth % S::LANES;
        for (v, rows) in rows.iter_mut().enumerate().filter(|_| rest > 0) {
            let square = load_square::<T, S>(rows, rest);
            add_square::<T, S, MR, NV>(&mut sums, v, Left { at: left, ..a }, &square[..rest]);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let (at, count) = (c.at.add(i * c.row + v * S::LANES), lanes_of(v));
                S::store_partial(at, c.sums.end::<S>(sum, || S::load_partial(at, count)), count);
            }
        }
    }
}

/// Adds to the sums of vector `v` the products of the columns given, one after the other.
#[inline(always)]
unsafe fn add_square<T: Float, S: Simd<T>, const MR: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; MR],
    v: usize,
    a: Left<T>,
    square: &[S::V],
) {
    for (k, &columns) in square.iter().enumerate() {
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as the caller promises.
            unsafe {
                let x = S::splat(*a.at.add(i * a.row + k * a.step));
                sums[v] = S::mul_add(x, columns, sums[v]);
            }
        }
    }
}
