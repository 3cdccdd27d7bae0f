//! From labels to centres.

use ferrule_tensor::{Float, MatrixView, Team};

use super::problem::Problem;
use crate::LearnError;

/// Most partial sums that a pass keeps; fixed, so that results do not depend on the threads.
const PARTITIONS_MAX: usize = 64;
/// Least rows that are worth a partial sum of their own.
const PARTITION_ROWS_MIN: usize = 1024;

/// The weighted sum of each cluster's samples, and their total weight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sums {
    /// `n_clusters` × features.
    pub(crate) sums: Vec<f64>,
    /// `n_clusters`.
    pub(crate) weights: Vec<f64>,
}

impl Sums {
    /// Zeros.
    pub(crate) fn new(n_clusters: usize, n_features: usize) -> Self {
        Self { sums: vec![0.0; n_clusters * n_features], weights: vec![0.0; n_clusters] }
    }

    /// Adds `weight` times row `row` of `x` to cluster `label`; a negative weight takes it away.
    pub(crate) fn add<T: Float>(
        &mut self,
        x: MatrixView<T>,
        row: usize,
        label: usize,
        weight: f64,
    ) {
        self.weights[label] += weight;
        let sums = &mut self.sums[label * x.cols()..][..x.cols()];
        for (col, sum) in sums.iter_mut().enumerate() {
            *sum += weight * x.get(row, col).to_f64();
        }
    }

    /// Adds another's sums to this.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += other;
        }
        for (weight, other) in self.weights.iter_mut().zip(&other.weights) {
            *weight += other;
        }
    }

    /// The mean of each cluster. One without weight is put where the heaviest is, as scikit-learn
    /// does, so that it stays within the data; the centres stay `old` where nothing has weight.
    pub(crate) fn centers<T: Float>(&self, old: &[T]) -> Vec<T> {
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

/// The rows of each fixed part of the samples, which depend on the shape alone.
pub(crate) fn partitions(n_samples: usize) -> Vec<std::ops::Range<usize>> {
    let count = (n_samples / PARTITION_ROWS_MIN).clamp(1, PARTITIONS_MAX);
    (0..count).map(|p| p * n_samples / count..(p + 1) * n_samples / count).collect()
}

/// Sums the samples by label: the same bits for the same labels, whatever the threads.
pub(crate) fn cluster_sums<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    labels: &[i32],
) -> Result<Sums, LearnError> {
    let parts = partitions(problem.n_samples());
    let mut partial: Vec<_> =
        parts.iter().map(|_| Sums::new(problem.n_clusters(), problem.n_features())).collect();
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut partial, &mut no_scratch, |part, sums, ()| {
        for row in parts[part].clone() {
            sums.add(problem.x, row, labels[row] as usize, problem.weight(row));
        }
    })?;
    let mut partial = partial.into_iter();
    let mut total = partial.next().expect("at least one partition");
    partial.for_each(|sums| total.merge(&sums));
    Ok(total)
}

/// Squared shift of the centres, summed over all.
pub(crate) fn center_shift<T: Float>(old: &[T], new: &[T]) -> f64 {
    old.iter().zip(new).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum()
}
