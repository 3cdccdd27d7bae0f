//! What every dense algorithm is given.

use ferrule_tensor::{Float, MatrixView};

use super::params::Params;

/// A fit's input, checked; every thread may read it.
pub(crate) struct Problem<'a, T> {
    /// The samples.
    pub(crate) x: MatrixView<'a, T>,
    /// One weight a sample; `None` = all 1.
    pub(crate) weights: Option<&'a [T]>,
    /// What was asked.
    pub(crate) params: &'a Params,
}

impl<T: Float> Problem<'_, T> {
    /// Number of samples.
    pub(crate) fn n_samples(&self) -> usize {
        self.x.rows()
    }

    /// Number of features.
    pub(crate) fn n_features(&self) -> usize {
        self.x.cols()
    }

    /// Number of clusters.
    pub(crate) fn n_clusters(&self) -> usize {
        self.params.n_clusters
    }

    /// The weight of sample `row`.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row].to_f64())
    }
}
