//! What a fit is asked and what it answers.

use ferrule_tensor::Float;

use super::samples::Samples;
use crate::LearnError;

/// How the nearest centres are found; each gives the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Chosen by shape.
    Auto,
    /// A pass over all samples and centres an iteration.
    Lloyd,
    /// A lower bound a sample and centre, which rules most pairs out once the centres move little;
    /// 4 · (`n_clusters` + 1) bytes a sample, and 4 · `n_clusters`². The plain pass for sparse samples,
    /// and where there are neither more than 8 features nor more than 8 clusters.
    Elkan,
    /// Two bounds a sample, 8 bytes, which settle most samples once the centres move little. The
    /// plain pass where [`Self::Elkan`] is.
    Hamerly,
    /// Boxes of samples along a space-filling curve; the plain pass beyond 8 features.
    Spatial,
}

/// A fit's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Number of clusters.
    pub n_clusters: usize,
    /// Most iterations.
    pub max_iter: usize,
    /// Squared shift of the centres, summed over all, at which the fit has converged; absolute,
    /// so already scaled by the mean variance of the features.
    pub tol: f64,
    /// How nearest centres are found.
    pub algorithm: Algorithm,
    /// Threads, the caller's included.
    pub n_threads: usize,
}

impl Params {
    pub(super) fn check<T: Float>(
        &self,
        x: &Samples<T>,
        weights: Option<&[T]>,
        init: &[T],
        labels: &[i32],
    ) -> Result<(), LearnError> {
        if self.n_clusters == 0 || i32::try_from(self.n_clusters).is_err() {
            return Err(LearnError::InvalidParameter {
                name: "n_clusters",
                expected: "an integer from 1 to 2147483647",
                got: self.n_clusters.to_string(),
            });
        }
        if x.rows() < self.n_clusters {
            let (n_samples, n_clusters) = (x.rows(), self.n_clusters);
            return Err(LearnError::TooFewSamples { n_samples, n_clusters });
        }
        x.check()?;
        check_len("init", self.n_clusters.saturating_mul(x.cols()), init.len())?;
        check_len("labels", x.rows(), labels.len())?;
        weights.map_or(Ok(()), |weights| check_len("sample_weight", x.rows(), weights.len()))
    }
}

/// Fails where an array has another length than expected.
pub(super) fn check_len(what: &'static str, expected: usize, got: usize) -> Result<(), LearnError> {
    if expected == got { Ok(()) } else { Err(LearnError::Shape { what, expected, got }) }
}

/// An iteration, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IterationReport {
    /// Which, from 1.
    pub iteration: usize,
    /// Sum of the weighted squared distances to the centres that the iteration started from;
    /// only where the observer asked for it.
    pub inertia: Option<f64>,
    /// Squared shift of the centres, summed over all.
    pub center_shift: f64,
}

/// Someone who watches a fit, on the calling thread.
pub trait Observer: Sync {
    /// Called after each iteration; `false` ends the fit with the centres reached so far.
    fn iteration(&self, report: &IterationReport) -> bool;

    /// Whether the reports should have the inertia, which costs another pass an iteration.
    fn wants_inertia(&self) -> bool {
        false
    }
}

/// A fit's outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<T> {
    /// The centres, row-major.
    pub centers: Vec<T>,
    /// Sum of the weighted squared distances of the samples to their centres.
    pub inertia: f64,
    /// Iterations run.
    pub n_iter: usize,
    /// Whether the labels of the last two iterations were equal.
    pub strict_convergence: bool,
}
