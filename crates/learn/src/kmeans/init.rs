//! Initial centres: greedy k-means++ and random rows.

use std::collections::HashMap;
use std::ops::Range;

use ferrule_tensor::kernels::candidates::PANEL_ROWS;
use ferrule_tensor::kernels::seeding::{
    SEED_PANEL_FEATURES_MAX, SeedPass, SeedRows, transpose_rows,
};
use ferrule_tensor::{Assigner, Control, Float, Isa, MatrixView, Scratch, Team};

use super::params::check_len;
use super::rng::Rng;
use super::samples::Samples;
use crate::LearnError;

/// Rows of a block of work, a whole number of panels; fixed, so that results do not depend on the
/// threads.
pub(crate) const BLOCK_ROWS: usize = 8 * PANEL_ROWS;

/// Greedy k-means++ (Arthur and Vassilvitskii, 2007), as scikit-learn's `kmeans_plusplus` does it:
/// for each centre after the first, `n_local_trials` rows (`None` = 2 + ⌊ln k⌋) are drawn with
/// probability proportional to weight × squared distance to the closest centre so far, and the one
/// that lowers the sum of these most is taken. Returns the centres (row-major) and their rows.
///
/// The same `seed` gives the same rows, whatever the number of threads.
///
/// # Errors
/// [`LearnError::TooFewSamples`], [`LearnError::Shape`] where `weights` does not fit,
/// [`LearnError::InvalidParameter`] for no cluster or no trial, [`LearnError::Cancelled`].
///
/// ```
/// use ferrule_learn::kmeans::{Samples, plus_plus};
/// use ferrule_tensor::{Control, MatrixView};
/// let data: [f64; 4] = [0.0, 0.1, 9.0, 9.1];
/// let x = Samples::Dense(MatrixView::contiguous(&data, 4, 1).unwrap());
/// let (centers, rows) = plus_plus(x, None, 2, 0, None, 1, &Control::new())?;
/// assert!((centers[0] - centers[1]).abs() > 8.0);
/// assert_eq!(centers, [data[rows[0]], data[rows[1]]]);
/// # Ok::<(), ferrule_learn::LearnError>(())
/// ```
pub fn plus_plus<T: Float>(
    x: Samples<T>,
    weights: Option<&[T]>,
    n_clusters: usize,
    seed: u64,
    n_local_trials: Option<usize>,
    n_threads: usize,
    control: &Control,
) -> Result<(Vec<T>, Vec<usize>), LearnError> {
    x.check()?;
    check_counts(x.rows(), weights, n_clusters)?;
    let n_trials = n_local_trials.unwrap_or(2 + (n_clusters as f64).ln() as usize);
    if n_trials == 0 {
        return Err(invalid("n_local_trials", "at least 1", 0));
    }
    let draws = Draws { rng: Rng::new(seed), n_clusters, n_trials };
    Team::run(n_threads, control, |team| match x {
        Samples::Dense(x) => seed_greedily(&DenseSource { x }, weights, draws, team),
        Samples::Csr(x) => {
            seed_greedily(&super::sparse::SparseSource::new(x), weights, draws, team)
        }
    })
}

/// Distinct rows drawn one after another with probability proportional to their weights, as
/// NumPy's `choice(n, k, replace=False, p=weights)` draws them.
///
/// # Errors
/// [`LearnError::TooFewSamples`], [`LearnError::Shape`] where `weights` does not fit, and
/// [`LearnError::InvalidParameter`] where fewer than `n_clusters` weights are positive.
pub fn random_rows<T: Float>(
    n_samples: usize,
    weights: Option<&[T]>,
    n_clusters: usize,
    seed: u64,
) -> Result<Vec<usize>, LearnError> {
    check_counts(n_samples, weights, n_clusters)?;
    let mut rng = Rng::new(seed);
    match weights {
        None => Ok(distinct_rows(n_samples, n_clusters, &mut rng)),
        Some(weights) => weighted_rows(weights, n_clusters, &mut rng),
    }
}

