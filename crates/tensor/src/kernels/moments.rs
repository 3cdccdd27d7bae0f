//! Mean and spread of each column of some rows.

use std::ops::Range;

use crate::cpu::{Isa, fetch_ahead};
use crate::dispatch::{Kernel, dispatch};
use crate::view::{Float, MatrixView};

/// Rows that are summed side by side where there are few columns, so that vectors are full.
const LANES: usize = 16;
/// Columns that are summed side by side where rows are adjacent.
const TILE: usize = 8;
/// Rows that are summed together where columns are adjacent and many, so that sums are loaded and
/// stored once for all.
const ROWS: usize = 4;
/// Columns of such rows that are summed between two looks ahead.
const COLUMNS: usize = 128;
/// How many rows ahead that look is.
const ROWS_AHEAD: usize = 8;

/// Count, mean and sum of squared deviations of each column of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Rows.
    pub count: f64,
    /// One mean a column.
    pub mean: Vec<f64>,
    /// Σ (x - mean)² a column; not finite where a value is not.
    pub squares: Vec<f64>,
}

impl Moments {
    /// The moments of `rows`, with the same bits on every instruction set and for every layout.
    ///
    /// Values are taken relative to the first row, so that a mean far from zero costs no precision.
    ///
    /// # Panics
    /// Where `rows` is empty or not within `x`.
    pub fn of<T: Float>(x: MatrixView<T>, rows: Range<usize>, isa: Isa) -> Self {
        assert!(!rows.is_empty() && rows.end <= x.rows(), "rows of x");
        let lanes = if x.cols() < LANES { LANES } else { 1 };
        let first = (0..x.cols()).map(|col| x.get(rows.start, col).to_f64());
        let origin: Vec<f64> = first.collect::<Vec<_>>().repeat(lanes);
        let zeros = vec![0.0; origin.len()];
        let mut sums = LaneSums { lanes, sums: zeros.clone(), squares: zeros, origin };
        dispatch(isa, AddRows { x, rows: rows.clone(), to: &mut sums });
        sums.finish(rows.len())
    }

    /// Joins the moments of other rows to these (Chan, Golub and LeVeque).
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0.0 {
            self.clone_from(other);
            return;
        }
        let count = self.count + other.count;
        for col in 0..self.mean.len() {
            let delta = other.mean[col] - self.mean[col];
            self.mean[col] += delta * other.count / count;
            self.squares[col] +=
                other.squares[col] + delta * delta * self.count * other.count / count;
        }
        self.count = count;
    }

    /// Whether the squares are all finite; where not, a value is not, or its square overflows.
    pub fn is_finite(&self) -> bool {
        self.squares.iter().all(|value| value.is_finite())
    }
}

