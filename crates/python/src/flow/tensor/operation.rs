//! Any operation of the engine's, and those of users.

use std::sync::Arc;

use ferrule_graph::{Custom, Op, eager};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;

use super::super::custom::PythonOp;
use super::{Content, Tensor, apply, gradients, trace};
use crate::flow::take_failure;
use crate::flow::where_::raised_here;

/// An operation of the engine's, ready to be called with tensors.
#[pyclass(frozen)]
pub(crate) struct TensorOp(Op);

#[pymethods]
impl TensorOp {
    /// The operation that the JSON text describes.
    #[new]
    fn new(op: &str) -> PyResult<Self> {
        let parsed = serde_json::from_str(op)
            .map_err(|error| PyValueError::new_err(format!("not an operation: {error}: {op}")))?;
        match parsed {
            Op::Custom { .. } | Op::Cond { .. } | Op::While { .. } | Op::WhileGrad { .. } => {
                Err(PyValueError::new_err("an operation without parts of its own is expected"))
            }
            op => Ok(Self(op)),
        }
    }

    /// Its one output, or a tuple of several.
    #[pyo3(signature = (*inputs))]
    fn __call__<'py>(&self, inputs: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = inputs.py();
        let inputs = tensors(inputs)?;
        let given: SmallVec<[&Bound<'_, Tensor>; 4]> = inputs.iter().collect();
        answer(py, apply(py, &self.0, &given)?)
    }
}

fn tensors<'py>(inputs: &Bound<'py, PyTuple>) -> PyResult<SmallVec<[Bound<'py, Tensor>; 4]>> {
    let tensor = |input: Bound<'py, PyAny>| {
        let class = input.get_type();
        let refused = |_| PyTypeError::new_err(format!("a Tensor is expected, got {class}"));
        input.cast_into::<Tensor>().map_err(refused)
    };
    inputs.iter().map(tensor).collect()
}

fn answer<'py>(py: Python<'py>, made: SmallVec<[Tensor; 1]>) -> PyResult<Bound<'py, PyAny>> {
    let mut made = made.into_vec();
    if made.len() == 1
        && let Some(one) = made.pop()
    {
        return Ok(Bound::new(py, one)?.into_any());
    }
    let made = made.into_iter().map(|one| Py::new(py, one)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyTuple::new(py, made)?.into_any())
}

/// An operation of the user's: `forward` of arrays gives arrays; `gradient`, of inputs, outputs and
/// gradients of the outputs, gives one array or `None` an input.
#[pyclass(frozen)]
pub(crate) struct TensorFunction(Arc<PythonOp>);

#[pymethods]
impl TensorFunction {
    #[new]
    #[pyo3(signature = (forward, gradient = None))]
    fn new(forward: Py<PyAny>, gradient: Option<Py<PyAny>>) -> Self {
        Self(Arc::new(PythonOp::new(forward, gradient)))
    }

    /// Its one output, or a tuple of several.
    #[pyo3(signature = (*inputs))]
    fn __call__<'py>(&self, inputs: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = inputs.py();
        if trace::is_active() {
            return Err(PyTypeError::new_err(
                "an operation written in Python cannot be part of a traced function: call it outside",
            ));
        }
        let inputs = tensors(inputs)?;
        let given: Vec<eager::Tensor> =
            inputs.iter().map(Tensor::eager).collect::<PyResult<_>>()?;
        let custom: Arc<dyn Custom> = self.0.clone();
        let given: Vec<&eager::Tensor> = given.iter().collect();
        let made = eager::apply_custom(&custom, &given, gradients::is_enabled());
        let made =
            made.map_err(|error| take_failure().unwrap_or_else(|| raised_here(py, &error)))?;
        answer(py, made.into_iter().map(|one| Tensor::of(Content::Array(one))).collect())
    }
}
