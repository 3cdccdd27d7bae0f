//! The first pass over the samples: are they finite, and how are they spread?

use ferrule_tensor::kernels::Moments;
use ferrule_tensor::{Control, Float, Isa, MatrixView, Team};

use super::samples::{CsrView, Samples};
use crate::LearnError;

/// Most elements of a block of work: some tens of milliseconds.
const BLOCK_ELEMENTS_MAX: usize = 1 << 25;
/// Least elements that are worth a block of work.
const BLOCK_ELEMENTS: usize = 1 << 18;
/// Most rows of a block of work.
const BLOCK_ROWS_MAX: usize = 1 << 15;

/// Mean and variance of each column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStats {
    /// Means; meaningless where not all is finite.
    pub mean: Vec<f64>,
    /// Variances (divided by the number of rows); meaningless where not all is finite.
    pub variance: Vec<f64>,
    /// Whether all values are finite.
    pub finite: Finite,
}

/// Whether all values of a matrix are finite, or where the first that is not stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finite {
    /// Every value is finite.
    AllFinite,
    /// The first that is not, by rows, is a NaN.
    Nan {
        /// Its row.
        row: usize,
        /// Its column.
        col: usize,
    },
    /// The first that is not, by rows, is an infinity.
    Inf {
        /// Its row.
        row: usize,
        /// Its column.
        col: usize,
    },
}

impl Finite {
    /// Fails where a value is not finite.
    ///
    /// # Errors
    /// [`LearnError::NonFinite`]
    pub fn check(self) -> Result<(), LearnError> {
        match self {
            Self::AllFinite => Ok(()),
            Self::Nan { row, col } => Err(LearnError::NonFinite { value: "NaN", row, col }),
            Self::Inf { row, col } => Err(LearnError::NonFinite { value: "infinity", row, col }),
        }
    }
}

/// Mean and variance of each column, and whether all values are finite, in one pass.
///
/// # Errors
/// [`LearnError::Cancelled`]
pub fn column_stats<T: Float>(
    x: Samples<T>,
    n_threads: usize,
    control: &Control,
) -> Result<ColumnStats, LearnError> {
    match x {
        Samples::Dense(x) => Team::run(n_threads, control, |team| dense_stats(x, team)),
        Samples::Csr(x) => Ok(sparse_stats(x)),
    }
}

fn dense_stats<T: Float>(x: MatrixView<T>, team: &Team) -> Result<ColumnStats, LearnError> {
    let block_rows = block_rows(x.cols());
    let mut blocks = vec![Moments::default(); x.rows().div_ceil(block_rows)];
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut blocks, &mut no_scratch, |block, moments, ()| {
        let start = block * block_rows;
        *moments = Moments::of(x, start..(start + block_rows).min(x.rows()), Isa::detect());
    })?;
    let suspect = blocks.iter().position(|moments| !moments.is_finite());
    let finite = suspect.map_or(Finite::AllFinite, |block| {
        let rows = block * block_rows..x.rows();
        rows.flat_map(|row| (0..x.cols()).map(move |col| (row, col)))
            .find_map(|(row, col)| classify(x.get(row, col), row, col))
            .unwrap_or(Finite::AllFinite)
    });
    Ok(finish(x.cols(), &blocks, finite))
}

/// Rows of a block of work; by the shape alone, so that results do not depend on the threads, and
/// so many that the blocks' moments, 16 bytes a column, take no more than 4 bytes a row.
fn block_rows(cols: usize) -> usize {
    let frugal = (4 * cols).min(BLOCK_ELEMENTS_MAX / cols);
    (BLOCK_ELEMENTS / cols).max(frugal).clamp(16, BLOCK_ROWS_MAX)
}

fn sparse_stats<T: Float>(x: CsrView<T>) -> ColumnStats {
    let mut moments =
        Moments { count: x.rows() as f64, mean: vec![0.0; x.cols()], squares: vec![0.0; x.cols()] };
    let mut finite = Finite::AllFinite;
    let entries = || {
        (0..x.rows()).flat_map(|row| {
            let (cols, values) = x.row(row);
            cols.iter().zip(values).map(move |(&col, &value)| (row, col as usize, value))
        })
    };
    for (row, col, value) in entries() {
        if let (Finite::AllFinite, Some(found)) = (finite, classify(value, row, col)) {
            finite = found;
        }
        moments.mean[col] += value.to_f64() / moments.count;
    }
    let mut stored = vec![0.0; x.cols()];
    for (_, col, value) in entries() {
        moments.squares[col] += (value.to_f64() - moments.mean[col]).powi(2);
        stored[col] += 1.0;
    }
    for (col, stored) in stored.into_iter().enumerate() {
        moments.squares[col] += (moments.count - stored) * moments.mean[col].powi(2);
    }
    finish(x.cols(), &[moments], finite)
}

fn finish(cols: usize, blocks: &[Moments], finite: Finite) -> ColumnStats {
    let mut total = Moments::default();
    blocks.iter().for_each(|moments| total.merge(moments));
    if total.count == 0.0 {
        return ColumnStats { mean: vec![0.0; cols], variance: vec![0.0; cols], finite };
    }
    let variance = total.squares.iter().map(|&squares| squares.max(0.0) / total.count).collect();
    ColumnStats { mean: total.mean, variance, finite }
}

fn classify<T: Float>(value: T, row: usize, col: usize) -> Option<Finite> {
    if value.is_nan() {
        Some(Finite::Nan { row, col })
    } else if !value.is_finite() {
        Some(Finite::Inf { row, col })
    } else {
        None
    }
}
