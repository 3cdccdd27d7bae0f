//! K-Means: arrays in, arrays filled. Long calls run without the GIL and look for signals.

use ferrule_learn::LearnError;
use ferrule_learn::kmeans::minibatch::{self, Reassignment};
use ferrule_learn::kmeans::{
    self, Algorithm, Finite, Float, IterationReport, Observer, Params, Samples,
};
use ferrule_tensor::{Control, thread_count};
use pyo3::buffer::Element;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffers::{Extent, Input, Output};
use crate::control::{self, Raised};
use crate::errors::{raised_as, to_py};
use crate::samples::{SampleBuffers, WeightedBuffers, is_f32};

/// Calls a generic function for the element type of the samples `$x`.
macro_rules! by_dtype {
    ($x:expr, $function:ident($($argument:expr),*)) => {
        if is_f32($x)? {
            $function::<f32>($($argument),*)
        } else {
            $function::<f64>($($argument),*)
        }
    };
}

/// Fits from the centres in `centers`, which become the fitted ones; fills `labels`.
///
/// Calls `on_iteration(iteration, inertia, squared_shift)` after each iteration, from 1 on; what
/// it raises ends the fit. Returns (inertia, iterations, whether the labels stopped changing).
#[pyfunction]
#[pyo3(signature = (x, weights, centers, labels, *, max_iter, tol, algorithm, on_iteration=None))]
#[allow(clippy::too_many_arguments, reason = "flat on purpose: Python names them")]
pub(crate) fn kmeans_fit(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    max_iter: usize,
    tol: f64,
    algorithm: &str,
    on_iteration: Option<Py<PyAny>>,
) -> PyResult<(f64, usize, bool)> {
    let params = Params {
        n_clusters: centers.len()?,
        max_iter,
        tol,
        algorithm: algorithm_named(algorithm)?,
        n_threads: 1,
    };
    by_dtype!(x, fit(py, x, weights, centers, labels, params, on_iteration))
}

fn fit<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    mut params: Params,
    on_iteration: Option<Py<PyAny>>,
) -> PyResult<(f64, usize, bool)> {
    let x = WeightedBuffers::<T>::new(x, weights)?;
    let mut centers = Output::<T>::new(centers, "centers", &x.extents())?;
    let mut labels = Output::<i32>::new(labels, "labels", &x.extents())?;
    let init = centers.as_mut_slice().to_vec();
    let (samples, weights) = x.samples_and_weights()?;
    let labels = labels.as_mut_slice();
    params.n_threads = threads_for(&samples, params.n_clusters);
    let fit = compute(py, |control, raised| {
        let watcher = on_iteration.map(|callback| Watcher { callback, raised });
        let observer = watcher.as_ref().map(|watcher| watcher as &dyn Observer);
        kmeans::fit(samples, weights, init, &params, labels, control, observer)
    })?;
    centers.as_mut_slice().copy_from_slice(&fit.centers);
    Ok((fit.inertia, fit.n_iter, fit.strict_convergence))
}

/// Fills `labels` with the nearest of `centers`; returns the inertia.
#[pyfunction]
pub(crate) fn kmeans_predict(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    by_dtype!(x, predict(py, x, weights, centers, labels))
}

fn predict<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let x = WeightedBuffers::<T>::new(x, weights)?;
    let centers = Input::<T>::new(centers, "centers")?;
    let mut labels = Output::<i32>::new(labels, "labels", &x.extents())?;
    let (samples, weights) = x.samples_and_weights()?;
    let (centers, labels) = (centers.as_slice(), labels.as_mut_slice());
    let threads = threads_for(&samples, centers.len() / samples.cols().max(1));
    compute(py, |control, _| kmeans::predict(samples, centers, labels, weights, threads, control))
}

/// Fills `out` (rows × centres) with the distances to `centers`.
#[pyfunction]
pub(crate) fn kmeans_transform(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    centers: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    by_dtype!(x, transform(py, x, centers, out))
}

