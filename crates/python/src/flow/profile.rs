//! What runs cost, as Python sees it.

use ferrule_base::DType;
use ferrule_graph::{Part, Profile};
use ferrule_tensor::array::Shape;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::arrays::dtype_name;

/// A profile as a dict: "calls", "seconds" of all of them, and "parts", a list of dicts.
pub(super) fn to_dict<'py>(py: Python<'py>, profile: &Profile) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    made.set_item("calls", profile.calls)?;
    made.set_item("seconds", profile.total.as_secs_f64())?;
    let parts = profile.parts.iter().map(|part| part_to_dict(py, part));
    made.set_item("parts", parts.collect::<PyResult<Vec<_>>>()?)?;
    Ok(made)
}

fn part_to_dict<'py>(py: Python<'py>, part: &Part) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    made.set_item("name", part.name)?;
    made.set_item("members", &part.members)?;
    made.set_item("nodes", &part.nodes)?;
    made.set_item("inputs", types(py, &part.inputs)?)?;
    made.set_item("outputs", types(py, &part.outputs)?)?;
    made.set_item("bytes_read", part.bytes_read)?;
    made.set_item("bytes_written", part.bytes_written)?;
    made.set_item("operations", part.operations)?;
    made.set_item("calls", part.calls)?;
    made.set_item("seconds", part.time.as_secs_f64())?;
    Ok(made)
}

/// (dtype, shape) each.
fn types<'py>(py: Python<'py>, types: &[(DType, Shape)]) -> PyResult<Bound<'py, PyList>> {
    let pair =
        |(dtype, shape): &(DType, Shape)| Ok((dtype_name(*dtype), PyTuple::new(py, shape.iter())?));
    PyList::new(py, types.iter().map(pair).collect::<PyResult<Vec<_>>>()?)
}
