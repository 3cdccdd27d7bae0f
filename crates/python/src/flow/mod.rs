//! Graphs, their values and sessions, as Python sees them.

mod arrays;
mod custom;
mod graph;
mod guarded;
mod profile;
mod saved;
mod session;
mod tensor;
mod where_;

pub(crate) use graph::{FlowGraph, GraphTensor};
pub(crate) use saved::{ServedModel, save_graph};
pub(crate) use session::FlowSession;
pub(crate) use tensor::*;

use ferrule_graph::GraphError;
use pyo3::prelude::*;

use crate::errors::to_py;
use custom::take_failure;

/// The Python exception for an error of a graph, which has the numbers of its node and variable as
/// `node` and `variable`.
fn raised(py: Python<'_>, error: &GraphError) -> PyErr {
    let exception = to_py(py, error);
    let value = exception.value(py);
    let told = value
        .setattr("node", error.node)
        .and_then(|()| value.setattr("variable", error.variable()));
    match told {
        Ok(()) => exception,
        Err(failure) => failure,
    }
}
