//! One product of two matrices: which way it is computed, and its division among threads.

use std::cell::Cell;

use super::few;
use super::pack::pack;
use super::tile::{Left, Product, Right, Sums, band};
use crate::array::{Buffer, Element};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, LANES_MAX, Simd, dispatch};
use crate::ops::blocks::{Parts, with_scratch};
use crate::ops::square::Lanes;
use crate::pool::{for_each_block, n_threads, shares_columns};
use crate::view::{Float, MatrixView};

/// Most rows that are multiplied without copying.
const FEW_ROWS: usize = 4;
/// Most products whose factors are not worth copying.
const LITTLE_WORK: usize = 1 << 14;
/// Most rows for which the right factor is read where it lies.
const FEW_READS: usize = 256;
/// Products that are worth another thread, and the size that a shorter or narrower factor counts as.
const THREAD_WORK: usize = 3 << 18;
const SIZE_MIN: usize = 32;
/// Steps of the depth, rows and columns whose copies stay in the caches: those of the right factor for a
/// tile in the first level, those of the left factor and of the right one in the second.
const DEPTH: usize = 256;
const ROWS: usize = 512;
const COLUMNS: usize = 1024;
/// Bytes of a block of the right factor that stay in the first-level cache, where rows of the product are
/// then made whole.
const NEAR: usize = 1 << 15;
/// Most columns of the left factor of a product that is subtracted as it is made.
pub(in crate::ops) const DESCENT_DEPTH_MAX: usize = DEPTH;

thread_local! {
    static LEFT: Cell<Buffer> = Cell::default();
    static RIGHT: Cell<Buffer> = Cell::default();
}

/// `out = a b`, or `out + a b`, row-major. Each element is one chain of fused multiply-adds over the
/// columns of `a` in order, so its bits depend on its row and column alone.
///
/// # Panics
/// Where the sizes do not fit.
pub(in crate::ops) fn multiply<T: Float + Element>(
    a: MatrixView<T>,
    b: MatrixView<T>,
    out: &mut [T],
    adds: bool,
) {
    let sums = if adds { Sums::Added } else { Sums::Written };
    multiply_to(a, b, out, sums);
}

/// `out -= factor (a b)`, where each step is rounded: the bits are those of the product written, then
/// multiplied, then subtracted. `a` has at most [`DESCENT_DEPTH_MAX`] columns.
///
/// # Panics
/// Where the sizes do not fit.
pub(super) fn descend<T: Float + Element>(
    a: MatrixView<T>,
    b: MatrixView<T>,
    factor: T,
    out: &mut [T],
) {
    assert!(a.cols() <= DESCENT_DEPTH_MAX, "the sums are made in one go");
    multiply_to(a, b, out, Sums::Subtracted(factor));
}

fn multiply_to<T: Float + Element>(
    a: MatrixView<T>,
    b: MatrixView<T>,
    out: &mut [T],
    sums: Sums<T>,
) {
    assert!(a.cols() == b.rows() && out.len() == a.rows() * b.cols(), "sizes fit");
    if out.is_empty() {
        return;
    }
    if a.cols() == 0 {
        if sums == Sums::Written {
            out.fill(T::ZERO);
        }
        return;
    }
    // A single column is a single row of the transposed product.
    let (a, b) = if b.cols() == 1 { (transposed(b), transposed(a)) } else { (a, b) };
    let width = b.cols();
    let parts = Division::new(a.rows(), a.cols(), width);
    if parts.count() == 1 {
        let c = Product { at: out.as_mut_ptr(), row: width, sums };
        return multiply_part(a, b, c);
    }
    let out = Parts::new(out);
    for_each_block(parts.count(), |part| {
        let (rows, columns) = parts.part(part);
        let c = Product { at: out.as_mut_ptr(), row: width, sums }.part(rows.start, columns.start);
        let a = rows_of(a, rows);
        let b = transposed(rows_of(transposed(b), columns));
        multiply_part(a, b, c);
    });
}

