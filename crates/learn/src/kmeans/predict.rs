//! A fitted model's answers.

use std::ops::Range;

use ferrule_tensor::{Assigner, Control, Float, Isa, MatrixView, Scratch, Team};

use super::params::check_len;
use super::samples::Samples;
use super::sparse;
use crate::LearnError;

/// Writes the nearest of `centers` (row-major) for each row to `labels`; returns the inertia, the sum
/// of the weighted squared distances.
///
/// # Errors
/// [`LearnError::Shape`] where lengths do not fit; [`LearnError::Cancelled`].
pub fn predict<T: Float>(
    x: Samples<T>,
    centers: &[T],
    labels: &mut [i32],
    weights: Option<&[T]>,
    n_threads: usize,
    control: &Control,
) -> Result<f64, LearnError> {
    let n_clusters = check_centers(&x, centers)?;
    check_len("labels", x.rows(), labels.len())?;
    if let Some(weights) = weights {
        check_len("sample_weight", x.rows(), weights.len())?;
    }
    Team::run(n_threads, control, |team| match x {
        Samples::Dense(x) => {
            let assigner = Assigner::new(centers, n_clusters, x.cols(), Isa::detect());
            assign_all(team, x, &assigner, weights, labels)
        }
        Samples::Csr(x) => {
            sparse::assign(team, x, centers, labels)?;
            sparse::inertia(team, x, weights, centers, labels)
        }
    })
}

/// Writes the distance of each row to each of `centers` (row-major) to `out`, rows × centres.
///
/// # Errors
/// [`LearnError::Shape`] where lengths do not fit; [`LearnError::Cancelled`].
pub fn transform<T: Float>(
    x: Samples<T>,
    centers: &[T],
    out: &mut [T],
    n_threads: usize,
    control: &Control,
) -> Result<(), LearnError> {
    let n_clusters = check_centers(&x, centers)?;
    check_len("out", x.rows().saturating_mul(n_clusters), out.len())?;
    Team::run(n_threads, control, |team| match x {
        Samples::Dense(x) => transform_dense(team, x, centers, n_clusters, out),
        Samples::Csr(x) => sparse::transform(team, x, centers, out),
    })
}

fn transform_dense<T: Float>(
    team: &Team,
    x: MatrixView<T>,
    centers: &[T],
    n_clusters: usize,
    out: &mut [T],
) -> Result<(), LearnError> {
    let assigner = Assigner::new(centers, n_clusters, x.cols(), Isa::detect());
    let block_rows = block_rows(assigner.n_clusters(), assigner.n_features());
    let mut blocks: Vec<_> = out.chunks_mut(block_rows * n_clusters).collect();
    let mut scratch: Vec<_> = (0..team.n_threads()).map(|_| Scratch::default()).collect();
    team.for_each(&mut blocks, &mut scratch, |block, out, scratch| {
        let start = block * block_rows;
        let rows = start..start + out.len() / n_clusters;
        assigner.squared_distances(x, rows, out, scratch);
        out.iter_mut().for_each(|value| *value = value.sqrt());
    })?;
    Ok(())
}

/// Rows of a block of work: few enough that a request to stop is seen soon, and by the shape alone,
/// so that the inertia does not depend on the threads.
pub(super) fn block_rows(n_clusters: usize, n_features: usize) -> usize {
    /// Products of a block's rows with the centres.
    const PRODUCTS: usize = 1 << 27;
    /// Rows of a whole number of panels on every instruction set.
    const STEP: usize = 192;
    let rows = PRODUCTS / n_clusters.saturating_mul(n_features);
    rows.next_multiple_of(STEP).clamp(STEP, 20 * STEP)
}

/// Labels every row; returns the inertia.
pub(super) fn assign_all<T: Float>(
    team: &Team,
    x: MatrixView<T>,
    assigner: &Assigner<T>,
    weights: Option<&[T]>,
    labels: &mut [i32],
) -> Result<f64, LearnError> {
    let block_rows = block_rows(assigner.n_clusters(), assigner.n_features());
    let mut blocks: Vec<_> = labels.chunks_mut(block_rows).map(|labels| (labels, 0.0)).collect();
    let mut scratch: Vec<_> = (0..team.n_threads())
        .map(|_| (Scratch::default(), vec![T::ZERO; block_rows.min(x.rows())]))
        .collect();
    team.for_each(&mut blocks, &mut scratch, |block, (labels, inertia), (scratch, sq_dist)| {
        let start = block * block_rows;
        let rows = start..start + labels.len();
        let sq_dist = &mut sq_dist[..labels.len()];
        assigner.assign(x, rows.clone(), labels, Some(sq_dist), scratch);
        *inertia = inertia_of(sq_dist, weights, rows);
    })?;
    Ok(blocks.iter().map(|(_, inertia)| inertia).sum())
}

/// Σ weight · squared distance over `rows`, in lanes so that it is vector code.
pub(super) fn inertia_of<T: Float>(
    sq_dist: &[T],
    weights: Option<&[T]>,
    rows: Range<usize>,
) -> f64 {
    const LANES: usize = 16;
    let weights = weights.map(|weights| &weights[rows]);
    let mut sums = [0.0; LANES];
    for (block, sq_dist) in sq_dist.chunks(LANES).enumerate() {
        for (lane, (sum, value)) in sums.iter_mut().zip(sq_dist).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[block * LANES + lane].to_f64());
            *sum += weight * value.to_f64();
        }
    }
    sums.iter().sum()
}

fn check_centers<T: Float>(x: &Samples<T>, centers: &[T]) -> Result<usize, LearnError> {
    x.check()?;
    let n_clusters = (centers.len() / x.cols()).max(1);
    check_len("centers", n_clusters * x.cols(), centers.len())?;
    Ok(n_clusters)
}
