//! K-Means on compressed sparse rows, which are never made dense.
//!
//! Distances come from |x|² − 2 x·c + |c|², so an iteration costs one multiply-add for each stored
//! value and centre.

use std::ops::Range;

use ferrule_tensor::kernels::products::{first_least, subtract_products};
use ferrule_tensor::{Float, Isa, Team};

use super::engine::Engine;
use super::init::{Block, SeedSource};
use super::relocate::{Far, farthest_rows};
use super::samples::CsrView;
use super::update::Sums;
use crate::LearnError;

/// Rows of a block of work; fixed, so that results do not depend on the threads.
const BLOCK_ROWS: usize = 256;

/// Centres turned so that a stored value meets those of its column side by side.
struct Transposed<A> {
    /// `values[column * n_centers + c]`.
    values: Vec<A>,
    /// |c|² of each centre.
    norms: Vec<A>,
}

impl<A: Float> Transposed<A> {
    fn new<T: Float>(centers: &[T], n_features: usize) -> Self {
        let n_centers = centers.len() / n_features;
        let mut values = vec![A::ZERO; centers.len()];
        let mut norms = Vec::with_capacity(n_centers);
        for (index, center) in centers.chunks_exact(n_features).enumerate() {
            for (column, &value) in center.iter().enumerate() {
                values[column * n_centers + index] = A::from_f64(value.to_f64());
            }
            let norm: f64 = center.iter().map(|value| value.to_f64().powi(2)).sum();
            norms.push(A::from_f64(norm));
        }
        Self { values, norms }
    }

    /// Writes ½|c|² − x·c of each centre to `scores`: least for the nearest.
    fn scores<T: Float>(&self, row: (&[i32], &[T]), scores: &mut Vec<A>) {
        scores.clear();
        scores.extend(self.norms.iter().map(|&norm| norm * A::from_f64(0.5)));
        subtract_products(Isa::detect(), row, &self.values, scores);
    }
}

/// Labels every row; returns whether any label changed.
pub(crate) fn assign<T: Float>(
    team: &Team,
    x: CsrView<T>,
    centers: &[T],
    labels: &mut [i32],
) -> Result<bool, LearnError> {
    let transposed = Transposed::<T>::new(centers, x.cols());
    let mut blocks: Vec<_> = labels.chunks_mut(BLOCK_ROWS).map(|labels| (labels, false)).collect();
    let mut scratch = vec![Vec::new(); team.n_threads()];
    team.for_each(&mut blocks, &mut scratch, |block, (labels, changed), scores| {
        for (offset, label) in labels.iter_mut().enumerate() {
            transposed.scores(x.row(block * BLOCK_ROWS + offset), scores);
            let nearest = first_least(Isa::detect(), scores) as i32;
            *changed |= *label != nearest;
            *label = nearest;
        }
    })?;
    Ok(blocks.iter().any(|(_, changed)| *changed))
}

/// Σ weight · squared distance of each row to the centre that its label names.
pub(crate) fn inertia<T: Float>(
    team: &Team,
    x: CsrView<T>,
    weights: Option<&[T]>,
    centers: &[T],
    labels: &[i32],
) -> Result<f64, LearnError> {
    let norms = squared_norms(centers, x.cols());
    let mut blocks = vec![0.0; x.rows().div_ceil(BLOCK_ROWS)];
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut blocks, &mut no_scratch, |block, sum, ()| {
        for row in block_rows(block, x.rows()) {
            let distance = squared_distance(x, row, centers, &norms, labels[row] as usize);
            *sum += distance * weight_of(weights, row);
        }
    })?;
    Ok(blocks.iter().sum())
}

/// Writes the distance of each row to each centre to `out`, rows × centres.
pub(crate) fn transform<T: Float>(
    team: &Team,
    x: CsrView<T>,
    centers: &[T],
    out: &mut [T],
) -> Result<(), LearnError> {
    let transposed = Transposed::<f64>::new(centers, x.cols());
    let n_centers = transposed.norms.len();
    let mut blocks: Vec<_> = out.chunks_mut(BLOCK_ROWS * n_centers).collect();
    let mut scratch = vec![Vec::new(); team.n_threads()];
    team.for_each(&mut blocks, &mut scratch, |block, out, scores| {
        for (offset, out) in out.chunks_exact_mut(n_centers).enumerate() {
            let row = x.row(block * BLOCK_ROWS + offset);
            transposed.scores(row, scores);
            let norm = squared_norm(row.1);
            for (out, score) in out.iter_mut().zip(&*scores) {
                *out = T::from_f64((norm + 2.0 * *score).max(0.0).sqrt());
            }
        }
    })?;
    Ok(())
}

fn weight_of<T: Float>(weights: Option<&[T]>, row: usize) -> f64 {
    weights.map_or(1.0, |weights| weights[row].to_f64())
}

fn block_rows(block: usize, n_rows: usize) -> Range<usize> {
    block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(n_rows)
}

fn squared_norm<T: Float>(values: &[T]) -> f64 {
    values.iter().map(|value| value.to_f64().powi(2)).sum()
}

fn squared_norms<T: Float>(centers: &[T], n_features: usize) -> Vec<f64> {
    centers.chunks_exact(n_features).map(squared_norm).collect()
}