/// The transposed view.
pub(in crate::ops) fn transposed<T: Copy>(x: MatrixView<T>) -> MatrixView<T> {
    MatrixView::new(x.data(), x.cols(), x.rows(), x.col_stride(), x.row_stride())
        .expect("the elements of a view")
}

/// Some rows of a view.
fn rows_of<T: Copy>(x: MatrixView<'_, T>, rows: std::ops::Range<usize>) -> MatrixView<'_, T> {
    let data = &x.data()[rows.start * x.row_stride()..];
    MatrixView::new(data, rows.len(), x.cols(), x.row_stride(), x.col_stride())
        .expect("rows of the view")
}

/// How a product is divided among threads.
struct Division {
    rows: usize,
    columns: usize,
    /// Rows and columns of a part.
    size: [usize; 2],
}

impl Division {
    fn new(rows: usize, depth: usize, columns: usize) -> Self {
        /// Rows of a tile, and a multiple of the lanes of any vector.
        const UNITS: [usize; 2] = [8, 32];
        let columns_work = rows.saturating_mul(columns.max(SIZE_MIN));
        let most = columns_work.saturating_mul(depth.max(SIZE_MIN)) / THREAD_WORK;
        let n = if most > 1 { most.min(n_threads()) } else { 1 };
        let share =
            |size: usize, axis: usize| size.div_ceil(n).next_multiple_of(UNITS[axis]).min(size);
        let by_columns = columns > rows || shares_columns(rows, columns);
        let size = if by_columns { [rows, share(columns, 1)] } else { [share(rows, 0), columns] };
        Self { rows, columns, size }
    }

    fn count(&self) -> usize {
        self.rows.div_ceil(self.size[0]) * self.columns.div_ceil(self.size[1])
    }

    fn part(&self, part: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let across = self.columns.div_ceil(self.size[1]);
        let (row, column) = (part / across * self.size[0], part % across * self.size[1]);
        (
            row..(row + self.size[0]).min(self.rows),
            column..(column + self.size[1]).min(self.columns),
        )
    }
}

/// Multiplies on this thread, with its own memory for copies.
fn multiply_part<T: Float + Element>(a: MatrixView<T>, b: MatrixView<T>, c: Product<T>) {
    let isa = Isa::detect();
    let (rows, depth, width) = (a.rows(), a.cols(), b.cols());
    if rows <= FEW_ROWS || rows * depth * width <= LITTLE_WORK {
        return dispatch(isa, Few { a, b, c });
    }
    let len =
        |size: usize, most: usize| size.min(most).next_multiple_of(LANES_MAX) * depth.min(DEPTH);
    let in_place = rows <= FEW_READS && b.col_stride() == 1;
    with_scratch(&LEFT, len(rows, ROWS), |left: &mut [T]| {
        let right_len = if in_place { 0 } else { len(width, COLUMNS) };
        with_scratch(&RIGHT, right_len, |right: &mut [T]| {
            dispatch(isa, Blocks { a, b, c, left, right: (!in_place).then_some(right) });
        });
    });
}

struct Few<'a, T> {
    a: MatrixView<'a, T>,
    b: MatrixView<'a, T>,
    c: Product<T>,
}

impl<T: Float> Kernel<T> for Few<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        // SAFETY: the caller vouches for the instruction set, and whoever made `c` for its elements.
        unsafe { few::multiply::<T, S>(self.a, self.b, self.c) };
    }
}

/// Blocks whose copies fit the caches, one after the other.
struct Blocks<'a, T> {
    a: MatrixView<'a, T>,
    b: MatrixView<'a, T>,
    c: Product<T>,
    /// Room for a copy of a block of `a`.
    left: &'a mut [T],
    /// Room for a copy of a block of `b`, where it is not read in place.
    right: Option<&'a mut [T]>,
}

