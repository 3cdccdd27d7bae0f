//! The samples of a fit: dense or sparse.

use ferrule_tensor::{Float, MatrixView};

use super::sparse::add_scaled;
use crate::LearnError;

/// Samples as rows.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a, T> {
    /// Every value, at any strides.
    Dense(MatrixView<'a, T>),
    /// Compressed sparse rows.
    Csr(CsrView<'a, T>),
}

impl<T: Float> Samples<'_, T> {
    /// Number of samples.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(x) => x.rows(),
            Self::Csr(x) => x.rows(),
        }
    }

    /// Number of features.
    pub fn cols(&self) -> usize {
        match self {
            Self::Dense(x) => x.cols(),
            Self::Csr(x) => x.cols(),
        }
    }

    /// Adds `weight` times sample `row` to `sum`.
    pub(super) fn add_row(&self, row: usize, weight: f64, sum: &mut [f64]) {
        match self {
            Self::Csr(x) => add_scaled(sum, x.row(row), weight),
            Self::Dense(x) => {
                for (col, sum) in sum.iter_mut().enumerate() {
                    *sum += weight * x.get(row, col).to_f64();
                }
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), LearnError> {
        if self.cols() > 0 {
            return Ok(());
        }
        Err(LearnError::InvalidParameter {
            name: "X",
            expected: "at least one feature",
            got: format!("shape ({}, 0)", self.rows()),
        })
    }
}

/// A sparse matrix in SciPy's CSR layout; column indices of a row may stand in any order.
#[derive(Clone, Copy, Debug)]
pub struct CsrView<'a, T> {
    data: &'a [T],
    indices: &'a [i32],
    indptr: Indptr<'a>,
    cols: usize,
}

/// Row offsets of a CSR matrix, in either of SciPy's widths.
#[derive(Clone, Copy, Debug)]
pub enum Indptr<'a> {
    /// `int32`
    I32(&'a [i32]),
    /// `int64`
    I64(&'a [i64]),
}

impl Indptr<'_> {
    fn len(&self) -> usize {
        match self {
            Self::I32(offsets) => offsets.len(),
            Self::I64(offsets) => offsets.len(),
        }
    }

    fn get(&self, index: usize) -> Option<usize> {
        match self {
            Self::I32(offsets) => usize::try_from(*offsets.get(index)?).ok(),
            Self::I64(offsets) => usize::try_from(*offsets.get(index)?).ok(),
        }
    }
}

impl<'a, T: Copy> CsrView<'a, T> {
    /// A view of `cols` columns; `None` where the arrays contradict each other: offsets that do not
    /// start at 0, fall or pass the end of `data`, or column indices outside `0..cols`.
    pub fn new(data: &'a [T], indices: &'a [i32], indptr: Indptr<'a>, cols: usize) -> Option<Self> {
        let end = indptr.len().checked_sub(1)?;
        let mut last = indptr.get(0).filter(|&first| first == 0)?;
        for index in 1..=end {
            last = indptr.get(index).filter(|&offset| offset >= last)?;
        }
        let in_bounds = |&col: &i32| usize::try_from(col).is_ok_and(|col| col < cols);
        let fits = last <= data.len() && last <= indices.len();
        (fits && indices[..last].iter().all(in_bounds)).then_some(Self {
            data,
            indices,
            indptr,
            cols,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The column indices and values of row `row`.
    pub fn row(&self, row: usize) -> (&'a [i32], &'a [T]) {
        let start = self.indptr.get(row).unwrap_or(0);
        let end = self.indptr.get(row + 1).unwrap_or(start);
        (&self.indices[start..end], &self.data[start..end])
    }
}
