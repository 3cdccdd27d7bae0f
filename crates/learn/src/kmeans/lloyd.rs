//! Lloyd's algorithm: every sample against every centre, each iteration.
//!
//! Where partial sums for fixed parts of the samples fit in memory, a pass adds each sample to its
//! cluster while it is in registers and writes no label: equal sums mean that the labels
//! repeat. Elsewhere labels are kept, and the sums follow those that change.

use std::ops::Range;

use ferrule_tensor::{Assigner, Float, Isa, Scratch, Team};

use super::engine::Engine;
use super::predict::{assign_all, block_rows, inertia_of};
use super::problem::Problem;
use super::relocate::{Far, farthest_dense};
use super::update::{RunningSums, Sums, merge, partitions};
use crate::LearnError;

/// Lloyd's algorithm on dense samples.
pub(super) struct Lloyd<'a, T> {
    problem: &'a Problem<'a, T>,
    team: &'a Team<'a>,
    labels: &'a mut [i32],
    sums: Strategy,
}

/// How the sums of the clusters come about.
enum Strategy {
    /// In the pass, for each part of the samples; with the sums of the last pass.
    Fused { parts: Vec<Range<usize>>, last: Option<Sums> },
    /// From the labels that changed.
    Running { sums: RunningSums, next_labels: Vec<i32> },
}

impl<'a, T: Float> Lloyd<'a, T> {
    /// An engine that leaves its labels in `labels`.
    pub(super) fn new(
        problem: &'a Problem<'a, T>,
        team: &'a Team<'a>,
        labels: &'a mut [i32],
    ) -> Self {
        labels.fill(-1);
        let (n, k, d) = (problem.n_samples(), problem.n_clusters(), problem.n_features());
        let sums = match partitions(n, k, d) {
            Some(parts) => Strategy::Fused { parts, last: None },
            None => Strategy::Running {
                sums: RunningSums::new(k, d, team.n_threads()),
                next_labels: vec![-1; n],
            },
        };
        Self { problem, team, labels, sums }
    }

    fn assigner(&self, centers: &[T]) -> Assigner<T> {
        let (k, d) = (self.problem.n_clusters(), self.problem.n_features());
        Assigner::new(centers, k, d, Isa::detect())
    }

    /// Writes the labels of `centers` where a fused pass has not.
    fn write_labels(&mut self, centers: &[T]) -> Result<(), LearnError> {
        if matches!(self.sums, Strategy::Fused { .. }) {
            let assigner = self.assigner(centers);
            label_all(self.problem, self.team, &assigner, self.labels)?;
        }
        Ok(())
    }
}

impl<T: Float> Engine<T> for Lloyd<'_, T> {
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError> {
        let assigner = self.assigner(centers);
        match &mut self.sums {
            Strategy::Fused { parts, last } => {
                let sums = fused_sums(self.problem, self.team, &assigner, parts)?;
                let changed = last.as_ref() != Some(&sums);
                *last = Some(sums);
                Ok(changed)
            }
            Strategy::Running { sums, next_labels } => {
                label_all(self.problem, self.team, &assigner, next_labels)?;
                sums.update(self.problem, self.team, self.labels, next_labels)?;
                let changed = *self.labels != next_labels[..];
                self.labels.copy_from_slice(next_labels);
                Ok(changed)
            }
        }
    }

    fn sums(&mut self) -> Result<Sums, LearnError> {
        Ok(match &self.sums {
            Strategy::Fused { last, .. } => last.clone().expect("`assign` comes first"),
            Strategy::Running { sums, .. } => sums.total(self.problem, self.labels),
        })
    }

    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError> {
        self.write_labels(centers)?;
        dense_inertia(self.problem, self.team, self.labels, centers)
    }

    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError> {
        self.write_labels(centers)?;
        farthest_dense(self.problem, self.team, self.labels, centers, count)
    }

    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64) {
        sums.add(self.problem.x, row, label, sign * self.problem.weight(row));
    }

    fn finish(&mut self, centers: &[T], converged: bool) -> Result<f64, LearnError> {
        if converged && matches!(self.sums, Strategy::Running { .. }) {
            return self.inertia(centers);
        }
        let assigner = self.assigner(centers);
        assign_all(self.team, self.problem.x, &assigner, self.problem.weights, self.labels)
    }
}

/// The sums over the nearest centres, part by part.
fn fused_sums<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    assigner: &Assigner<T>,
    parts: &[Range<usize>],
) -> Result<Sums, LearnError> {
    let (x, weights) = (problem.x, problem.weights);
    let mut partial = vec![Sums::new(assigner.n_clusters(), x.cols()); parts.len()];
    let mut scratch: Vec<_> = (0..team.n_threads()).map(|_| Scratch::default()).collect();
    team.for_each(&mut partial, &mut scratch, |part, sums, scratch| {
        assigner.sum_nearest(x, parts[part].clone(), weights, sums, scratch);
    })?;
    Ok(merge(partial))
}

/// Labels every sample.
fn label_all<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    assigner: &Assigner<T>,
    labels: &mut [i32],
) -> Result<(), LearnError> {
    let (x, block_rows) = (problem.x, block_rows(assigner.n_clusters(), assigner.n_features()));
    let mut blocks: Vec<_> = labels.chunks_mut(block_rows).collect();
    let mut scratch: Vec<_> = (0..team.n_threads()).map(|_| Scratch::default()).collect();
    team.for_each(&mut blocks, &mut scratch, |block, labels, scratch| {
        let start = block * block_rows;
        assigner.assign(x, start..start + labels.len(), labels, None, scratch);
    })?;
    Ok(())
}

/// Σ weight · squared distance of each sample to the centre that its label names.
pub(super) fn dense_inertia<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    labels: &[i32],
    centers: &[T],
) -> Result<f64, LearnError> {
    let (n, k, d) = (problem.n_samples(), problem.n_clusters(), problem.n_features());
    let assigner = Assigner::new(centers, k, d, Isa::detect());
    let block_rows = block_rows(assigner.n_clusters(), assigner.n_features());
    let mut blocks = vec![0.0; n.div_ceil(block_rows)];
    let mut scratch = vec![vec![T::ZERO; block_rows]; team.n_threads()];
    team.for_each(&mut blocks, &mut scratch, |block, sum, sq_dist| {
        let rows = block * block_rows..((block + 1) * block_rows).min(n);
        let sq_dist = &mut sq_dist[..rows.len()];
        assigner.own_squared_distances(problem.x, rows.clone(), &labels[rows.clone()], sq_dist);
        *sum = inertia_of(sq_dist, problem.weights, rows);
    })?;
    Ok(blocks.iter().sum())
}
