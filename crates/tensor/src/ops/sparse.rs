//! Products of sparse matrices.

use ferrule_base::DType;

use super::OpError;
use super::blocks::for_each_piece;
use super::blocks::piece_rows;
use super::number::{Number, with_numbers};
use crate::array::{Buffer, Element, View};

/// A sparse matrix of rows that are pieces of `data` and of their `columns`; `starts` has where each
/// row starts, and the end (`INT32` or `INT64`).
#[derive(Clone, Copy, Debug)]
pub struct Csr<'a> {
    /// The elements that are not 0.
    pub data: View<'a>,
    /// The column of each.
    pub columns: View<'a>,
    /// Where each row starts, and the end.
    pub starts: View<'a>,
    /// Rows and columns.
    pub size: [usize; 2],
}

/// The product of `a`, or its transpose, and the matrix `b`. Elements are added in their order.
///
/// # Errors
/// [`OpError::IndexOutOfRange`]: a column is not one of `a`, or a row does not start and end within the
/// elements, one after the other.
///
/// # Panics
/// Where `b` is no matrix, or has not as many rows as `a` (its transpose) has columns.
pub fn csr_matmul(a: Csr, transpose: bool, b: View, out: &mut Buffer) -> Result<(), OpError> {
    let [rows, cols] = a.size;
    let count = a.data.shape.elements();
    let Pattern { columns, starts } = Pattern::new(a.columns, a.starts, a.size, count)?;
    let width = b.shape[1];
    assert_eq!(b.shape[0], if transpose { rows } else { cols }, "as many rows");
    with_numbers!(b.dtype, T => {
        let a = Rows { data: a.data.as_slice::<T>(), columns: &columns, starts: &starts };
        let (b, height) = (b.as_slice::<T>(), if transpose { cols } else { rows });
        let out = out.as_mut_slice::<T>(height * width);
        out.fill(T::ZERO);
        if width == 0 {
            return Ok(());
        }
        if transpose { a.multiply_transposed(b, width, out) } else { a.multiply(b, width, out) }
    });
    Ok(())
}

/// For each place of a sparse matrix of `size`, whose row is i and whose column is j, the product of row i
/// of `left` and row j of `right`: the gradient of [`csr_matmul`] by its elements.
///
/// # Errors
/// As [`csr_matmul`].
///
/// # Panics
/// Where `left` and `right` are no matrices of one width, or have not as many rows as there are rows and
/// columns.
pub fn csr_sample(
    columns: View,
    starts: View,
    size: [usize; 2],
    left: View,
    right: View,
    out: &mut Buffer,
) -> Result<(), OpError> {
    let count = columns.shape.elements();
    let Pattern { columns, starts } = Pattern::new(columns, starts, size, count)?;
    let width = left.shape[1];
    assert_eq!([left.shape[0], right.shape[0], right.shape[1]], [size[0], size[1], width]);
    with_numbers!(left.dtype, T => {
        let (left, right) = (left.as_slice::<T>(), right.as_slice::<T>());
        let out = out.as_mut_slice::<T>(count);
        // Places before the first row and after the last are none of the matrix's.
        out.fill(T::ZERO);
        for (row, pair) in starts.windows(2).enumerate() {
            let left = &left[row * width..][..width];
            for place in pair[0] as usize..pair[1] as usize {
                let right = &right[columns[place] as usize * width..][..width];
                let products = left.iter().zip(right);
                out[place] = products.fold(T::ZERO, |sum, (&x, &y)| sum.plus(x.times(y)));
            }
        }
    });
    Ok(())
}

/// Where the elements of a sparse matrix are, checked.
struct Pattern {
    columns: Vec<i64>,
    starts: Vec<i64>,
}

impl Pattern {
    fn new(columns: View, starts: View, size: [usize; 2], count: usize) -> Result<Self, OpError> {
        let (columns, starts) = (places(columns), places(starts));
        check(&columns, size[1])?;
        check(&starts, count + 1)?;
        assert!(starts.len() == size[0] + 1 && columns.len() == count, "a CSR matrix");
        if let Some(row) = starts.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(OpError::IndexOutOfRange {
                index: starts[row + 1],
                size: count + 1,
                place: row + 1,
            });
        }
        Ok(Self { columns, starts })
    }
}

fn places(view: View) -> Vec<i64> {
    match view.dtype {
        DType::Int32 => view.as_slice::<i32>().iter().map(|&x| i64::from(x)).collect(),
        _ => view.as_slice::<i64>().to_vec(),
    }
}

/// The first index that is not below `size`, as an error.
fn check(indices: &[i64], size: usize) -> Result<(), OpError> {
    let outside = |&index: &i64| usize::try_from(index).map_or(true, |index| index >= size);
    match indices.iter().position(outside) {
        Some(place) => Err(OpError::IndexOutOfRange { index: indices[place], size, place }),
        None => Ok(()),
    }
}

/// A matrix whose indices were checked.
struct Rows<'a, T> {
    data: &'a [T],
    columns: &'a [i64],
    starts: &'a [i64],
}

impl<T: Number + Element> Rows<'_, T> {
    /// The columns and elements of a row.
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, T)> {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let columns = self.columns[range.clone()].iter().map(|&column| column as usize);
        columns.zip(self.data[range].iter().copied())
    }

    fn multiply(&self, b: &[T], width: usize, out: &mut [T]) {
        let mean = self.data.len() / self.starts.len() + 1;
        let piece = piece_rows(mean * width);
        for_each_piece(out, piece * width, |index, out| {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                for (column, x) in self.row(index * piece + row) {
                    add_row(out, x, &b[column * width..]);
                }
            }
        });
    }

    fn multiply_transposed(&self, b: &[T], width: usize, out: &mut [T]) {
        for (row, b) in b.chunks_exact(width).enumerate() {
            for (column, x) in self.row(row) {
                add_row(&mut out[column * width..][..width], x, b);
            }
        }
    }
}

#[inline(always)]
fn add_row<T: Number>(sums: &mut [T], x: T, row: &[T]) {
    for (sum, &y) in sums.iter_mut().zip(row) {
        *sum = sum.plus(x.times(y));
    }
}