fn check_counts<T>(n: usize, weights: Option<&[T]>, n_clusters: usize) -> Result<(), LearnError> {
    if n_clusters == 0 {
        return Err(invalid("n_clusters", "at least 1", 0));
    }
    if n < n_clusters {
        return Err(LearnError::TooFewSamples { n_samples: n, n_clusters });
    }
    weights.map_or(Ok(()), |weights| check_len("sample_weight", n, weights.len()))
}

fn invalid(name: &'static str, expected: &'static str, got: usize) -> LearnError {
    LearnError::InvalidParameter { name, expected, got: got.to_string() }
}

/// The first `count` of a random permutation of `0..n`: a shuffle that keeps only what it moved.
pub(crate) fn distinct_rows(n: usize, count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut moved = HashMap::new();
    (0..count)
        .map(|place| {
            let pick = place + rng.below((n - place) as u64) as usize;
            let displaced = moved.get(&place).copied().unwrap_or(place);
            moved.insert(pick, displaced).unwrap_or(pick)
        })
        .collect()
}

/// Rows in the order of exponential waiting times at rates `weights`, which is the order of draws
/// without replacement (Efraimidis and Spirakis, 2006).
fn weighted_rows<T: Float>(
    weights: &[T],
    count: usize,
    rng: &mut Rng,
) -> Result<Vec<usize>, LearnError> {
    let arrival = |(row, &weight): (usize, &T)| {
        let time = -(1.0 - rng.uniform()).ln() / weight.to_f64();
        (weight > T::ZERO).then_some((time, row))
    };
    let mut arrivals: Vec<(f64, usize)> = weights.iter().enumerate().filter_map(arrival).collect();
    if arrivals.len() < count {
        let expected = "at least n_clusters positive weights";
        return Err(invalid("sample_weight", expected, arrivals.len()));
    }
    let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    arrivals.select_nth_unstable_by(count - 1, order);
    arrivals.truncate(count);
    arrivals.sort_unstable_by(order);
    Ok(arrivals.into_iter().map(|(_, row)| row).collect())
}

/// What k-means++ is to draw, and from which numbers.
pub(crate) struct Draws {
    rng: Rng,
    n_clusters: usize,
    n_trials: usize,
}

/// Samples that k-means++ can measure.
pub(crate) trait SeedSource<T>: Sync {
    /// Working memory of a thread.
    type Scratch: Default + Send;
    /// Centres in the form that [`Self::measure`] takes.
    type Centers: Sync;

    /// (samples, features)
    fn shape(&self) -> (usize, usize);

    /// Appends sample `row` to `out`.
    fn push_row(&self, row: usize, out: &mut Vec<T>);

    /// Puts row-major centres into that form.
    fn prepare(&self, centers: &[T]) -> Self::Centers;

    /// Lowers `closest` of `rows` by `centers[0]` and adds to one potential a centre; see
    /// [`SeedPass`].
    fn measure(
        &self,
        rows: Range<usize>,
        centers: &Self::Centers,
        weights: Option<&[T]>,
        block: &mut Block<T>,
        scratch: &mut Self::Scratch,
    );
}

/// Some consecutive samples and how far they are from the centres chosen.
pub(crate) struct Block<T> {
    /// Squared distance of each sample to its closest centre.
    pub(crate) closest: Vec<T>,
    /// Their weighted sum for the newest centre, and what it would be with each candidate too.
    pub(crate) potentials: Vec<f64>,
}

/// k-means++ under way.
struct Seeding<'a, T, S: SeedSource<T>> {
    source: &'a S,
    weights: Option<&'a [T]>,
    team: &'a Team<'a>,
    blocks: Vec<Block<T>>,
    scratch: Vec<S::Scratch>,
}

