//! K-Means.
//!
//! [`fit`] runs the algorithm that [`Params::algorithm`] names. They differ in what they skip, never in
//! the result: the centres, labels, inertia and number of iterations are those of Lloyd's.

mod bounds;
mod engine;
mod init;
mod lloyd;
pub mod minibatch;
mod params;
mod predict;
mod problem;
mod relocate;
mod rng;
mod samples;
mod sparse;
mod spatial;
mod stats;
mod update;

pub use ferrule_tensor::Float;
pub use init::{plus_plus, random_rows};
pub use params::{Algorithm, Fit, IterationReport, Observer, Params};
pub use predict::{predict, transform};
pub use rng::Rng;
pub use samples::{CsrView, Indptr, Samples};
pub use stats::{ColumnStats, Finite, column_stats};

use bounds::{Bounded, Elkan, Hamerly};
use engine::drive;
use ferrule_tensor::{Control, Team};
use lloyd::Lloyd;
use problem::Problem;
use sparse::SparseLloyd;
use spatial::Spatial;

use crate::LearnError;

/// Fits K-Means from the centres `init` (row-major, `n_clusters` × features).
///
/// `x` must be finite (see [`column_stats`]) and `weights` finite and not negative; `labels` gets the
/// nearest centre of each row, as [`predict`] gives it. Stops as scikit-learn's Lloyd does: once
/// labels repeat, or the squared shift of the centres is at most `params.tol`, or after
/// `params.max_iter` iterations.
///
/// # Errors
/// [`LearnError::Shape`] where lengths do not fit, [`LearnError::TooFewSamples`],
/// [`LearnError::InvalidParameter`], [`LearnError::OutOfMemory`] where there is no room for bounds,
/// and [`LearnError::Cancelled`] where `control` stopped it.
pub fn fit<T: Float>(
    x: Samples<T>,
    weights: Option<&[T]>,
    init: Vec<T>,
    params: &Params,
    labels: &mut [i32],
    control: &Control,
    observer: Option<&dyn Observer>,
) -> Result<Fit<T>, LearnError> {
    params.check(&x, weights, &init, labels)?;
    Team::run(params.n_threads, control, |team| match x {
        Samples::Dense(x) => {
            let problem = Problem { x, weights, params };
            match dense_algorithm::<T>(params, x.rows(), x.cols()) {
                Algorithm::Spatial => {
                    drive(&mut Spatial::new(&problem, team, labels)?, params, observer, init)
                }
                Algorithm::Elkan => {
                    let mut engine = Bounded::<T, Elkan>::new(&problem, team, labels)?;
                    drive(&mut engine, params, observer, init)
                }
                Algorithm::Hamerly => {
                    let mut engine = Bounded::<T, Hamerly>::new(&problem, team, labels)?;
                    drive(&mut engine, params, observer, init)
                }
                _ => drive(&mut Lloyd::new(&problem, team, labels), params, observer, init),
            }
        }
        Samples::Csr(x) => {
            let mut engine = SparseLloyd::new(x, weights, params.n_clusters, team, labels);
            drive(&mut engine, params, observer, init)
        }
    })
}

/// The algorithm that a fit of dense samples runs.
fn dense_algorithm<T>(params: &Params, n_samples: usize, n_features: usize) -> Algorithm {
    let has_bounds = bounds::is_applicable(n_features, params.n_clusters);
    let fits = spatial::is_applicable(n_samples, n_features, params.n_clusters);
    match params.algorithm {
        Algorithm::Auto if fits && spatial::pays::<T>(params, n_samples, n_features) => {
            Algorithm::Spatial
        }
        Algorithm::Spatial if fits => Algorithm::Spatial,
        Algorithm::Elkan | Algorithm::Hamerly if has_bounds => params.algorithm,
        _ => Algorithm::Lloyd,
    }
}