/// Sums of `x - origin` and of its squares; row `i` goes to lane `i % lanes`, element
/// `lane * cols + col`.
struct LaneSums {
    lanes: usize,
    origin: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl LaneSums {
    /// Adds values that stand as the lanes do.
    #[inline(always)]
    fn add<T: Float>(&mut self, values: &[T]) {
        let sums = self.sums.iter_mut().zip(&mut self.squares);
        for ((&x, &origin), (sum, square)) in values.iter().zip(&self.origin).zip(sums) {
            let value = x.to_f64() - origin;
            *sum += value;
            *square += value * value;
        }
    }

    /// Adds `R` rows with adjacent elements, in order, to the one lane.
    #[inline(always)]
    fn add_together<T: Float, const R: usize>(&mut self, x: MatrixView<T>, first: usize) {
        for start in (0..x.cols()).step_by(COLUMNS) {
            let cols = start..(start + COLUMNS).min(x.cols());
            let rows: [&[T]; R] = std::array::from_fn(|row| {
                let values = &x.data()[(first + row) * x.row_stride()..][cols.clone()];
                for line in values.chunks(64 / size_of::<T>()) {
                    fetch_ahead(line.as_ptr().wrapping_add(ROWS_AHEAD * x.row_stride()));
                }
                values
            });
            let (sums, squares) = (&mut self.sums[cols.clone()], &mut self.squares[cols.clone()]);
            add_rows(rows, &self.origin[cols], sums, squares);
        }
    }

    /// Adds columns `col..col + C` of adjacent rows, `W` rows a step.
    #[inline(always)]
    fn add_columns<T: Float, const C: usize, const W: usize>(
        &mut self,
        x: MatrixView<T>,
        rows: Range<usize>,
        col: usize,
    ) {
        let d = x.cols();
        let column = |c: usize| &x.data()[(col + c) * x.col_stride()..][rows.clone()];
        let columns: [&[T]; C] = std::array::from_fn(column);
        let origins: [f64; C] = std::array::from_fn(|c| self.origin[col + c]);
        let (mut sums, mut squares) = ([[0.0; W]; C], [[0.0; W]; C]);
        for start in (0..rows.len()).step_by(W) {
            let count = W.min(rows.len() - start);
            for c in 0..C {
                let values = &columns[c][start..start + count];
                let lanes = sums[c].iter_mut().zip(&mut squares[c]);
                for (&x, (sum, square)) in values.iter().zip(lanes) {
                    let value = x.to_f64() - origins[c];
                    *sum += value;
                    *square += value * value;
                }
            }
        }
        for c in 0..C {
            for lane in 0..W {
                self.sums[lane * d + col + c] = sums[c][lane];
                self.squares[lane * d + col + c] = squares[c][lane];
            }
        }
    }

    fn finish(&self, n_rows: usize) -> Moments {
        let (d, count) = (self.sums.len() / self.lanes, n_rows as f64);
        let total = |values: &[f64], col: usize| -> f64 { values[col..].iter().step_by(d).sum() };
        let sums: Vec<f64> = (0..d).map(|col| total(&self.sums, col)).collect();
        let mean = sums.iter().zip(&self.origin).map(|(sum, origin)| origin + sum / count);
        let squares = (0..d).map(|col| total(&self.squares, col) - sums[col] * sums[col] / count);
        Moments { count, mean: mean.collect(), squares: squares.collect() }
    }
}

/// Adds `x - origin` and its square for each row in turn.
#[inline(always)]
fn add_rows<T: Float, const R: usize>(
    rows: [&[T]; R],
    origin: &[f64],
    sums: &mut [f64],
    squares: &mut [f64],
) {
    let count = origin.len();
    let rows = rows.map(|row| &row[..count]);
    let (sums, squares) = (&mut sums[..count], &mut squares[..count]);
    for col in 0..count {
        let (mut sum, mut square) = (sums[col], squares[col]);
        for row in rows {
            let value = row[col].to_f64() - origin[col];
            sum += value;
            square += value * value;
        }
        (sums[col], squares[col]) = (sum, square);
    }
}

struct AddRows<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    to: &'a mut LaneSums,
}

impl<T: Float> Kernel for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, rows, to } = self;
        let d = x.cols();
        if x.row_stride() == 1 && x.col_stride() >= rows.end && d > 1 {
            let tiled = if to.lanes == 1 { d / TILE * TILE } else { 0 };
            for col in (0..tiled).step_by(TILE) {
                to.add_columns::<T, TILE, 1>(x, rows.clone(), col);
            }
            for col in tiled..d {
                match to.lanes {
                    1 => to.add_columns::<T, 1, 1>(x, rows.clone(), col),
                    _ => to.add_columns::<T, 1, LANES>(x, rows.clone(), col),
                }
            }
        } else if x.col_stride() == 1 && to.lanes == 1 {
            let tail = rows.end - rows.len() % ROWS;
            for first in (rows.start..tail).step_by(ROWS) {
                to.add_together::<T, ROWS>(x, first);
            }
            (tail..rows.end).for_each(|row| to.add_together::<T, 1>(x, row));
        } else if x.col_stride() == 1 && x.row_stride() == d {
            for start in rows.clone().step_by(to.lanes) {
                let count = to.lanes.min(rows.end - start);
                to.add(&x.data()[start * x.row_stride()..][..count * d]);
            }
        } else {
            let mut lanes = vec![T::ZERO; to.lanes * d];
            for start in rows.clone().step_by(to.lanes) {
                let count = to.lanes.min(rows.end - start);
                for (i, value) in lanes[..count * d].iter_mut().enumerate() {
                    *value = x.get(start + i / d, i % d);
                }
                to.add(&lanes[..count * d]);
            }
        }
    }
}