fn transform<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    centers: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let x = SampleBuffers::<T>::new(x)?;
    let centers = Input::<T>::new(centers, "centers")?;
    let mut taken = x.extents();
    taken.push(centers.extent());
    let mut out = Output::<T>::new(out, "out", &taken)?;
    let (samples, centers, out) = (x.samples()?, centers.as_slice(), out.as_mut_slice());
    let threads = threads_for(&samples, centers.len() / samples.cols().max(1));
    compute(py, |control, _| kmeans::transform(samples, centers, out, threads, control))
}

/// Fills `centers` with rows chosen by greedy k-means++ and `indices` with their numbers.
#[pyfunction]
#[pyo3(signature = (x, weights, centers, indices, seed, n_local_trials=None))]
#[allow(clippy::too_many_arguments, reason = "flat on purpose: Python names them")]
pub(crate) fn kmeans_plus_plus(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    indices: &Bound<'_, PyAny>,
    seed: u64,
    n_local_trials: Option<usize>,
) -> PyResult<()> {
    let chosen = by_dtype!(x, plus_plus(py, x, weights, centers, seed, n_local_trials))?;
    let mut indices = Output::<i64>::new(indices, "indices", &[])?;
    for (slot, row) in indices.as_mut_slice().iter_mut().zip(chosen) {
        *slot = row as i64;
    }
    Ok(())
}

fn plus_plus<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    seed: u64,
    n_local_trials: Option<usize>,
) -> PyResult<Vec<usize>> {
    let n_clusters = centers.len()?;
    let x = WeightedBuffers::<T>::new(x, weights)?;
    let mut centers = Output::<T>::new(centers, "centers", &x.extents())?;
    let (samples, weights) = x.samples_and_weights()?;
    let threads = threads_for(&samples, n_clusters);
    let (chosen, indices) = compute(py, |control, _| {
        kmeans::plus_plus(samples, weights, n_clusters, seed, n_local_trials, threads, control)
    })?;
    if chosen.len() != centers.as_mut_slice().len() {
        return Err(PyValueError::new_err("centers has another shape than the samples imply"));
    }
    centers.as_mut_slice().copy_from_slice(&chosen);
    Ok(indices)
}

/// Distinct rows in 0..`n_rows`, each as likely as its weight, drawn by `seed`.
#[pyfunction]
pub(crate) fn kmeans_random_rows(
    py: Python<'_>,
    n_rows: usize,
    weights: Option<&Bound<'_, PyAny>>,
    n_clusters: usize,
    seed: u64,
) -> PyResult<Vec<usize>> {
    let rows = match weights {
        None => kmeans::random_rows::<f64>(n_rows, None, n_clusters, seed),
        Some(weights) if is_f32(weights)? => {
            let weights = Input::<f32>::new(weights, "weights")?;
            kmeans::random_rows(n_rows, Some(weights.as_slice()), n_clusters, seed)
        }
        Some(weights) => {
            let weights = Input::<f64>::new(weights, "weights")?;
            kmeans::random_rows(n_rows, Some(weights.as_slice()), n_clusters, seed)
        }
    };
    rows.map_err(|error| to_py(py, &error))
}

/// Moves `centers` by the batch `x`, and adds its weights to `counts`; where `reassignment_ratio`
/// is above 0, centres of low counts go to random samples. Returns (inertia, how many went).
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "flat on purpose: Python names them")]
pub(crate) fn minibatch_step(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    counts: &Bound<'_, PyAny>,
    reassignment_ratio: f64,
    seed: u64,
) -> PyResult<(f64, usize)> {
    let ratio = reassignment_ratio;
    let reassignment = (ratio > 0.0).then_some(Reassignment { ratio, seed });
    by_dtype!(x, step(py, x, weights, centers, counts, reassignment))
}

