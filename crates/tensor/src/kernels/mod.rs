//! Nearest centres, distances and sums.

mod accumulate;
mod aligned;
pub mod candidates;
mod direct;
mod gemm;
mod moments;
mod own;
mod pack;
pub mod panel;
pub mod products;
mod scalar;
mod scores;
pub mod seeding;
pub(crate) mod simd;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;
use std::sync::OnceLock;

pub use accumulate::{ColumnSums, Sums};
use aligned::Aligned;
use gemm::Packed;
pub use moments::Moments;
use scores::Score;

use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Most features for which distances are summed directly; beyond it they come from dot products.
pub const DIRECT_COLS_MAX: usize = 8;
/// Rows after which their labels are used: a multiple of every panel's rows, and few enough that
/// the rows are in the cache still.
const CACHED_ROWS: usize = 192;

/// Centres prepared for finding the nearest one of many rows.
///
/// For up to [`DIRECT_COLS_MAX`] features a squared distance is `Σ (x - c)²`; beyond, centres are
/// compared by `½|c - s|² - (x - s)·(c - s)` with `s` the mean of the centres. Both are one chain of
/// fused multiply-adds in feature order, and ties go to the lowest index, so a row's label has
/// the same bits on every instruction set, for every layout and number of rows.
pub struct Assigner<T> {
    isa: Isa,
    n_clusters: usize,
    n_features: usize,
    centers: Vec<T>,
    /// The centres' indices, as bits.
    indices: Vec<T>,
    /// The shift and the shifted centres; only for more than [`DIRECT_COLS_MAX`] features.
    shifted: Option<(Vec<T>, Packed<T>)>,
    /// The centres as given, packed when distances are first asked for.
    packed: OnceLock<Packed<T>>,
}

/// Working memory of one thread for [`Assigner`].
#[derive(Default)]
pub struct Scratch<T> {
    columns: Aligned<T>,
    panel: Aligned<T>,
    labels: Vec<i32>,
    distances: Vec<T>,
}

impl<T: Float> Assigner<T> {
    /// Prepares `n_clusters` row-major centres of `n_features`.
    ///
    /// # Panics
    /// Where `centers` does not have `n_clusters * n_features` elements, or a count is 0.
    pub fn new(centers: &[T], n_clusters: usize, n_features: usize, isa: Isa) -> Self {
        assert!(n_clusters > 0 && n_features > 0, "at least one centre and one feature");
        assert_eq!(centers.len(), n_clusters * n_features, "centres of n_clusters x n_features");
        let shifted =
            (n_features > DIRECT_COLS_MAX).then(|| shifted_centers(centers, n_clusters, isa));
        let indices = (0..n_clusters).map(|index| T::from_index(index as u32)).collect();
        let (centers, packed) = (centers.to_vec(), OnceLock::new());
        Self { isa, n_clusters, n_features, centers, indices, shifted, packed }
    }

    /// Number of centres.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The centres, row-major, as given.
    pub fn centers(&self) -> &[T] {
        &self.centers
    }

    /// The instruction set it was made for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Writes the nearest centre of each row of `rows` to `labels` and, where asked, its squared
    /// distance, as [`own_squared_distances`](Self::own_squared_distances) gives it, to
    /// `sq_dist`. Both slices are for `rows` alone.
    ///
    /// # Panics
    /// Where a slice's length or the number of columns does not fit.
    pub fn assign(
        &self,
        x: MatrixView<T>,
        rows: Range<usize>,
        labels: &mut [i32],
        sq_dist: Option<&mut [T]>,
        scratch: &mut Scratch<T>,
    ) {
        self.check(x, &rows);
        assert_eq!(labels.len(), rows.len(), "one label a row");
        let Some((shift, packed)) = &self.shifted else {
            assert!(sq_dist.as_ref().is_none_or(|sq_dist| sq_dist.len() == rows.len()));
            let output = direct::Output::Labels(labels, sq_dist);
            return direct::nearest(self.isa, x, rows, self.direct(), output, scratch);
        };
        let Some(sq_dist) = sq_dist else {
            return gemm::nearest(self.isa, x, rows, shift, packed, labels, scratch);
        };
        assert_eq!(sq_dist.len(), rows.len(), "one distance a row");
        let outputs = labels.chunks_mut(CACHED_ROWS).zip(sq_dist.chunks_mut(CACHED_ROWS));
        for (start, (labels, sq_dist)) in rows.step_by(CACHED_ROWS).zip(outputs) {
            let block = start..start + labels.len();
            gemm::nearest(self.isa, x, block.clone(), shift, packed, labels, scratch);
            self.own_squared_distances(x, block, labels, sq_dist);
        }
    }

