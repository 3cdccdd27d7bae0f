//! Nearest centres.

pub mod candidates;
pub(crate) mod dispatch;
pub mod products;
pub mod seeding;

use std::ops::Range;

use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Most features for which distances are summed directly; beyond it they come from dot products.
pub const DIRECT_COLS_MAX: usize = 8;

/// Centres prepared for finding the nearest one of many rows.
///
/// For up to [`DIRECT_COLS_MAX`] features a squared distance is `Σ (x - c)²`; beyond, centres are
/// compared by `½|c - s|² - (x - s)·(c - s)` with `s` the mean of the centres. Both are one chain of
/// fused multiply-adds in feature order, and ties go to the lowest index, so a row's label has
/// the same bits on every instruction set, for every layout and number of rows.
pub struct Assigner<T> {
    centers: Vec<T>,
    shift: Vec<T>,
    shifted: Vec<T>,
    half_norms: Vec<T>,
    n_clusters: usize,
    n_features: usize,
}

/// Working memory of one thread for [`Assigner`].
#[derive(Default)]
pub struct Scratch<T> {
    row: Vec<T>,
}

impl<T: Float> Assigner<T> {
    /// Prepares `n_clusters` row-major centres of `n_features`.
    ///
    /// # Panics
    /// Where `centers` does not have `n_clusters * n_features` elements, or a count is 0.
    pub fn new(centers: &[T], n_clusters: usize, n_features: usize, isa: Isa) -> Self {
        assert!(n_clusters > 0 && n_features > 0, "at least one centre and one feature");
        assert_eq!(centers.len(), n_clusters * n_features, "centres of n_clusters x n_features");
        let _ = isa;
        let shift: Vec<T> = (0..n_features)
            .map(|col| {
                let sum: f64 =
                    centers.iter().skip(col).step_by(n_features).map(|c| c.to_f64()).sum();
                T::from_f64(sum / n_clusters as f64)
            })
            .collect();
        let mut shifted = centers.to_vec();
        let mut half_norms = Vec::with_capacity(n_clusters);
        for center in shifted.chunks_exact_mut(n_features) {
            let mut norm = T::ZERO;
            for (c, &s) in center.iter_mut().zip(&shift) {
                *c -= s;
                norm = c.mul_add(*c, norm);
            }
            half_norms.push(norm * T::from_f64(0.5));
        }
        Self { centers: centers.to_vec(), shift, shifted, half_norms, n_clusters, n_features }
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

    /// Writes the nearest centre of each row of `rows` to `labels` and, where asked, its squared
    /// distance `Σ (x - c)²` to `sq_dist`. Both slices are for `rows` alone.
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
        assert_eq!(x.cols(), self.n_features, "columns of x");
        assert_eq!(labels.len(), rows.len(), "one label a row");
        for (row, label) in rows.clone().zip(labels.iter_mut()) {
            self.load(x, row, scratch);
            *label = self.nearest(&mut scratch.row) as i32;
        }
        if let Some(sq_dist) = sq_dist {
            assert_eq!(sq_dist.len(), rows.len(), "one distance a row");
            for ((row, label), out) in rows.zip(labels.iter()).zip(sq_dist) {
                self.load(x, row, scratch);
                *out = squared_distance(&scratch.row, self.center(*label as usize));
            }
        }
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
        assert_eq!(x.cols(), self.n_features, "columns of x");
        assert_eq!(out.len(), rows.len() * self.n_clusters, "one distance a row and centre");
        for (row, out) in rows.zip(out.chunks_exact_mut(self.n_clusters)) {
            self.load(x, row, scratch);
            for (cluster, out) in out.iter_mut().enumerate() {
                *out = squared_distance(&scratch.row, self.center(cluster));
            }
        }
    }

    fn center(&self, cluster: usize) -> &[T] {
        &self.centers[cluster * self.n_features..][..self.n_features]
    }

    fn load(&self, x: MatrixView<T>, row: usize, scratch: &mut Scratch<T>) {
        scratch.row.clear();
        scratch.row.extend((0..self.n_features).map(|col| x.get(row, col)));
    }

    fn nearest(&self, row: &mut [T]) -> usize {
        let direct = self.n_features <= DIRECT_COLS_MAX;
        if !direct {
            for (x, &s) in row.iter_mut().zip(&self.shift) {
                *x -= s;
            }
        }
        let (mut best, mut nearest) = (T::INFINITY, 0);
        for cluster in 0..self.n_clusters {
            let value = if direct {
                squared_distance(row, self.center(cluster))
            } else {
                let center = &self.shifted[cluster * self.n_features..][..self.n_features];
                let start = self.half_norms[cluster];
                row.iter().zip(center).fold(start, |sum, (&x, &c)| (-x).mul_add(c, sum))
            };
            if value < best {
                (best, nearest) = (value, cluster);
            }
        }
        nearest
    }
}

/// `Σ (x - c)²`, one chain of fused multiply-adds in feature order.
pub fn squared_distance<T: Float>(x: &[T], center: &[T]) -> T {
    x.iter().zip(center).fold(T::ZERO, |sum, (&x, &c)| {
        let difference = x - c;
        difference.mul_add(difference, sum)
    })
}
