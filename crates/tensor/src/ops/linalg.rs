//! Triangles of matrices, and equations solved by them: by blocks, so that most of the work is products.

use super::OpError;
use super::matmul::{multiply, transposed};
use super::number::with_floats;
use crate::array::{Buffer, Element, View};
use crate::view::{Float, MatrixView};

/// Rows or columns of a block.
const BLOCK: usize = 48;
/// Rows of a product that are made before they are subtracted.
const ROWS: usize = 256;

/// The lower triangle L of `x` = L Lᵀ, with zeros above it. Of `x`, what is above its diagonal is
/// not read.
///
/// # Errors
/// [`OpError::NotPositiveDefinite`]: `x` is not, or has a NaN.
///
/// # Panics
/// Where `x` is no square matrix of floats.
pub fn cholesky(x: View, out: &mut Buffer) -> Result<(), OpError> {
    let n = square(x);
    with_floats!(x.dtype, T => {
        let out = out.as_mut_slice::<T>(n * n);
        out.copy_from_slice(x.as_slice());
        factor_cholesky(out, n)
    })
}

/// `out` with `a out = b`, of a triangle `a`, the lower or the upper one, or its transpose; the other
/// triangle of `a` is not read.
///
/// # Errors
/// [`OpError::Singular`]: there is a 0 on the diagonal.
///
/// # Panics
/// Where `a` is no square matrix of floats, or `b` has not as many rows.
pub fn triangular_solve(
    a: View,
    lower: bool,
    transpose: bool,
    b: View,
    out: &mut Buffer,
) -> Result<(), OpError> {
    let n = square(a);
    with_floats!(a.dtype, T => {
        let a = matrix::<T>(a.as_slice(), n);
        let a = if transpose { transposed(a) } else { a };
        let out = out.as_mut_slice::<T>(b.shape.elements());
        out.copy_from_slice(b.as_slice());
        substitute(a, lower != transpose, Diagonal::Given, out)
    })
}

/// `out` with `a out = b`, or `aᵀ out = b`, by elimination with partial pivoting.
///
/// # Errors
/// [`OpError::Singular`]: there is not one solution.
///
/// # Panics
/// Where `a` is no square matrix of floats, or `b` has not as many rows.
pub fn solve(a: View, transpose: bool, b: View, out: &mut Buffer) -> Result<(), OpError> {
    let n = square(a);
    assert_eq!(b.shape.first(), Some(&n), "as many rows");
    with_floats!(a.dtype, T => {
        let a = matrix::<T>(a.as_slice(), n);
        let a = if transpose { transposed(a) } else { a };
        let mut factors: Vec<T> = (0..n * n).map(|at| a.get(at / n, at % n)).collect();
        let out = out.as_mut_slice::<T>(b.shape.elements());
        out.copy_from_slice(b.as_slice());
        eliminate(&mut factors, n, out)?;
        let factors = matrix(&factors, n);
        substitute(factors, true, Diagonal::Ones, out)?;
        substitute(factors, false, Diagonal::Given, out)
    })
}

/// The number of rows and columns.
fn square(x: View) -> usize {
    match **x.shape {
        [rows, columns] if rows == columns => rows,
        _ => panic!("a square matrix, not one of shape {}", x.shape),
    }
}

fn matrix<T: Copy>(data: &[T], n: usize) -> MatrixView<'_, T> {
    MatrixView::contiguous(data, n, n).expect("a square matrix")
}

/// `rows` by `columns` elements from (`row`, `column`) on of a square matrix.
fn part<T: Copy>(
    data: &[T],
    n: usize,
    [row, column]: [usize; 2],
    [rows, columns]: [usize; 2],
) -> MatrixView<'_, T> {
    MatrixView::new(&data[row * n + column..], rows, columns, n, 1).expect("a part of the matrix")
}

/// Makes columns block by block: what those before contribute is a product.
fn factor_cholesky<T: Float + Element>(l: &mut [T], n: usize) -> Result<(), OpError> {
    let mut products = vec![T::ZERO; n * BLOCK];
    for start in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - start);
        if start > 0 {
            let products = &mut products[..(n - start) * width];
            let left = part(l, n, [start, 0], [n - start, start]);
            let right = transposed(part(l, n, [start, 0], [width, start]));
            multiply(left, right, products, false);
            let rows = l[start * n..].chunks_exact_mut(n);
            for (row, products) in rows.zip(products.chunks_exact(width)) {
                subtract(&mut row[start..start + width], products);
            }
        }
        for i in start..n {
            let (above, row) = l.split_at_mut(i * n);
            for j in start..(start + width).min(i) {
                let pivot = &above[j * n..][..n];
                row[j] = (row[j] - dot(&row[start..j], &pivot[start..j])) / pivot[j];
            }
            if i < start + width {
                let left = row[i] - dot(&row[start..i], &row[start..i]);
                if left <= T::ZERO || Float::is_nan(left) {
                    return Err(OpError::NotPositiveDefinite { row: i });
                }
                row[i] = Float::sqrt(left);
                row[i + 1..n].fill(T::ZERO);
            }
        }
    }
    Ok(())
}

fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| a.mul_add(b, sum))
}

fn subtract<T: Float>(from: &mut [T], what: &[T]) {
    for (from, &what) in from.iter_mut().zip(what) {
        *from -= what;
    }
}

/// What is on the diagonal of a triangle.
#[derive(Clone, Copy, PartialEq)]
enum Diagonal {
    Given,
    Ones,
}