    /// As [`assign`](Self::assign); also writes to `gaps`, one a row, by how much the score of the
    /// second nearest centre is above that of the nearest (infinite where there is one centre). A
    /// score is the squared distance for up to [`DIRECT_COLS_MAX`] features; beyond, half of
    /// it less a term of the row's own.
    ///
    /// # Panics
    /// Where a slice's length or the number of columns does not fit.
    pub fn assign_with_gaps(
        &self,
        x: MatrixView<T>,
        rows: Range<usize>,
        labels: &mut [i32],
        gaps: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        self.check(x, &rows);
        assert!(labels.len() == rows.len() && gaps.len() == rows.len(), "one of each a row");
        if let Some((shift, packed)) = &self.shifted {
            let isa = self.isa;
            return gemm::nearest_with_gaps(isa, x, rows, shift, packed, labels, gaps, scratch);
        }
        let mut distances = std::mem::take(&mut scratch.distances);
        distances.resize(rows.len() * self.n_clusters, T::ZERO);
        self.squared_distances(x, rows, &mut distances, scratch);
        let results = labels.iter_mut().zip(gaps);
        for ((label, gap), distances) in results.zip(distances.chunks_exact(self.n_clusters)) {
            (*label, *gap) = first_least_and_gap(distances);
        }
        scratch.distances = distances;
    }

    /// Centres of a group (see [`group_scores`](Self::group_scores)).
    pub fn group_len(&self) -> usize {
        simd::group_centers(self.isa)
    }

    /// What rows must be less before their [`group_scores`](Self::group_scores) are asked for; none
    /// for up to [`DIRECT_COLS_MAX`] features.
    pub fn shift(&self) -> Option<&[T]> {
        self.shifted.as_ref().map(|(shift, _)| &shift[..])
    }

    /// Writes the scores that [`assign`](Self::assign) compares, bit for bit, of one `row` and the
    /// centres of `groups`: those of group `g` at `g * group_len()` and on. Where centres
    /// are missing to a full group, the scores are infinite.
    ///
    /// # Panics
    /// Where `scores` has no room for a group, or a length does not fit.
    pub fn group_scores(&self, row: &[T], groups: &[u32], scores: &mut [T]) {
        let (packed, kind) = match &self.shifted {
            Some((_, packed)) => (packed, Score::Product),
            None => (self.packed(), Score::Distance),
        };
        scores::group_scores(self.isa, row, packed, kind, groups, scores);
    }

    /// Adds each row of `rows` to the sums of its nearest centre, and keeps no labels. `weights`
    /// has one weight for each row of `x`.
    ///
    /// The bits of the sums depend on `rows`, on the labels, and on nothing else.
    ///
    /// # Panics
    /// Where a length or the number of columns does not fit.
    pub fn sum_nearest(
        &self,
        x: MatrixView<T>,
        rows: Range<usize>,
        weights: Option<&[T]>,
        sums: &mut Sums,
        scratch: &mut Scratch<T>,
    ) {
        self.check(x, &rows);
        assert_eq!(sums.weights.len(), self.n_clusters, "sums of as many clusters");
        let Some((shift, packed)) = &self.shifted else {
            let output = direct::Output::Sums(sums, weights);
            return direct::nearest(self.isa, x, rows, self.direct(), output, scratch);
        };
        let mut labels = std::mem::take(&mut scratch.labels);
        labels.resize(CACHED_ROWS, 0);
        for start in rows.clone().step_by(CACHED_ROWS) {
            let block = start..(start + CACHED_ROWS).min(rows.end);
            let labels = &mut labels[..block.len()];
            gemm::nearest(self.isa, x, block.clone(), shift, packed, labels, scratch);
            sums.add_rows(x, block, labels, weights, self.isa);
        }
        scratch.labels = labels;
    }

