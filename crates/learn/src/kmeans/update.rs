//! From labels to centres.

use std::ops::Range;

use ferrule_tensor::kernels::ColumnSums;
pub(crate) use ferrule_tensor::kernels::Sums;
use ferrule_tensor::{Float, Isa, Team};

use super::problem::Problem;
use crate::LearnError;

/// Most partial sums that a pass keeps.
const PARTITIONS_MAX: usize = 256;
/// Least rows that are worth a partial sum of their own.
const PARTITION_ROWS_MIN: usize = 1024;
/// Least partial sums, where the rows suffice, that keep many threads busy.
const PARTITIONS_MIN: usize = 32;
/// Most products of a partition's rows with the centres: some tens of milliseconds, after which
/// a request to stop must be seen.
const PARTITION_PRODUCTS_MAX: usize = 1 << 30;

/// The rows of each part of the samples that has sums of its own, by the shape alone, so that results do
/// not depend on the threads; `None` where the sums would take more than 8 bytes a sample.
pub(crate) fn partitions(
    n_samples: usize,
    n_clusters: usize,
    n_features: usize,
) -> Option<Vec<Range<usize>>> {
    let sums = n_clusters.saturating_mul(n_features);
    let wanted = (n_samples / PARTITION_ROWS_MIN).clamp(1, PARTITIONS_MAX);
    let count = wanted.min(n_samples / sums);
    let rows = n_samples.div_ceil(count.max(1));
    let fits = count >= wanted.min(PARTITIONS_MIN);
    (fits && rows.saturating_mul(sums) <= PARTITION_PRODUCTS_MAX)
        .then(|| (0..count).map(|p| p * n_samples / count..(p + 1) * n_samples / count).collect())
}

/// Adds up partial sums, in order.
pub(crate) fn merge(mut partial: Vec<Sums>) -> Sums {
    let mut total = partial.remove(0);
    partial.iter().for_each(|sums| total.merge(sums));
    total
}

/// The sums of the clusters, kept while labels change.
///
/// Only the rows whose label changed are moved, so this costs little once few do, and it takes no
/// memory a row or a thread. With weights, the sums are taken anew each time: what a heavy row leaves
/// behind would not be exact.
pub(crate) struct RunningSums {
    columns: Vec<ColumnSums>,
    n_clusters: usize,
}

impl RunningSums {
    /// Zeros, with the columns split so that `n_threads` are busy.
    pub(crate) fn new(n_clusters: usize, n_features: usize, n_threads: usize) -> Self {
        let width = n_features.div_ceil(2 * n_threads).max(8);
        let columns = (0..n_features)
            .step_by(width)
            .map(|start| ColumnSums::new(n_clusters, start..(start + width).min(n_features)))
            .collect();
        Self { columns, n_clusters }
    }

    /// Follows the labels from `old` (-1 = none) to `new`.
    pub(crate) fn update<T: Float>(
        &mut self,
        problem: &Problem<T>,
        team: &Team,
        old: &[i32],
        new: &[i32],
    ) -> Result<(), LearnError> {
        let (x, weights) = (problem.x, problem.weights);
        let none = if weights.is_some() { vec![-1; old.len()] } else { Vec::new() };
        let old = if weights.is_some() { &none[..] } else { old };
        let mut no_scratch = vec![(); team.n_threads()];
        team.for_each(&mut self.columns, &mut no_scratch, |_, columns, ()| {
            if weights.is_some() {
                columns.sums.fill(0.0);
            }
            columns.update(x, old, new, weights, Isa::detect());
        })?;
        Ok(())
    }

    /// The sums and the weights of the clusters.
    pub(crate) fn total<T: Float>(&self, problem: &Problem<T>, labels: &[i32]) -> Sums {
        let n_features = problem.n_features();
        let mut total = Sums::new(self.n_clusters, n_features);
        for columns in &self.columns {
            let width = columns.cols.len();
            let clusters = total.sums.chunks_exact_mut(n_features);
            for (to, from) in clusters.zip(columns.sums.chunks_exact(width)) {
                to[columns.cols.clone()].copy_from_slice(from);
            }
        }
        for (row, &label) in labels.iter().enumerate() {
            total.weights[label as usize] += problem.weight(row);
        }
        total
    }
}

/// Squared shift of the centres, summed over all.
pub(crate) fn center_shift<T: Float>(old: &[T], new: &[T]) -> f64 {
    old.iter().zip(new).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum()
}