/// Solves for the rows of `x` in place, block by block, from the first on for a lower triangle, else from
/// the last.
fn substitute<T: Float + Element>(
    a: MatrixView<T>,
    lower: bool,
    diagonal: Diagonal,
    x: &mut [T],
) -> Result<(), OpError> {
    let n = a.rows();
    let width = x.len().checked_div(n).unwrap_or(0);
    assert_eq!(x.len(), n * width, "as many rows");
    if diagonal == Diagonal::Given
        && let Some(column) = (0..n).find(|&i| a.get(i, i) == T::ZERO)
    {
        return Err(OpError::Singular { column });
    }
    let mut products = vec![T::ZERO; BLOCK * width];
    let n_blocks = n.div_ceil(BLOCK);
    for block in 0..n_blocks {
        let start = if lower { block } else { n_blocks - 1 - block } * BLOCK;
        let rows = BLOCK.min(n - start);
        let (before, rest) = x.split_at_mut(start * width);
        let (own, after) = rest.split_at_mut(rows * width);
        let (done, from) = if lower { (&*before, 0) } else { (&*after, start + rows) };
        let depth = if lower { start } else { n - start - rows };
        if depth > 0 && width > 0 {
            let data = &a.data()[start * a.row_stride() + from * a.col_stride()..];
            let left = MatrixView::new(data, rows, depth, a.row_stride(), a.col_stride());
            let right = MatrixView::contiguous(done, depth, width).expect("the rows so far");
            let products = &mut products[..rows * width];
            multiply(left.expect("a part of the triangle"), right, products, false);
            subtract(own, products);
        }
        substitute_block(a, lower, diagonal, start, own, width);
    }
    Ok(())
}

/// Solves for the rows of a block, which start with row `start`.
fn substitute_block<T: Float>(
    a: MatrixView<T>,
    lower: bool,
    diagonal: Diagonal,
    start: usize,
    x: &mut [T],
    width: usize,
) {
    let rows = x.len().checked_div(width).unwrap_or(0);
    for step in 0..rows {
        let i = if lower { step } else { rows - 1 - step };
        let others = if lower { 0..i } else { i + 1..rows };
        for p in others {
            let factor = -a.get(start + i, start + p);
            let (low, high) = x.split_at_mut(i.max(p) * width);
            let (row, other) = if i < p {
                (&mut low[i * width..][..width], &high[..width])
            } else {
                (&mut high[..width], &low[p * width..][..width])
            };
            for (x, &other) in row.iter_mut().zip(other) {
                *x = factor.mul_add(other, *x);
            }
        }
        if diagonal == Diagonal::Given {
            let pivot = a.get(start + i, start + i);
            for x in &mut x[i * width..][..width] {
                *x = *x / pivot;
            }
        }
    }
}

/// Makes of `a` its factors, a lower triangle with ones on the diagonal, which are not stored, and an
/// upper one, and exchanges rows of `a` and of `x` so that pivots are the greatest there are.
fn eliminate<T: Float + Element>(a: &mut [T], n: usize, x: &mut [T]) -> Result<(), OpError> {
    let width = x.len().checked_div(n).unwrap_or(0);
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        for column in start..end {
            let pivot = pivot_row(a, n, column)?;
            for at in 0..n {
                a.swap(column * n + at, pivot * n + at);
            }
            for at in 0..width {
                x.swap(column * width + at, pivot * width + at);
            }
            let (above, below) = a.split_at_mut((column + 1) * n);
            let above = &above[column * n..];
            for row in below.chunks_exact_mut(n) {
                row[column] = row[column] / above[column];
                let factor = -row[column];
                for at in column + 1..end {
                    row[at] = factor.mul_add(above[at], row[at]);
                }
            }
        }
        finish_rows(a, n, start, end);
        subtract_products(a, n, start, end);
    }
    Ok(())
}

/// The row, from `column` on, with the greatest element of a column.
fn pivot_row<T: Float>(a: &[T], n: usize, column: usize) -> Result<usize, OpError> {
    let size = |row: usize| {
        let x = a[row * n + column];
        if x < T::ZERO { -x } else { x }
    };
    let pivot =
        (column..n).fold(column, |best, row| if size(row) > size(best) { row } else { best });
    if size(pivot) == T::ZERO { Err(OpError::Singular { column }) } else { Ok(pivot) }
}

/// What the lower triangle of a block of columns makes of its rows to the right.
fn finish_rows<T: Float>(a: &mut [T], n: usize, start: usize, end: usize) {
    for row in start + 1..end {
        let (above, own) = a.split_at_mut(row * n);
        for other in start..row {
            let factor = -own[other];
            let other = &above[other * n..][..n];
            for (x, &other) in own[end..n].iter_mut().zip(&other[end..]) {
                *x = factor.mul_add(other, *x);
            }
        }
    }
}

/// Subtracts from what is below and right of a block the product of what is below and what is right.
fn subtract_products<T: Float + Element>(a: &mut [T], n: usize, start: usize, end: usize) {
    let width = n - end;
    let mut products = vec![T::ZERO; ROWS.min(width) * width];
    for first in (end..n).step_by(ROWS) {
        let rows = ROWS.min(n - first);
        let products = &mut products[..rows * width];
        let left = part(a, n, [first, start], [rows, end - start]);
        multiply(left, part(a, n, [start, end], [end - start, width]), products, false);
        let rows = a[first * n..].chunks_exact_mut(n);
        for (row, products) in rows.zip(products.chunks_exact(width)) {
            subtract(&mut row[end..], products);
        }
    }
}
