//! One step of mini-batch K-Means (Sculley, 2010), as scikit-learn takes it.

use ferrule_tensor::{Control, Float};

use super::init::distinct_rows;
use super::params::check_len;
use super::predict::predict;
use super::rng::Rng;
use super::samples::Samples;
use super::sparse::rows_by_label;
use crate::LearnError;

/// Products of rows, centres and features from which threads are worth their start.
const THREADED_PRODUCTS_MIN: usize = 1 << 24;

/// When centres of little weight are moved to samples of the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reassignment {
    /// Centres with less than this share of the greatest weight are moved.
    pub ratio: f64,
    /// Decides which samples they are moved to.
    pub seed: u64,
}

/// What a step found and did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Σ weight · squared distance of the batch to its nearest centres, before they moved.
    pub inertia: f64,
    /// Centres moved to samples of the batch.
    pub n_reassigned: usize,
}

/// Labels the batch `x` with the nearest of `centers` (row-major), then moves each centre to the mean
/// of all that it was ever given: `weight_sums` holds how much that was, one sum a centre.
///
/// # Errors
/// [`LearnError::Shape`] where lengths do not fit; [`LearnError::Cancelled`], with nothing changed.
///
/// ```
/// use ferrule_learn::kmeans::{Samples, minibatch};
/// use ferrule_tensor::{Control, MatrixView};
/// let x = Samples::Dense(MatrixView::contiguous(&[1.0, 3.0], 2, 1).unwrap());
/// let (mut centers, mut weight_sums) = ([0.0], [2.0]);
/// minibatch::step(x, None, &mut centers, &mut weight_sums, None, 1, &Control::new())?;
/// assert_eq!((centers, weight_sums), ([1.0], [4.0]));
/// # Ok::<(), ferrule_learn::LearnError>(())
/// ```
pub fn step<T: Float>(
    x: Samples<T>,
    weights: Option<&[T]>,
    centers: &mut [T],
    weight_sums: &mut [f64],
    reassignment: Option<Reassignment>,
    n_threads: usize,
    control: &Control,
) -> Result<Step, LearnError> {
    let n_clusters = weight_sums.len();
    check_len("centers", n_clusters.saturating_mul(x.cols()), centers.len())?;
    let n_products = x.rows().saturating_mul(centers.len());
    let n_threads = if n_products < THREADED_PRODUCTS_MIN { 1 } else { n_threads };
    let mut labels = vec![0; x.rows()];
    let inertia = predict(x, centers, &mut labels, weights, n_threads, control)?;
    move_centers(&x, weights, &labels, centers, weight_sums);
    let moved = reassignment.map(|wanted| reassign(&x, centers, weight_sums, wanted));
    Ok(Step { inertia, n_reassigned: moved.unwrap_or(0) })
}

/// Takes each sample into the mean that its centre is.
fn move_centers<T: Float>(
    x: &Samples<T>,
    weights: Option<&[T]>,
    labels: &[i32],
    centers: &mut [T],
    weight_sums: &mut [f64],
) {
    let (order, starts) = rows_by_label(labels, weight_sums.len());
    let mut sum = vec![0.0; x.cols()];
    let clusters = centers.chunks_exact_mut(x.cols()).zip(weight_sums);
    for ((center, weight_sum), bounds) in clusters.zip(starts.windows(2)) {
        let rows = &order[bounds[0]..bounds[1]];
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize].to_f64());
        let added: f64 = rows.iter().map(|&row| weight(row)).sum();
        if added <= 0.0 {
            continue;
        }
        for (sum, value) in sum.iter_mut().zip(&*center) {
            *sum = value.to_f64() * *weight_sum;
        }
        rows.iter().for_each(|&row| x.add_row(row as usize, weight(row), &mut sum));
        *weight_sum += added;
        for (value, sum) in center.iter_mut().zip(&sum) {
            *value = T::from_f64(sum / *weight_sum);
        }
    }
}

/// Moves the centres of least weight to samples drawn from the batch; returns how many.
///
/// They get the least weight of the others, so that they are not moved again at once.
fn reassign<T: Float>(
    x: &Samples<T>,
    centers: &mut [T],
    weight_sums: &mut [f64],
    Reassignment { ratio, seed }: Reassignment,
) -> usize {
    let greatest = weight_sums.iter().copied().fold(0.0, f64::max);
    let is_light = |&cluster: &usize| weight_sums[cluster] < ratio * greatest;
    let mut light: Vec<usize> = (0..weight_sums.len()).filter(is_light).collect();
    light.sort_by(|&a, &b| weight_sums[a].total_cmp(&weight_sums[b]));
    // At most half of the batch becomes centres, and a centre stays to take a weight from.
    light.truncate((x.rows() / 2).min(weight_sums.len() - 1));
    light.sort_unstable();
    let others = (0..weight_sums.len()).filter(|cluster| light.binary_search(cluster).is_err());
    let least = others.map(|cluster| weight_sums[cluster]).fold(f64::INFINITY, f64::min);
    let rows = distinct_rows(x.rows(), light.len(), &mut Rng::new(seed));
    let mut row_values = vec![0.0; x.cols()];
    for (&cluster, row) in light.iter().zip(rows) {
        row_values.fill(0.0);
        x.add_row(row, 1.0, &mut row_values);
        let center = &mut centers[cluster * x.cols()..][..x.cols()];
        for (value, &new) in center.iter_mut().zip(&row_values) {
            *value = T::from_f64(new);
        }
        weight_sums[cluster] = least;
    }
    light.len()
}