fn step<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weights: Option<&Bound<'_, PyAny>>,
    centers: &Bound<'_, PyAny>,
    counts: &Bound<'_, PyAny>,
    reassignment: Option<Reassignment>,
) -> PyResult<(f64, usize)> {
    let x = WeightedBuffers::<T>::new(x, weights)?;
    let mut centers = Output::<T>::new(centers, "centers", &x.extents())?;
    let mut counts = Output::<f64>::new(counts, "counts", &x.extents())?;
    let (samples, weights) = x.samples_and_weights()?;
    let (centers, counts) = (centers.as_mut_slice(), counts.as_mut_slice());
    let threads = threads_for(&samples, counts.len());
    let done = compute(py, |control, _| {
        minibatch::step(samples, weights, centers, counts, reassignment, threads, control)
    })?;
    Ok((done.inertia, done.n_reassigned))
}

/// Fills `out` with the variance of each column, unless a value is not finite: then returns
/// ("nan" or "inf", row, column) of the first such value.
#[pyfunction]
pub(crate) fn column_variances(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<Option<(&'static str, usize, usize)>> {
    by_dtype!(x, variances(py, x, out))
}

fn variances<T: Float + Element>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<Option<(&'static str, usize, usize)>> {
    let x = SampleBuffers::<T>::new(x)?;
    let mut out = Output::<f64>::new(out, "out", &x.extents())?;
    let samples = x.samples()?;
    if out.as_mut_slice().len() != samples.cols() {
        return Err(PyValueError::new_err("out needs one element a column"));
    }
    let threads = threads_for(&samples, 1);
    let stats = compute(py, |control, _| kmeans::column_stats(samples, threads, control))?;
    out.as_mut_slice().copy_from_slice(&stats.variance);
    Ok(match stats.finite {
        Finite::AllFinite => None,
        Finite::Nan { row, col } => Some(("nan", row, col)),
        Finite::Inf { row, col } => Some(("inf", row, col)),
    })
}

/// Multiply-adds that take about as long as starting a thread.
const WORK_PER_THREAD: usize = 1 << 20;

/// How many threads are worth starting for a pass over `samples` and `n_clusters` centres.
fn threads_for<T: Float>(samples: &Samples<T>, n_clusters: usize) -> usize {
    let values = samples.rows().saturating_mul(samples.cols());
    let useful = 1 + values.saturating_mul(n_clusters) / WORK_PER_THREAD;
    if useful == 1 { 1 } else { thread_count().min(useful) }
}

fn algorithm_named(name: &str) -> PyResult<Algorithm> {
    Ok(match name {
        "auto" => Algorithm::Auto,
        "lloyd" => Algorithm::Lloyd,
        "elkan" => Algorithm::Elkan,
        "hamerly" => Algorithm::Hamerly,
        "spatial" => Algorithm::Spatial,
        _ => return Err(PyValueError::new_err(format!("unknown algorithm {name:?}"))),
    })
}

/// Runs `body` as [`control::compute`] does, and maps what learners report.
fn compute<R: Send>(
    py: Python<'_>,
    body: impl FnOnce(&Control, &Raised) -> Result<R, LearnError> + Send,
) -> PyResult<R> {
    control::compute(py, body, failure)
}

/// The exception for `error`; one of ours that is Python's own `MemoryError` too, where that is why.
fn failure(py: Python<'_>, error: &LearnError) -> PyErr {
    match error {
        LearnError::OutOfMemory { .. } => raised_as(py, "OutOfMemoryError", error),
        _ => to_py(py, error),
    }
}

/// Tells a Python function of each iteration.
struct Watcher<'a> {
    callback: Py<PyAny>,
    raised: &'a Raised,
}

impl Observer for Watcher<'_> {
    fn iteration(&self, report: &IterationReport) -> bool {
        let arguments = (report.iteration, report.inertia, report.center_shift);
        match Python::attach(|py| self.callback.call1(py, arguments)) {
            Ok(_) => true,
            Err(error) => {
                self.raised.keep(error);
                false
            }
        }
    }

    fn wants_inertia(&self) -> bool {
        true
    }
}