impl<T: Float> Kernel<T> for Blocks<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { a, b, c, left, mut right } = self;
        for column in (0..b.cols()).step_by(COLUMNS) {
            let width = COLUMNS.min(b.cols() - column);
            let mut c = c.part(0, column);
            for step in (0..a.cols()).step_by(DEPTH) {
                let depth = DEPTH.min(a.cols() - step);
                let at = b.data()[step * b.row_stride() + column * b.col_stride()..].as_ptr();
                // SAFETY: the caller vouches for the instruction set, whoever made `c` for its
                // elements, and whoever gave the memory for its size.
                unsafe {
                    let b = match right.as_deref_mut() {
                        None => Right { at, vector: S::LANES, step: b.row_stride() },
                        Some(right) => {
                            let from = Lanes { at, lane: b.col_stride(), step: b.row_stride() };
                            pack::<T, S>(from, width, depth, right.as_mut_ptr());
                            Right { at: right.as_ptr(), vector: depth * S::LANES, step: S::LANES }
                        }
                    };
                    let at = a.data()[step * a.col_stride()..].as_ptr();
                    let a = Lanes { at, lane: a.row_stride(), step: a.col_stride() };
                    let size = [self.a.rows(), depth, width];
                    multiply_rows::<T, S, MV, NR>(size, a, b, c, left);
                }
                c.sums = Sums::Added;
            }
        }
    }
}

/// All rows by a block of the right factor.
#[inline(always)]
unsafe fn multiply_rows<T: Float, S: Simd<T>, const MV: usize, const NR: usize>(
    [rows, depth, width]: [usize; 3],
    a: Lanes<T>,
    b: Right<T>,
    c: Product<T>,
    left: &mut [T],
) {
    // The left factor is copied a panel at a time where the next tile finds the right one close by.
    let most = if depth * width * size_of::<T>() <= NEAR { S::LANES } else { ROWS };
    for row in (0..rows).step_by(most) {
        let rows = most.min(rows - row);
        let a = Lanes { at: a.at.wrapping_add(row * a.lane), ..a };
        // SAFETY: the caller vouches for the instruction set and the elements.
        unsafe {
            pack::<T, S>(a, rows, depth, left.as_mut_ptr());
            for column in (0..width).step_by(MV * S::LANES) {
                let b = b.vectors_from(column / S::LANES);
                let width = (MV * S::LANES).min(width - column);
                let c = c.part(row, column);
                multiply_panels::<T, S, MV, NR>([rows, depth, width], left.as_ptr(), b, c);
            }
        }
    }
}

/// All rows of the panels at `left` by at most `MV` vectors.
#[inline(always)]
unsafe fn multiply_panels<T: Float, S: Simd<T>, const MV: usize, const NR: usize>(
    [rows, depth, width]: [usize; 3],
    left: *const T,
    b: Right<T>,
    c: Product<T>,
) {
    const { assert!(S::LANES.is_multiple_of(NR)) };
    let a = |row: usize| {
        let at = left.wrapping_add(row / S::LANES * S::LANES * depth + row % S::LANES);
        Left { at, row: 1, step: S::LANES }
    };
    let mut row = 0;
    // SAFETY: as the caller promises; a band never crosses a panel, as NR divides the lanes.
    unsafe {
        while row + NR <= rows {
            if c.sums == Sums::Added {
                ask_for::<T, S, MV>(c.part(row + NR, 0), NR.min(rows - row - NR));
            }
            band::<T, S, NR, MV>(depth, a(row), b, c.part(row, 0), width);
            row += NR;
        }
        if row + 4 <= rows {
            band::<T, S, 4, MV>(depth, a(row), b, c.part(row, 0), width);
            row += 4;
        }
        if row + 2 <= rows {
            band::<T, S, 2, MV>(depth, a(row), b, c.part(row, 0), width);
            row += 2;
        }
        if row < rows {
            band::<T, S, 1, MV>(depth, a(row), b, c.part(row, 0), width);
        }
    }
}

/// Asks for `rows` rows of `MV` vectors of the product, whose sums come next.
#[inline(always)]
unsafe fn ask_for<T: Float, S: Simd<T>, const MV: usize>(c: Product<T>, rows: usize) {
    for row in 0..rows {
        for v in 0..MV {
            // SAFETY: the caller vouches for the instruction set; any address will do.
            unsafe { S::prefetch(c.part(row, v * S::LANES).at) };
        }
    }
}
