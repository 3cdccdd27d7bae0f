//! The iterations that all algorithms share.

use ferrule_tensor::Float;

use super::params::{Fit, IterationReport, Observer, Params};
use super::relocate::{Far, empty_clusters, relocate};
use super::update::{Sums, center_shift};
use crate::LearnError;

/// The part of an iteration in which the algorithms differ.
pub(crate) trait Engine<T> {
    /// Finds the nearest of `centers` for every sample; returns whether any label changed. An engine
    /// may keep the sums alone until it is asked for more.
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError>;

    /// The sums over the present labels: equal labels give equal bits.
    fn sums(&mut self) -> Result<Sums, LearnError>;

    /// Σ weight · squared distance of each sample to the one of `centers` that its label names.
    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError>;

    /// The `count` samples farthest from their centres, the farthest first.
    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError>;

    /// Adds sample `row` to cluster `label` of `sums`, `sign` times.
    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64);

    /// Leaves the labels of `centers` and returns their inertia; `converged` where the last
    /// [`assign`](Self::assign) changed no label, so that its labels are those of `centers`.
    fn finish(&mut self, centers: &[T], converged: bool) -> Result<f64, LearnError> {
        if !converged {
            self.assign(centers)?;
        }
        self.inertia(centers)
    }
}

/// Runs `engine` from `centers` until labels repeat, the centres shift no further than the
/// tolerance, the iterations are spent or the observer has seen enough. The labels it leaves are
/// those of the centres it returns.
pub(crate) fn drive<T: Float>(
    engine: &mut impl Engine<T>,
    params: &Params,
    observer: Option<&dyn Observer>,
    mut centers: Vec<T>,
) -> Result<Fit<T>, LearnError> {
    let (mut n_iter, mut strict_convergence) = (0, false);
    while n_iter < params.max_iter && !strict_convergence {
        n_iter += 1;
        strict_convergence = !engine.assign(&centers)?;
        let wanted = observer.is_some_and(|observer| observer.wants_inertia());
        let inertia = if wanted { Some(engine.inertia(&centers)?) } else { None };
        let next = next_centers(engine, &centers)?;
        let shift = center_shift(&centers, &next);
        centers = next;
        let report = IterationReport { iteration: n_iter, inertia, center_shift: shift };
        let goes_on = observer.is_none_or(|observer| observer.iteration(&report));
        if !goes_on || shift <= params.tol {
            break;
        }
    }
    let inertia = engine.finish(&centers, strict_convergence)?;
    Ok(Fit { centers, inertia, n_iter, strict_convergence })
}

/// The means of the present clusters, after the empty ones were given a sample.
fn next_centers<T: Float>(
    engine: &mut impl Engine<T>,
    centers: &[T],
) -> Result<Vec<T>, LearnError> {
    let mut sums = engine.sums()?;
    let empty = empty_clusters(&sums);
    if !empty.is_empty() {
        let far = engine.farthest(centers, empty.len())?;
        relocate(&mut sums, &empty, &far, |sums, row, label, sign| {
            engine.add_row(sums, row, label, sign);
        });
    }
    Ok(sums.centers(centers))
}