fn seed_greedily<T: Float, S: SeedSource<T>>(
    source: &S,
    weights: Option<&[T]>,
    mut draws: Draws,
    team: &Team,
) -> Result<(Vec<T>, Vec<usize>), LearnError> {
    let (n_samples, n_features) = source.shape();
    let mut seeding = Seeding::new(source, weights, team);
    let first = first_row(n_samples, weights, &mut draws.rng);
    let (mut rows, mut centers) = (vec![first], Vec::with_capacity(draws.n_clusters * n_features));
    source.push_row(first, &mut centers);
    let mut potential = seeding.measure(&centers)?[0];
    // Which of the last potentials of each block became true.
    let mut chosen = 0;
    while rows.len() < draws.n_clusters {
        let mut trial = centers[centers.len() - n_features..].to_vec();
        let targets: Vec<f64> =
            (0..draws.n_trials).map(|_| draws.rng.uniform() * potential).collect();
        let candidates = seeding.locate(&targets, chosen, &trial);
        candidates.iter().for_each(|&row| source.push_row(row, &mut trial));
        let potentials = seeding.measure(&trial)?;
        chosen = first_least(&potentials[1..]) + 1;
        potential = potentials[chosen];
        rows.push(candidates[chosen - 1]);
        centers.extend_from_slice(&trial[chosen * n_features..][..n_features]);
    }
    Ok((centers, rows))
}

impl<'a, T: Float, S: SeedSource<T>> Seeding<'a, T, S> {
    fn new(source: &'a S, weights: Option<&'a [T]>, team: &'a Team<'a>) -> Self {
        let (n_samples, _) = source.shape();
        let block = |start: usize| Block {
            closest: vec![T::INFINITY; BLOCK_ROWS.min(n_samples - start)],
            potentials: Vec::new(),
        };
        let blocks = (0..n_samples).step_by(BLOCK_ROWS).map(block).collect();
        let scratch = (0..team.n_threads()).map(|_| S::Scratch::default()).collect();
        Self { source, weights, team, blocks, scratch }
    }

    /// Takes `centers[0]` as chosen and the rest as candidates; returns the potential of each.
    fn measure(&mut self, centers: &[T]) -> Result<Vec<f64>, LearnError> {
        let n_centers = centers.len() / self.source.shape().1;
        let (source, weights) = (self.source, self.weights);
        let centers = source.prepare(centers);
        self.team.for_each(&mut self.blocks, &mut self.scratch, |index, block, scratch| {
            block.potentials.clear();
            block.potentials.resize(n_centers, 0.0);
            measure_block(source, weights, index, &centers, block, scratch);
        })?;
        Ok((0..n_centers)
            .map(|c| self.blocks.iter().map(|block| block.potentials[c]).sum())
            .collect())
    }

    /// The row at which the running sum of weight × closest squared distance passes each target,
    /// where `potentials[chosen]` holds since centre `newest` was added.
    fn locate(&mut self, targets: &[f64], chosen: usize, newest: &[T]) -> Vec<usize> {
        let mut ends = Vec::with_capacity(self.blocks.len());
        let mut sum = 0.0;
        for block in &self.blocks {
            sum += block.potentials[chosen];
            ends.push(sum);
        }
        let last = ends.len() - 1;
        let places = targets.iter().map(|&target| {
            let index = ends.partition_point(|&end| end <= target).min(last);
            (index, target - if index > 0 { ends[index - 1] } else { 0.0 })
        });
        places
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(index, rest)| self.walk(index, rest, newest))
            .collect()
    }

    /// The row of block `index` at which the block's running sum passes `target`.
    fn walk(&mut self, index: usize, target: f64, newest: &[T]) -> usize {
        let block = &mut self.blocks[index];
        let mut reached =
            Block { closest: std::mem::take(&mut block.closest), potentials: vec![0.0] };
        let newest = self.source.prepare(newest);
        measure_block(
            self.source,
            self.weights,
            index,
            &newest,
            &mut reached,
            &mut self.scratch[0],
        );
        block.closest = reached.closest;
        let start = index * BLOCK_ROWS;
        let weight = |row: usize| self.weights.map_or(1.0, |weights| weights[row].to_f64());
        let (mut sum, mut last_positive) = (0.0, 0);
        for (offset, closest) in block.closest.iter().enumerate() {
            let share = closest.to_f64() * weight(start + offset);
            sum += share;
            if sum > target {
                return start + offset;
            }
            // Rounding can leave the target beyond the sum; a row of no share must not be drawn.
            last_positive = if share > 0.0 { offset } else { last_positive };
        }
        start + last_positive
    }
}

