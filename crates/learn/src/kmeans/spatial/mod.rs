//! Lloyd's algorithm over a spatial index, for few features.
//!
//! The rows are ordered once along a space-filling curve and cut into blocks, each with the box
//! around it. An iteration keeps, box by box from the largest down, the centres that can be nearest
//! to a point in the box; where one is left, the block's precomputed sum is added whole. Rows and
//! centres that are compared at all are compared as the plain algorithm does, so the labels are
//! equal to its, bit for bit.

mod labels;
mod order;
mod part;

use std::sync::atomic::Ordering;

use ferrule_tensor::kernels::candidates::{CandidateList, PANEL_FEATURES_MAX};
use ferrule_tensor::shared::shared_i32;
use ferrule_tensor::{Float, Isa, Team};

use self::order::{cells, morton_order};
use self::part::{Ordered, PART_ROWS, Part, Scratch, Source};
use super::engine::Engine;
use super::params::Params;
use super::problem::Problem;
use super::relocate::{Far, farthest_rows, squared_distance};
use super::update::Sums;
use crate::LearnError;

/// Bytes a row that a kept copy of the rows may take.
const KEPT_BYTES_MAX: usize = 12;
/// Most clusters: a candidate's number must be exact in `f32`.
const CLUSTERS_MAX: usize = 1 << 24;

/// Most features for which the index is made unasked.
const PAYING_FEATURES_MAX: usize = 3;
/// Rows a cluster from which boxes are small enough to have few candidates.
const CLUSTER_ROWS_MIN: usize = 64;
/// Iterations in which the index must repay its making.
const ITERATIONS_EXPECTED: usize = 10;

/// The engine; until the fit ends, the caller's labels hold the order instead.
pub(super) struct Spatial<'a, T> {
    problem: &'a Problem<'a, T>,
    team: &'a Team<'a>,
    source: Source<'a, T>,
    order: &'a mut [i32],
    /// See [`Ordered::panels`].
    panels: Vec<T>,
    parts: Vec<Part<T>>,
    scratch: Vec<Scratch<T>>,
    is_first: bool,
}

/// Whether the engine can take samples of this shape.
pub(super) fn is_applicable(n_samples: usize, n_features: usize, n_clusters: usize) -> bool {
    n_features <= PANEL_FEATURES_MAX
        && n_clusters <= CLUSTERS_MAX
        && i32::try_from(n_samples).is_ok()
}

/// Whether the index is expected to repay its making, by the shape alone.
///
/// Measured with AVX-512 on blobs and uniform data, nanoseconds of one core a row: making the index and
/// writing the labels back takes 85; an iteration takes the plain algorithm 0.039 (float32) or
/// 0.1 (float64) for each centre and feature, and this one 30 at 3 features and 1000 centres, 10 at 256,
/// 7 at 64, and 4 to 7 at 2 features. So an iteration must save 8 to repay the index in ten,
/// which it does from 256 float32 or 128 float64 products of centres and features on. At 5
/// features the two are about equal and at 8 this one takes twice as long.
pub(super) fn pays<T>(params: &Params, n_samples: usize, n_features: usize) -> bool {
    let products = params.n_clusters.saturating_mul(n_features);
    let iterations = params.max_iter.min(ITERATIONS_EXPECTED);
    let bytes = products.saturating_mul(size_of::<T>()).saturating_mul(iterations);
    n_features <= PAYING_FEATURES_MAX
        && n_samples / params.n_clusters >= CLUSTER_ROWS_MIN
        && bytes >= ITERATIONS_EXPECTED * 1024
}

impl<'a, T: Float> Spatial<'a, T> {
    /// Orders the rows, in the memory of `labels`.
    pub(super) fn new(
        problem: &'a Problem<'a, T>,
        team: &'a Team<'a>,
        labels: &'a mut [i32],
    ) -> Result<Self, LearnError> {
        let (k, d) = (problem.n_clusters(), problem.n_features());
        let keys = morton_order(problem.x, team, labels)?;
        let isa = Isa::detect();
        let source = Source { x: problem.x, weights: problem.weights, isa };
        let mut parts: Vec<_> = cells(&keys, 0..labels.len(), PART_ROWS)
            .into_iter()
            .map(|rows| Part::new(rows.clone(), &keys[rows], k))
            .collect();
        // So that the keys and the rows kept never take memory together.
        drop(keys);
        // Kept rows save gathering them in each iteration.
        let keeps_rows = d * size_of::<T>() <= KEPT_BYTES_MAX;
        let mut panels = vec![T::ZERO; if keeps_rows { labels.len() * d } else { 0 }];
        fill_parts(&mut parts, team, &source, labels, &mut panels)?;
        let scratch = (0..team.n_threads()).map(|_| Scratch::new(k, d)).collect();
        Ok(Self { problem, team, source, order: labels, panels, parts, scratch, is_first: true })
    }

