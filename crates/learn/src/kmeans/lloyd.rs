//! Lloyd's algorithm: every sample against every centre, each iteration.

use ferrule_tensor::{Assigner, Float, Isa, Team};

use super::params::{Fit, IterationReport};
use super::predict::assign_all;
use super::problem::Problem;
use super::update::{center_shift, cluster_sums};
use crate::LearnError;

/// Fits from `centers`; see [`super::fit`].
pub(super) fn fit<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    mut centers: Vec<T>,
    labels: &mut [i32],
) -> Result<Fit<T>, LearnError> {
    let (k, d) = (problem.n_clusters(), problem.n_features());
    let (mut n_iter, mut strict_convergence) = (0, false);
    while n_iter < problem.params.max_iter {
        n_iter += 1;
        let assigner = Assigner::new(&centers, k, d, Isa::detect());
        let wants_inertia = problem.wants_inertia();
        let inertia = assign_all(team, problem.x, &assigner, problem.weights, labels)?;
        let sums = cluster_sums(problem, team, labels)?;
        let next = sums.centers(&centers);
        let shift = center_shift(&centers, &next);
        centers = next;
        strict_convergence = shift == 0.0;
        let inertia = wants_inertia.then_some(inertia);
        let report = IterationReport {
            iteration: n_iter,
            inertia,
            center_shift: shift,
        };
        if !problem.report(&report) || shift <= problem.params.tol {
            break;
        }
    }
    let assigner = Assigner::new(&centers, k, d, Isa::detect());
    let inertia = assign_all(team, problem.x, &assigner, problem.weights, labels)?;
    Ok(Fit {
        centers,
        inertia,
        n_iter,
        strict_convergence,
    })
}
