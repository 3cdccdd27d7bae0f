//! Lloyd's algorithm: every sample against every centre, each iteration.

use ferrule_tensor::{Assigner, Float, Isa, Scratch, Team};

use super::engine::Engine;
use super::problem::Problem;
use super::relocate::{Far, farthest_dense, squared_distance};
use super::update::{Sums, cluster_sums};
use crate::LearnError;

/// Rows of a block of work; fixed, so that results do not depend on the threads.
const BLOCK_ROWS: usize = 1024;

/// Lloyd's algorithm on dense samples.
pub(super) struct Lloyd<'a, T> {
    problem: &'a Problem<'a, T>,
    team: &'a Team<'a>,
    labels: &'a mut [i32],
}

impl<'a, T: Float> Lloyd<'a, T> {
    /// An engine that keeps its labels in `labels`.
    pub(super) fn new(
        problem: &'a Problem<'a, T>,
        team: &'a Team<'a>,
        labels: &'a mut [i32],
    ) -> Self {
        labels.fill(-1);
        Self { problem, team, labels }
    }
}

impl<T: Float> Engine<T> for Lloyd<'_, T> {
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError> {
        let (x, k) = (self.problem.x, self.problem.n_clusters());
        let assigner = Assigner::new(centers, k, x.cols(), Isa::detect());
        let mut blocks: Vec<_> =
            self.labels.chunks_mut(BLOCK_ROWS).map(|labels| (labels, false)).collect();
        let mut scratch: Vec<_> =
            (0..self.team.n_threads()).map(|_| (Scratch::default(), Vec::new())).collect();
        self.team.for_each(&mut blocks, &mut scratch, |block, (labels, changed), scratch| {
            let (scratch, previous) = scratch;
            previous.clear();
            previous.extend_from_slice(labels);
            let start = block * BLOCK_ROWS;
            assigner.assign(x, start..start + labels.len(), labels, None, scratch);
            *changed = previous[..] != labels[..];
        })?;
        Ok(blocks.iter().any(|(_, changed)| *changed))
    }

    fn sums(&mut self) -> Result<Sums, LearnError> {
        cluster_sums(self.problem, self.team, self.labels)
    }

    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError> {
        dense_inertia(self.problem, self.team, self.labels, centers)
    }

    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError> {
        farthest_dense(self.problem, self.team, self.labels, centers, count)
    }

    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64) {
        sums.add(self.problem.x, row, label, sign * self.problem.weight(row));
    }
}

/// Σ weight · squared distance of each sample to the centre that its label names.
pub(super) fn dense_inertia<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    labels: &[i32],
    centers: &[T],
) -> Result<f64, LearnError> {
    let (n, d) = (problem.n_samples(), problem.n_features());
    let mut blocks = vec![0.0; n.div_ceil(BLOCK_ROWS)];
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut blocks, &mut no_scratch, |block, sum, ()| {
        let start = block * BLOCK_ROWS;
        for row in start..(start + BLOCK_ROWS).min(n) {
            let center = &centers[labels[row] as usize * d..][..d];
            *sum += problem.weight(row) * squared_distance(problem.x, row, center);
        }
    })?;
    Ok(blocks.iter().sum())
}