    /// Writes the squared distance `Σ (x - c)²` of each row of `rows` to the centre that `labels`
    /// names. Both slices are for `rows` alone. For more than [`DIRECT_COLS_MAX`] features, the
    /// terms are not added in the order of [`squared_distances`](Self::squared_distances).
    ///
    /// # Panics
    /// Where a label, a length or the number of columns does not fit.
    pub fn own_squared_distances(
        &self,
        x: MatrixView<T>,
        rows: Range<usize>,
        labels: &[i32],
        out: &mut [T],
    ) {
        self.check(x, &rows);
        own::own_distances(self.isa, x, rows, &self.centers, labels, out);
    }

    /// Writes the squared distances `Σ (x - c)²` of each row of `rows` to all centres, row-major.
    ///
    /// # Panics
    /// Where `out` does not have `rows.len() * n_clusters` elements or the columns do not fit.
    pub fn squared_distances(
        &self,
        x: MatrixView<T>,
        rows: Range<usize>,
        out: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        self.check(x, &rows);
        gemm::distances(self.isa, x, rows, self.packed(), out, scratch);
    }

    /// The centres as given, packed.
    fn packed(&self) -> &Packed<T> {
        let starts = || vec![T::ZERO; self.n_clusters];
        self.packed.get_or_init(|| Packed::new(&self.centers, &starts(), self.isa))
    }

    fn direct(&self) -> direct::Centers<'_, T> {
        direct::Centers { values: &self.centers, indices: &self.indices }
    }

    fn check(&self, x: MatrixView<T>, rows: &Range<usize>) {
        assert_eq!(x.cols(), self.n_features, "columns of x");
        assert!(rows.start <= rows.end && rows.end <= x.rows(), "rows of x");
    }
}

/// The position of the least score, the first of equals, and how much the next is above it.
fn first_least_and_gap<T: Float>(scores: &[T]) -> (i32, T) {
    let (mut least, mut second, mut first) = (T::INFINITY, T::INFINITY, 0);
    for (index, &score) in scores.iter().enumerate() {
        if score < least {
            (second, least, first) = (least, score, index as i32);
        } else if score < second {
            second = score;
        }
    }
    (first, second - least)
}

/// The mean of the centres, and the centres less it.
fn shifted_centers<T: Float>(centers: &[T], n_clusters: usize, isa: Isa) -> (Vec<T>, Packed<T>) {
    let n_features = centers.len() / n_clusters;
    let mut mean = vec![0.0; n_features];
    for center in centers.chunks_exact(n_features) {
        for (mean, c) in mean.iter_mut().zip(center) {
            *mean += c.to_f64();
        }
    }
    let shift: Vec<T> = mean.iter().map(|sum| T::from_f64(sum / n_clusters as f64)).collect();
    let mut shifted = centers.to_vec();
    let mut half_norms = Vec::with_capacity(n_clusters);
    for center in shifted.chunks_exact_mut(n_features) {
        let mut norm = 0.0;
        for (c, &s) in center.iter_mut().zip(&shift) {
            *c -= s;
            norm += c.to_f64() * c.to_f64();
        }
        half_norms.push(T::from_f64(0.5 * norm));
    }
    (shift, Packed::new(&shifted, &half_norms, isa))
}
