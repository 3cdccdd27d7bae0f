//! The lines of the user's that operations come from: `ferrule.flow._where`, as Rust uses it.

use ferrule_graph::{Graph, GraphError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::raised;

/// The file and the line of the innermost frame that is not ours.
pub(super) fn user_line(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = FUNCTION.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("ferrule.flow._where")?.getattr("user_line")?.unbind())
    })?;
    function.call0(py)
}

/// The exception for an error in what is asked for now, with the line that asks.
pub(super) fn raised_here(py: Python<'_>, error: &GraphError) -> PyErr {
    let exception = raised(py, error);
    match user_line(py) {
        Ok(line) => at_line(py, exception, &line),
        Err(_) => exception,
    }
}

/// The exception with a line in its text.
fn at_line(py: Python<'_>, exception: PyErr, line: &Py<PyAny>) -> PyErr {
    let module = py.import("ferrule.flow._where");
    let told = module.and_then(|module| module.call_method1("tell", (exception.value(py), line)));
    told.err().unwrap_or(exception)
}

/// The lines that the nodes of a graph come from.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The first node of each line, in their order.
    marks: Vec<(u32, Py<PyAny>)>,
}

impl Lines {
    /// What is added to `graph` from now on comes from `line`.
    pub(super) fn mark(&mut self, graph: &Graph, line: Py<PyAny>) {
        self.marks.push((graph.nodes().len() as u32, line));
    }

    /// The line of a node; of one that is part of a gradient, that of what it is the gradient of.
    pub(super) fn of(&self, graph: &Graph, node: u32) -> Option<&Py<PyAny>> {
        let node = graph.node(node)?.origin.unwrap_or(node);
        let after = self.marks.partition_point(|mark| mark.0 <= node);
        Some(&self.marks.get(after.checked_sub(1)?)?.1)
    }

    /// The exception for an error in `graph`, with the line that its node comes from.
    pub(super) fn raised(&self, py: Python<'_>, graph: &Graph, error: &GraphError) -> PyErr {
        match error.node.and_then(|node| self.of(graph, node)) {
            Some(line) => at_line(py, raised(py, error), line),
            None => raised_here(py, error),
        }
    }
}
