//! One step of mini-batch K-Means (Sculley, 2010), with scikit-learn's reassignment of centres that
//! few samples chose.

use ferrule_tensor::{Control, Float};

use super::init::distinct_rows;
use super::params::check_len;
use super::predict::predict;
use super::rng::Rng;
use super::samples::Samples;
use crate::LearnError;

/// When a centre is moved to a random sample of the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reassignment {
    /// A centre moves if its count is below this share of the largest count.
    pub ratio: f64,
    /// Decides which samples are taken.
    pub seed: u64,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Inertia of the batch at the centres before the step.
    pub inertia: f64,
    /// Centres that were moved to samples of the batch.
    pub n_reassigned: usize,
}

/// Moves each of `centers` (row-major) to the mean of all samples that it was given so far, the
/// batch `x` included; `counts` has the weight that each was given, and grows by the batch's.
///
/// # Errors
/// [`LearnError::Shape`] where lengths do not fit; [`LearnError::Cancelled`], with all as it was.
///
/// ```
/// use ferrule_learn::kmeans::{Samples, minibatch};
/// use ferrule_tensor::{Control, MatrixView};
/// let batch: [f64; 3] = [0.0, 2.0, 9.0];
/// let x = Samples::Dense(MatrixView::contiguous(&batch, 3, 1).unwrap());
/// let (mut centers, mut counts) = ([4.0, 9.0], [2.0, 0.0]);
/// minibatch::step(x, None, &mut centers, &mut counts, None, 1, &Control::new())?;
/// assert_eq!((centers, counts), ([2.5, 9.0], [4.0, 1.0]));
/// # Ok::<(), ferrule_learn::LearnError>(())
/// ```
pub fn step<T: Float>(
    x: Samples<T>,
    weights: Option<&[T]>,
    centers: &mut [T],
    counts: &mut [f64],
    reassignment: Option<Reassignment>,
    n_threads: usize,
    control: &Control,
) -> Result<Step, LearnError> {
    check_len("centers", counts.len().saturating_mul(x.cols()), centers.len())?;
    let mut labels = vec![0; x.rows()];
    let inertia = predict(x, centers, &mut labels, weights, n_threads, control)?;
    move_to_means(&x, weights, &labels, centers, counts);
    let chosen = reassignment.map(|wanted| reassign(&x, wanted, centers, counts));
    Ok(Step { inertia, n_reassigned: chosen.unwrap_or(0) })
}

fn move_to_means<T: Float>(
    x: &Samples<T>,
    weights: Option<&[T]>,
    labels: &[i32],
    centers: &mut [T],
    counts: &mut [f64],
) {
    let cols = x.cols();
    let mut sums = vec![0.0; centers.len()];
    let mut added = vec![0.0; counts.len()];
    for (row, &label) in labels.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row].to_f64());
        let cluster = label as usize;
        added[cluster] += weight;
        let sum = &mut sums[cluster * cols..][..cols];
        for_each_value(x, row, |col, value| sum[col] += weight * value.to_f64());
    }
    let clusters = centers.chunks_exact_mut(cols).zip(sums.chunks_exact(cols));
    for ((center, sum), (count, added)) in clusters.zip(counts.iter_mut().zip(added)) {
        if added > 0.0 {
            let total = *count + added;
            for (c, s) in center.iter_mut().zip(sum) {
                *c = T::from_f64((c.to_f64() * *count + s) / total);
            }
            *count = total;
        }
    }
}

/// Calls `visit(column, value)` for each stored value of a row.
fn for_each_value<T: Float>(x: &Samples<T>, row: usize, mut visit: impl FnMut(usize, T)) {
    match x {
        Samples::Dense(x) => (0..x.cols()).for_each(|col| visit(col, x.get(row, col))),
        Samples::Csr(x) => {
            let (columns, values) = x.row(row);
            columns.iter().zip(values).for_each(|(&col, &value)| visit(col as usize, value));
        }
    }
}

/// Moves the centres of low counts to distinct random samples; returns how many.
fn reassign<T: Float>(
    x: &Samples<T>,
    wanted: Reassignment,
    centers: &mut [T],
    counts: &mut [f64],
) -> usize {
    let moving = low_counts(counts, wanted.ratio, x.rows() / 2);
    let rows = distinct_rows(x.rows(), moving.len(), &mut Rng::new(wanted.seed));
    for (&cluster, row) in moving.iter().zip(rows) {
        let center = &mut centers[cluster * x.cols()..][..x.cols()];
        center.fill(T::ZERO);
        for_each_value(x, row, |col, value| center[col] = value);
    }
    // The least count of those that stay, so that the moved are not moved again at once.
    let stay = |&(cluster, _): &(usize, &f64)| !moving.contains(&cluster);
    let least = counts.iter().enumerate().filter(stay).map(|(_, &count)| count);
    let least = least.fold(f64::INFINITY, f64::min);
    if least.is_finite() {
        moving.iter().for_each(|&cluster| counts[cluster] = least);
    }
    moving.len()
}

/// The clusters whose count is below `ratio` of the largest; the `max` lowest of them.
fn low_counts(counts: &[f64], ratio: f64, max: usize) -> Vec<usize> {
    let bound = ratio * counts.iter().copied().fold(0.0, f64::max);
    let mut low: Vec<usize> = (0..counts.len()).filter(|&c| counts[c] < bound).collect();
    if low.len() > max {
        low.sort_by(|&a, &b| counts[a].total_cmp(&counts[b]));
        low.truncate(max);
    }
    low
}

#[cfg(test)]
mod tests {
    use ferrule_tensor::MatrixView;

    use super::*;

    #[test]
    fn at_most_half_a_batch_of_the_lowest_counts_move_to_its_distinct_samples() {
        let batch = [1.0, 2.0, 3.0, 4.0, 5.0];
        let x = Samples::Dense(MatrixView::contiguous(&batch, 5, 1).unwrap());
        let mut centers = [3.0, 50.0, 60.0, 70.0];
        let mut counts = [95.0, 0.5, 0.2, 0.9];
        let reassignment = Some(Reassignment { ratio: 0.01, seed: 1 });
        let control = Control::new();
        let done = step(x, None, &mut centers, &mut counts, reassignment, 1, &control).unwrap();
        assert_eq!(done, Step { inertia: 10.0, n_reassigned: 2 });
        assert_eq!((centers[0], centers[3]), (3.0, 70.0));
        assert!(batch.contains(&centers[1]) && batch.contains(&centers[2]));
        assert_ne!(centers[1], centers[2]);
        assert_eq!(counts, [100.0, 0.9, 0.9, 0.9]);
    }

    #[test]
    fn weights_count_as_repetitions() {
        let (twice, once) = ([0.0, 0.0, 6.0], [0.0, 6.0]);
        let mut results = Vec::new();
        for (data, weights) in [(&twice[..], None), (&once[..], Some(&[2.0, 1.0][..]))] {
            let x = Samples::Dense(MatrixView::contiguous(data, data.len(), 1).unwrap());
            let (mut centers, mut counts) = ([9.0], [1.0]);
            step(x, weights, &mut centers, &mut counts, None, 1, &Control::new()).unwrap();
            results.push((centers, counts));
        }
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], ([15.0 / 4.0], [4.0]));
    }
}