/// Σ over the stored values of (x − c)² − c², plus |c|².
fn squared_distance<T: Float>(
    x: CsrView<T>,
    row: usize,
    centers: &[T],
    norms: &[f64],
    label: usize,
) -> f64 {
    let center = &centers[label * x.cols()..][..x.cols()];
    let (columns, values) = x.row(row);
    let terms = columns.iter().zip(values).map(|(&column, value)| {
        let c = center[column as usize].to_f64();
        (value.to_f64() - c).powi(2) - c * c
    });
    let distance = terms.sum::<f64>() + norms[label];
    // Not `max`, which would make a NaN 0 and so hide it from the inertia.
    if distance < 0.0 { 0.0 } else { distance }
}

/// Lloyd's algorithm on sparse rows.
pub(crate) struct SparseLloyd<'a, T> {
    x: CsrView<'a, T>,
    weights: Option<&'a [T]>,
    n_clusters: usize,
    team: &'a Team<'a>,
    labels: &'a mut [i32],
}

impl<'a, T: Float> SparseLloyd<'a, T> {
    /// An engine that keeps its labels in `labels`.
    pub(crate) fn new(
        x: CsrView<'a, T>,
        weights: Option<&'a [T]>,
        n_clusters: usize,
        team: &'a Team<'a>,
        labels: &'a mut [i32],
    ) -> Self {
        labels.fill(-1);
        Self { x, weights, n_clusters, team, labels }
    }
}

impl<T: Float> Engine<T> for SparseLloyd<'_, T> {
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError> {
        assign(self.team, self.x, centers, self.labels)
    }

    /// One cluster is one block of work, so partial sums take no memory however many features.
    fn sums(&mut self) -> Result<Sums, LearnError> {
        let (x, weights) = (self.x, self.weights);
        let mut total = Sums::new(self.n_clusters, x.cols());
        let (order, starts) = rows_by_label(self.labels, self.n_clusters);
        let clusters = total.sums.chunks_exact_mut(self.x.cols()).zip(&mut total.weights);
        let mut clusters: Vec<_> = clusters.collect();
        let mut no_scratch = vec![(); self.team.n_threads()];
        self.team.for_each(&mut clusters, &mut no_scratch, |cluster, (sums, total), ()| {
            for &row in &order[starts[cluster]..starts[cluster + 1]] {
                let weight = weight_of(weights, row as usize);
                **total += weight;
                add_scaled(sums, x.row(row as usize), weight);
            }
        })?;
        Ok(total)
    }

    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError> {
        inertia(self.team, self.x, self.weights, centers, self.labels)
    }

    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError> {
        let norms = squared_norms(centers, self.x.cols());
        let (x, labels) = (self.x, &*self.labels);
        farthest_rows(self.team, x.rows(), count, |row| {
            let label = labels[row] as usize;
            Far { distance: squared_distance(x, row, centers, &norms, label), row, label }
        })
    }

    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64) {
        let weight = sign * weight_of(self.weights, row);
        sums.weights[label] += weight;
        add_scaled(&mut sums.sums[label * self.x.cols()..], self.x.row(row), weight);
    }
}

pub(crate) fn add_scaled<T: Float>(
    sums: &mut [f64],
    (columns, values): (&[i32], &[T]),
    weight: f64,
) {
    for (&column, value) in columns.iter().zip(values) {
        sums[column as usize] += weight * value.to_f64();
    }
}

/// The rows in the order of their labels, and where each label starts.
pub(crate) fn rows_by_label(labels: &[i32], n_clusters: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0; n_clusters + 1];
    for &label in labels {
        starts[label as usize + 1] += 1;
    }
    for cluster in 0..n_clusters {
        starts[cluster + 1] += starts[cluster];
    }
    let mut next = starts.clone();
    let mut order = vec![0; labels.len()];
    for (row, &label) in labels.iter().enumerate() {
        order[next[label as usize]] = row as u32;
        next[label as usize] += 1;
    }
    (order, starts)
}

/// Sparse rows as k-means++ measures them.
pub(crate) struct SparseSource<'a, T> {
    x: CsrView<'a, T>,
}

impl<'a, T> SparseSource<'a, T> {
    /// The rows of `x`.
    pub(crate) fn new(x: CsrView<'a, T>) -> Self {
        Self { x }
    }
}

/// Centres and working memory for [`SparseSource`].
pub(crate) struct SeedCenters(Transposed<f64>);

impl<T: Float> SeedSource<T> for SparseSource<'_, T> {
    type Scratch = Vec<f64>;
    type Centers = SeedCenters;

    fn shape(&self) -> (usize, usize) {
        (self.x.rows(), self.x.cols())
    }

    fn push_row(&self, row: usize, out: &mut Vec<T>) {
        let start = out.len();
        out.resize(start + self.x.cols(), T::ZERO);
        let (columns, values) = self.x.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            out[start + column as usize] += value;
        }
    }

    fn prepare(&self, centers: &[T]) -> SeedCenters {
        SeedCenters(Transposed::new(centers, self.x.cols()))
    }

    fn measure(
        &self,
        rows: Range<usize>,
        centers: &SeedCenters,
        weights: Option<&[T]>,
        block: &mut Block<T>,
        scores: &mut Vec<f64>,
    ) {
        for (offset, closest) in block.closest.iter_mut().enumerate() {
            let row = self.x.row(rows.start + offset);
            centers.0.scores(row, scores);
            let norm = squared_norm(row.1);
            let weight = weight_of(weights, offset);
            let mut bound = closest.to_f64();
            for (index, (score, potential)) in scores.iter().zip(&mut block.potentials).enumerate()
            {
                let distance = (norm + 2.0 * score).max(0.0).min(bound);
                if index == 0 {
                    bound = distance;
                }
                *potential += distance * weight;
            }
            *closest = T::from_f64(bound);
        }
    }
}
