//! Sums of rows by label, for the new centres.

use std::ops::Range;

use super::simd::{Kernel, Simd, dispatch};
use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Rows among which those that changed are looked for before they are moved.
const BLOCK_ROWS: usize = 512;
/// Rows that are asked for before they are moved.
const ROWS_AHEAD: usize = 2;

/// The weighted sum of each cluster's rows, and their total weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Clusters × features.
    pub sums: Vec<f64>,
    /// One a cluster.
    pub weights: Vec<f64>,
}

impl Sums {
    /// Zeros.
    pub fn new(n_clusters: usize, n_features: usize) -> Self {
        Self { sums: vec![0.0; n_clusters * n_features], weights: vec![0.0; n_clusters] }
    }

    /// Adds the rows of `rows` to the clusters that `labels` (for `rows` alone) names, in row
    /// order; `weights` has one weight for each row of `x`.
    ///
    /// # Panics
    /// Where a label or a length does not fit.
    pub fn add_rows<T: Float>(
        &mut self,
        x: MatrixView<T>,
        rows: Range<usize>,
        labels: &[i32],
        weights: Option<&[T]>,
        isa: Isa,
    ) {
        dispatch(isa, AddRows { x, rows, labels, weights, sums: self });
    }

    /// Adds another's sums to this.
    pub fn merge(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += other;
        }
        for (weight, other) in self.weights.iter_mut().zip(&other.weights) {
            *weight += other;
        }
    }

    /// Adds `weight` times row `row` of `x` to cluster `label`; a negative weight takes it away.
    ///
    /// # Panics
    /// Where the row or the label does not exist.
    #[inline(always)]
    pub fn add<T: Float>(&mut self, x: MatrixView<T>, row: usize, label: usize, weight: f64) {
        self.weights[label] += weight;
        add_scaled(&mut self.sums[label * x.cols()..][..x.cols()], |col| x.get(row, col), weight);
    }

    /// The mean of each cluster. One without weight is put where the heaviest is, as scikit-learn
    /// does, so that it stays within the data; the centres stay `old` where nothing has weight.
    pub fn centers<T: Float>(&self, old: &[T]) -> Vec<T> {
        let n_features = self.sums.len() / self.weights.len();
        let heaviest = (0..self.weights.len())
            .reduce(|best, next| if self.weights[next] > self.weights[best] { next } else { best });
        let Some(heaviest) = heaviest.filter(|&cluster| self.weights[cluster] > 0.0) else {
            return old.to_vec();
        };
        let mean_of = |cluster: usize| {
            let source = if self.weights[cluster] > 0.0 { cluster } else { heaviest };
            let sums = &self.sums[source * n_features..][..n_features];
            sums.iter().map(move |&sum| T::from_f64(sum / self.weights[source]))
        };
        (0..self.weights.len()).flat_map(mean_of).collect()
    }
}

struct AddRows<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    labels: &'a [i32],
    weights: Option<&'a [T]>,
    sums: &'a mut Sums,
}

impl<T: Float> Kernel<T> for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, rows, labels, weights, sums } = self;
        assert_eq!(labels.len(), rows.len(), "one label a row");
        let d = x.cols();
        if weights.is_none() && x.col_stride() == 1 {
            for (row, &label) in rows.zip(labels) {
                let values = &x.data()[row * x.row_stride()..][..d];
                sums.weights[label as usize] += 1.0;
                let sums = &mut sums.sums[label as usize * d..][..d];
                // SAFETY: the caller vouches for the instruction set.
                unsafe { add_row::<T, S>(sums, values) };
            }
        } else {
            for (row, &label) in rows.zip(labels) {
                let weight = weights.map_or(1.0, |weights| weights[row].to_f64());
                sums.add(x, row, label as usize, weight);
            }
        }
    }
}

