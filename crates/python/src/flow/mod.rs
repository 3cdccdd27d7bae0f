//! Graphs, their values and sessions, as Python sees them.

mod arrays;
mod custom;
mod graph;
mod session;

pub(crate) use graph::{FlowGraph, GraphTensor};
pub(crate) use session::FlowSession;

use ferrule_graph::GraphError;
use pyo3::prelude::*;

use crate::errors::to_py;

/// The Python exception for an error of a graph, which has the number of its node as `node`.
fn raised(py: Python<'_>, error: &GraphError) -> PyErr {
    let exception = to_py(py, error);
    match exception.value(py).setattr("node", error.node) {
        Ok(()) => exception,
        Err(failure) => failure,
    }
}