    /// Puts the labels into the caller's memory, in the order of the samples, which ends the engine's use.
    fn write_labels(&mut self) -> Result<(), LearnError> {
        // Makes room for the labels.
        self.panels = Vec::new();
        let mut labels = vec![0; self.order.len()];
        let cells = shared_i32(&mut labels);
        let mut no_scratch = vec![(); self.team.n_threads()];
        let order = &*self.order;
        self.team.for_each(&mut self.parts, &mut no_scratch, |_, part, ()| {
            for (position, &row) in order[part.rows.clone()].iter().enumerate() {
                cells[row as usize].store(part.labels.get(position), Ordering::Relaxed);
            }
        })?;
        self.order.copy_from_slice(&labels);
        Ok(())
    }
}

/// Fills each part with its rows and its share of `panels`, where those are kept.
fn fill_parts<T: Float>(
    parts: &mut [Part<T>],
    team: &Team,
    source: &Source<T>,
    order: &[i32],
    panels: &mut [T],
) -> Result<(), LearnError> {
    let mut rest = panels;
    let mut work: Vec<_> = parts
        .iter_mut()
        .map(|part| {
            let kept = (part.rows.len() * source.x.cols()).min(rest.len());
            let panels = rest.split_off_mut(..kept).unwrap_or_default();
            (part, panels)
        })
        .collect();
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut work, &mut no_scratch, |_, (part, panels), ()| {
        part.fill(source, &order[part.rows.clone()], panels);
    })?;
    Ok(())
}

impl<T: Float> Engine<T> for Spatial<'_, T> {
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError> {
        let (source, ordered) = (&self.source, Ordered { rows: self.order, panels: &self.panels });
        let all = CandidateList::of_all(centers, source.x.cols());
        self.team.for_each(&mut self.parts, &mut self.scratch, |_, part, scratch| {
            part.assign(source, &all, ordered, scratch);
        })?;
        let changed = self.parts.iter().any(|part| part.changed);
        Ok(std::mem::take(&mut self.is_first) || changed)
    }

    fn sums(&mut self) -> Result<Sums, LearnError> {
        let d = self.problem.n_features();
        let mut total = Sums::new(self.problem.n_clusters(), d);
        for part in &self.parts {
            for (&id, sums) in part.ids.iter().zip(part.sums.chunks_exact(d + 1)) {
                total.weights[id as usize] += sums[d];
                for (total, sum) in total.sums[id as usize * d..][..d].iter_mut().zip(sums) {
                    *total += sum;
                }
            }
        }
        Ok(total)
    }

    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError> {
        let (problem, order) = (self.problem, &*self.order);
        let d = problem.n_features();
        let mut parts: Vec<_> = self.parts.iter().map(|part| (part, 0.0)).collect();
        let mut no_scratch = vec![(); self.team.n_threads()];
        self.team.for_each(&mut parts, &mut no_scratch, |_, (part, sum), ()| {
            for (position, &row) in order[part.rows.clone()].iter().enumerate() {
                let center = &centers[part.labels.get(position) as usize * d..][..d];
                let row = row as usize;
                *sum += problem.weight(row) * squared_distance(problem.x, row, center);
            }
        })?;
        Ok(parts.iter().map(|(_, sum)| sum).sum())
    }

    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError> {
        let (x, order, parts) = (self.problem.x, &*self.order, &self.parts);
        let d = x.cols();
        farthest_rows(self.team, order.len(), count, |position| {
            let part = &parts[parts.partition_point(|part| part.rows.end <= position)];
            let label = part.labels.get(position - part.rows.start) as usize;
            let row = order[position] as usize;
            Far { distance: squared_distance(x, row, &centers[label * d..][..d]), row, label }
        })
    }

    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64) {
        sums.add(self.problem.x, row, label, sign * self.problem.weight(row));
    }

    fn finish(&mut self, centers: &[T], converged: bool) -> Result<f64, LearnError> {
        if !converged {
            self.assign(centers)?;
        }
        let inertia = self.inertia(centers)?;
        self.write_labels()?;
        Ok(inertia)
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::Algorithm;
    use super::*;

    #[test]
    fn the_index_is_made_where_iterations_repay_it() {
        let pays = |n_samples, n_features, n_clusters, max_iter| {
            let algorithm = Algorithm::Auto;
            let params = Params { n_clusters, max_iter, tol: 0.0, algorithm, n_threads: 1 };
            super::pays::<f32>(&params, n_samples, n_features)
        };
        assert!(pays(1_000_000, 3, 1000, 5));
        assert!(pays(1_000_000, 2, 256, 300));
        assert!(!pays(1_000_000, 2, 3, 300), "a streaming pass is cheaper");
        assert!(!pays(1_000_000, 3, 1000, 0), "nothing to repay it");
        assert!(!pays(1_000_000, 8, 1000, 300), "boxes keep too many centres");
        assert!(!pays(2_000, 3, 1000, 300), "two rows a cluster");
    }
}
