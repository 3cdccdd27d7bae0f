//! What every dense algorithm is given.

use ferrule_tensor::{Float, MatrixView};

use super::params::{IterationReport, Observer, Params};

/// A fit's input, checked; every thread may read it.
pub(crate) struct Problem<'a, T> {
    /// The samples.
    pub(crate) x: MatrixView<'a, T>,
    /// One weight a sample; `None` = all 1.
    pub(crate) weights: Option<&'a [T]>,
    /// What was asked.
    pub(crate) params: &'a Params,
    /// Who watches.
    pub(crate) observer: Option<&'a dyn Observer>,
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

    /// Whether the observer asks for each iteration's inertia.
    pub(crate) fn wants_inertia(&self) -> bool {
        self.observer
            .is_some_and(|observer| observer.wants_inertia())
    }

    /// Tells the observer; `false` = it wants the fit to end here.
    pub(crate) fn report(&self, report: &IterationReport) -> bool {
        self.observer
            .is_none_or(|observer| observer.iteration(report))
    }
}
