//! Operations written in Python.

use std::sync::Arc;

use ferrule_graph::Custom;
use ferrule_tensor::array::Array;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::arrays::{from_numpy, to_numpy};

/// A Python function of arrays, and its gradient.
pub(super) struct PythonOp {
    forward: Py<PyAny>,
    gradient: Option<Py<PyAny>>,
}

impl PythonOp {
    pub(super) fn new(forward: Py<PyAny>, gradient: Option<Py<PyAny>>) -> Self {
        Self { forward, gradient }
    }
}

impl std::fmt::Debug for PythonOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PythonOp({:p})", self.forward.as_ptr())
    }
}

impl Custom for PythonOp {
    fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, String> {
        Python::attach(|py| call(py, &self.forward, inputs).map_err(|error| keep(py, error)))
    }

    fn gradient(&self) -> Option<Arc<dyn Custom>> {
        let forward = self.gradient.as_ref()?;
        Some(Python::attach(|py| {
            Arc::new(Self::new(forward.clone_ref(py), None)) as Arc<dyn Custom>
        }))
    }
}

thread_local! {
    /// The exception of the latest function that failed on this thread, to be raised as it is.
    static FAILED: std::cell::RefCell<Option<PyErr>> = const { std::cell::RefCell::new(None) };
}

/// The exception that a function raised, where one did since the last look.
pub(super) fn take_failure() -> Option<PyErr> {
    FAILED.with_borrow_mut(Option::take)
}

fn keep(py: Python<'_>, error: PyErr) -> String {
    let text = error.value(py).to_string();
    FAILED.set(Some(error));
    text
}

fn call(py: Python<'_>, function: &Py<PyAny>, inputs: &[Array]) -> PyResult<Vec<Array>> {
    let given = inputs.iter().map(|input| to_numpy(py, input)).collect::<PyResult<Vec<_>>>()?;
    let made = function.bind(py).call1(PyTuple::new(py, given)?)?;
    let numpy = py.import("numpy")?;
    let array = |(place, one): (usize, Bound<'_, PyAny>)| {
        // No gradient by an input is one of zeros.
        if let (true, Some(input)) = (one.is_none(), inputs.get(place)) {
            return Ok(Array::zeros(input.dtype(), *input.shape()));
        }
        let array = numpy.call_method1("asarray", (one, py.None(), "C"))?;
        from_numpy(array.cast::<PyUntypedArray>()?)
    };
    if made.is_instance_of::<PyTuple>() || made.is_instance_of::<PyList>() {
        let several = made.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        return several.into_iter().enumerate().map(array).collect();
    }
    Ok(vec![array((0, made))?])
}