/// Adds a row of adjacent elements.
#[inline(always)]
unsafe fn add_row<T: Float, S: Simd<T>>(sums: &mut [f64], row: &[T]) {
    let mut col = 0;
    while col + S::LANES <= row.len().min(sums.len()) {
        // SAFETY: both slices have LANES elements from `col` on.
        unsafe { S::add_to(sums.as_mut_ptr().add(col), S::load(row.as_ptr().add(col))) };
        col += S::LANES;
    }
    for (sum, x) in sums[col..].iter_mut().zip(&row[col..]) {
        *sum += x.to_f64();
    }
}

/// Adds `weight` times the elements of a row.
#[inline(always)]
fn add_scaled<T: Float>(sums: &mut [f64], x: impl Fn(usize) -> T, weight: f64) {
    for (col, sum) in sums.iter_mut().enumerate() {
        *sum += weight * x(col).to_f64();
    }
}

/// Some columns of the [`Sums`], which follow the labels as they change.
///
/// Each sum takes its rows in order, so neither the split into columns nor the threads matter.
#[derive(Clone, Debug)]
pub struct ColumnSums {
    /// The columns.
    pub cols: Range<usize>,
    /// Clusters × `cols`.
    pub sums: Vec<f64>,
}

impl ColumnSums {
    /// Zeros.
    pub fn new(n_clusters: usize, cols: Range<usize>) -> Self {
        Self { sums: vec![0.0; n_clusters * cols.len()], cols }
    }

    /// Moves each row whose label changed from the cluster in `old` (-1 = none) to the one in `new`.
    /// `weights` has one weight for each row of `x`.
    ///
    /// # Panics
    /// Where a label or a length does not fit.
    pub fn update<T: Float>(
        &mut self,
        x: MatrixView<T>,
        old: &[i32],
        new: &[i32],
        weights: Option<&[T]>,
        isa: Isa,
    ) {
        assert!(old.len() == x.rows() && new.len() == x.rows(), "one label a row");
        dispatch(isa, Update { x, old, new, weights, to: self });
    }
}

struct Update<'a, T> {
    x: MatrixView<'a, T>,
    old: &'a [i32],
    new: &'a [i32],
    weights: Option<&'a [T]>,
    to: &'a mut ColumnSums,
}

impl<T: Float> Kernel<T> for Update<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(mut self) {
        let mut changed = [0; BLOCK_ROWS];
        for start in (0..self.new.len()).step_by(BLOCK_ROWS) {
            let mut count = 0;
            for row in start..(start + BLOCK_ROWS).min(self.new.len()) {
                changed[count] = row;
                count += usize::from(self.old[row] != self.new[row]);
            }
            let changed = &changed[..count];
            for (i, &row) in changed.iter().enumerate() {
                if let Some(&next) = changed.get(i + ROWS_AHEAD) {
                    // SAFETY: the caller vouches for the instruction set.
                    unsafe { self.ask::<S>(next) };
                }
                self.move_row(row);
            }
        }
    }
}

impl<T: Float> Update<'_, T> {
    /// Asks for the columns of a row.
    #[inline(always)]
    unsafe fn ask<S: Simd<T>>(&self, row: usize) {
        let Some(values) = self.x.row(row) else { return };
        for line in values[self.to.cols.clone()].chunks(64 / size_of::<T>()) {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { S::prefetch(line.as_ptr()) };
        }
    }

    /// Moves a row from its old cluster to its new one.
    #[inline(always)]
    fn move_row(&mut self, row: usize) {
        let (first, width) = (self.to.cols.start, self.to.cols.len());
        let weight = self.weights.map_or(1.0, |weights| weights[row].to_f64());
        for (label, weight) in [(self.old[row], -weight), (self.new[row], weight)] {
            let Ok(label) = usize::try_from(label) else { continue };
            let sums = &mut self.to.sums[label * width..][..width];
            match self.x.row(row) {
                Some(values) => {
                    let values = &values[first..first + width];
                    add_scaled(sums, |col| values[col], weight);
                }
                None => add_scaled(sums, |col| self.x.get(row, first + col), weight),
            }
        }
    }
}
