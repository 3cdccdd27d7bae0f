//! Long computations: without the GIL, and stopped when a signal handler raises.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use ferrule_graph::stopped_by;
use ferrule_tensor::Control;
use pyo3::prelude::*;

/// An exception that Python raised while Rust computed; the first one counts.
#[derive(Default)]
pub(crate) struct Raised(Mutex<Option<PyErr>>);

impl Raised {
    /// Keeps `error` unless there is one already.
    pub(crate) fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Lets Python's signal handlers run; whether one raised, which is kept.
    pub(crate) fn interrupted(&self) -> bool {
        let error = Python::attach(|py| py.check_signals()).err();
        let is_raised = error.is_some();
        error.into_iter().for_each(|error| self.keep(error));
        is_raised
    }

    /// What was kept, as an error.
    pub(crate) fn result(self) -> PyResult<()> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Runs `work` without the GIL; where it `has_loops` of a graph, they end when a signal handler raises,
/// and then that is the error.
pub(crate) fn stoppable<R: Send>(
    py: Python<'_>,
    has_loops: bool,
    work: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    if !has_loops {
        return Ok(py.detach(work));
    }
    let raised = Arc::new(Raised::default());
    let asked = Arc::clone(&raised);
    let made = py.detach(|| stopped_by(Rc::new(move || asked.interrupted()), work));
    Arc::into_inner(raised).map_or(Ok(()), Raised::result)?;
    Ok(made)
}

/// Runs `body` without the GIL, under a control that stops it when a signal handler raises.
///
/// `body` may leave an exception in its second argument, which then is raised.
pub(crate) fn compute<R: Send, E: Send>(
    py: Python<'_>,
    body: impl FnOnce(&Control, &Raised) -> Result<R, E> + Send,
    failure: impl FnOnce(Python<'_>, &E) -> PyErr,
) -> PyResult<R> {
    let raised = Raised::default();
    let result = py.detach(|| {
        let interrupted = || raised.interrupted();
        body(&Control::with_poll(&interrupted), &raised)
    });
    raised.result()?;
    result.map_err(|error| failure(py, &error))
}