fn measure_block<T: Float, S: SeedSource<T>>(
    source: &S,
    weights: Option<&[T]>,
    index: usize,
    centers: &S::Centers,
    block: &mut Block<T>,
    scratch: &mut S::Scratch,
) {
    let start = index * BLOCK_ROWS;
    let rows = start..start + block.closest.len();
    let weights = weights.map(|weights| &weights[rows.clone()]);
    source.measure(rows, centers, weights, block, scratch);
}

fn first_row<T: Float>(n_samples: usize, weights: Option<&[T]>, rng: &mut Rng) -> usize {
    let Some(weights) = weights else { return rng.below(n_samples as u64) as usize };
    let total: f64 = weights.iter().map(|weight| weight.to_f64()).sum();
    let target = rng.uniform() * total;
    let mut sum = 0.0;
    let passes = |weight: &T| {
        sum += weight.to_f64();
        sum > target
    };
    weights.iter().position(passes).unwrap_or(0)
}

fn first_least(values: &[f64]) -> usize {
    let less = |best: usize, index: usize| if values[index] < values[best] { index } else { best };
    (0..values.len()).fold(0, less)
}

/// Dense samples at any strides.
struct DenseSource<'a, T> {
    x: MatrixView<'a, T>,
}

/// Working memory of a thread for [`DenseSource`].
#[derive(Default)]
struct DenseScratch<T> {
    /// A panel of rows, or the distances of a block.
    values: Vec<T>,
    zeros: Vec<T>,
    assigner: Scratch<T>,
}

impl<T: Float> SeedSource<T> for DenseSource<'_, T> {
    type Scratch = DenseScratch<T>;
    type Centers = Assigner<T>;

    fn shape(&self) -> (usize, usize) {
        (self.x.rows(), self.x.cols())
    }

    fn push_row(&self, row: usize, out: &mut Vec<T>) {
        out.extend((0..self.x.cols()).map(|col| self.x.get(row, col)));
    }

    fn prepare(&self, centers: &[T]) -> Assigner<T> {
        let d = self.x.cols();
        Assigner::new(centers, centers.len() / d, d, Isa::detect())
    }

    fn measure(
        &self,
        rows: Range<usize>,
        centers: &Assigner<T>,
        weights: Option<&[T]>,
        block: &mut Block<T>,
        scratch: &mut DenseScratch<T>,
    ) {
        let (x, d, k) = (self.x, self.x.cols(), centers.n_clusters());
        let DenseScratch { values, zeros, assigner } = scratch;
        let as_they_are = d <= SEED_PANEL_FEATURES_MAX;
        if as_they_are {
            values.resize(PANEL_ROWS * d, T::ZERO);
            zeros.resize(d, T::ZERO);
        } else {
            values.resize(rows.len() * k, T::ZERO);
            centers.squared_distances(x, rows.clone(), values, assigner);
        }
        for (panel, closest) in block.closest.chunks_mut(PANEL_ROWS).enumerate() {
            let of_panel = panel * PANEL_ROWS..panel * PANEL_ROWS + closest.len();
            let seed_rows = if as_they_are {
                let first = rows.start + of_panel.start;
                transpose_rows(centers.isa(), x, first..first + closest.len(), zeros, values);
                SeedRows::Panel(values)
            } else {
                SeedRows::Distances(&values[of_panel.start * k..of_panel.end * k])
            };
            let weights = weights.map(|weights| &weights[of_panel]);
            let (centers, potentials) = (centers.centers(), &mut block.potentials[..]);
            SeedPass { rows: seed_rows, centers, d, closest, weights, potentials }
                .run(Isa::detect());
        }
    }
}
