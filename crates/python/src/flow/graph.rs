//! Graphs and their values.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ferrule_graph::{Graph, Op, Subgraph, Value, gradients};
use ferrule_tensor::ops::{Binary, Unary};
use numpy::PyUntypedArray;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use super::arrays::{dtype_name, dtype_named, from_numpy, scalar};
use super::custom::PythonOp;
use super::raised;

/// A graph of operations, to which more can be added. Values are pairs (node, output).
#[pyclass(frozen)]
pub(crate) struct FlowGraph {
    graph: Arc<RwLock<Graph>>,
}

/// A value of a graph, or with index -1 a node that is run for what it does.
#[pyclass(frozen, subclass)]
pub(crate) struct GraphTensor {
    graph: Py<FlowGraph>,
    pub(super) node: u32,
    pub(super) index: i32,
}

/// (node, output)
pub(super) type Pair = (u32, u32);

pub(super) fn value((node, output): Pair) -> Value {
    Value { node, output }
}

impl FlowGraph {
    /// What Python sees of a graph.
    pub(super) fn of(graph: Graph) -> Self {
        Self { graph: Arc::new(RwLock::new(graph)) }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Graph> {
        self.graph.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Graph> {
        self.graph.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shared(&self) -> Arc<RwLock<Graph>> {
        self.graph.clone()
    }

    fn add_op(&self, py: Python<'_>, op: Op, inputs: &[Pair], control: &[u32]) -> PyResult<u32> {
        let inputs: Vec<Value> = inputs.iter().copied().map(value).collect();
        self.write().add(op, &inputs, control).map_err(|error| raised(py, &error))
    }
}

fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, wanted: &str) -> PyResult<T> {
    let found = all.iter().copied().find(|&one| name(one) == wanted);
    found.ok_or_else(|| PyValueError::new_err(format!("there is no function {wanted:?}")))
}

#[pymethods]
impl FlowGraph {
    #[new]
    fn new() -> Self {
        Self { graph: Arc::default() }
    }

    /// Adds the operation that the JSON text `op` describes; returns its node's number.
    #[pyo3(signature = (op, inputs, control = vec![]))]
    fn add(&self, py: Python<'_>, op: &str, inputs: Vec<Pair>, control: Vec<u32>) -> PyResult<u32> {
        let parsed: Op = serde_json::from_str(op)
            .map_err(|error| PyValueError::new_err(format!("not an operation: {error}: {op}")))?;
        self.add_op(py, parsed, &inputs, &control)
    }

    /// Adds the function `f` of one value.
    #[pyo3(signature = (f, x, control = vec![]))]
    fn unary(&self, py: Python<'_>, f: &str, x: Pair, control: Vec<u32>) -> PyResult<u32> {
        let f = named(Unary::ALL, Unary::name, f)?;
        self.add_op(py, Op::Unary { f }, &[x], &control)
    }

    /// Adds the function `f` of two values.
    #[pyo3(signature = (f, x, y, control = vec![]))]
    fn binary(
        &self,
        py: Python<'_>,
        f: &str,
        x: Pair,
        y: Pair,
        control: Vec<u32>,
    ) -> PyResult<u32> {
        let f = named(Binary::ALL, Binary::name, f)?;
        self.add_op(py, Op::Binary { f }, &[x, y], &control)
    }

    /// Adds a constant.
    fn constant(&self, py: Python<'_>, array: &Bound<'_, PyUntypedArray>) -> PyResult<u32> {
        let array = from_numpy(array)?;
        self.write().constant(array).map_err(|error| raised(py, &error))
    }

    /// Adds an operation written in Python: `forward` of arrays gives arrays; `gradient`, of inputs,
    /// outputs and gradients of the outputs, gives one array or `None` an input.
    #[pyo3(signature = (forward, gradient, inputs, outputs, control = vec![]))]
    fn custom(
        &self,
        py: Python<'_>,
        forward: Py<PyAny>,
        gradient: Option<Py<PyAny>>,
        inputs: Vec<Pair>,
        outputs: Vec<(String, Option<Vec<Option<usize>>>)>,
        control: Vec<u32>,
    ) -> PyResult<u32> {
        let outputs = outputs.into_iter().map(|(name, dims)| Ok((dtype_named(&name)?, dims)));
        let outputs = outputs.collect::<PyResult<Vec<_>>>()?;
        let id = self.write().add_custom(Arc::new(PythonOp::new(forward, gradient)));
        self.add_op(py, Op::Custom { id, outputs }, &inputs, &control)
    }

    /// Adds a copy of the graph `inner` for "cond" and "while": of its placeholders `inputs` it gives
    /// `outputs`; returns its number.
    fn subgraph(&self, inner: &Self, inputs: Vec<Pair>, outputs: Vec<Pair>) -> u32 {
        let graph = inner.read().clone();
        let inputs = inputs.into_iter().map(value).collect();
        let outputs = outputs.into_iter().map(value).collect();
        self.write().add_subgraph(Subgraph { graph, inputs, outputs })
    }

    /// How many nodes there are.
    #[getter]
    fn n_nodes(&self) -> usize {
        self.read().nodes().len()
    }

    /// How many outputs a node has.
    fn n_outputs(&self, node: u32) -> PyResult<usize> {
        self.with_node(node, |node| node.outputs.len())
    }

    /// The values that a node takes.
    fn inputs(&self, node: u32) -> PyResult<Vec<Pair>> {
        self.with_node(node, |node| node.inputs.iter().map(|one| (one.node, one.output)).collect())
    }

    /// The operation of a node, as JSON text.
    fn op(&self, node: u32) -> PyResult<String> {
        let text = self.with_node(node, |node| serde_json::to_string(&node.op))?;
        text.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The node that a node is part of the gradient of, or itself.
    fn origin(&self, node: u32) -> PyResult<u32> {
        self.with_node(node, |found| found.origin.unwrap_or(node))
    }

    /// What the operation of a node is called.
    fn kind(&self, node: u32) -> PyResult<&'static str> {
        self.with_node(node, |node| node.op.name())
    }

    /// The nodes that a node waits for.
    fn control(&self, node: u32) -> PyResult<Vec<u32>> {
        self.with_node(node, |node| node.control.to_vec())
    }

    /// The number that a node always gives, as a scalar of NumPy's; `None` where it gives anything else.
    fn scalar(&self, py: Python<'_>, node: u32) -> PyResult<Option<Py<PyAny>>> {
        let graph = self.read();
        let array = graph.constant_of(Value::of(node)).filter(|array| array.elements() == 1);
        array.map(|array| scalar(py, array.dtype(), array.as_bytes())).transpose()
    }

    /// The dtype of a value, by NumPy's name.
    fn dtype(&self, py: Python<'_>, node: u32, index: u32) -> PyResult<&'static str> {
        let graph = self.read();
        let known = graph.type_of(value((node, index))).map_err(|error| raised(py, &error))?;
        Ok(dtype_name(known.dtype))
    }

    /// The sizes of a value, `None` where they are not known.
    fn shape<'py>(
        &self,
        py: Python<'py>,
        node: u32,
        index: u32,
    ) -> PyResult<Option<Bound<'py, pyo3::types::PyTuple>>> {
        let graph = self.read();
        let known = graph.type_of(value((node, index))).map_err(|error| raised(py, &error))?;
        known.dims.0.as_ref().map(|dims| pyo3::types::PyTuple::new(py, dims)).transpose()
    }

    /// Adds the gradients of `ys`, weighted by `grad_ys`, by `xs`.
    fn gradients(
        &self,
        py: Python<'_>,
        ys: Vec<Pair>,
        xs: Vec<Pair>,
        grad_ys: Vec<Option<Pair>>,
    ) -> PyResult<Vec<Option<Pair>>> {
        let ys: Vec<Value> = ys.into_iter().map(value).collect();
        let xs: Vec<Value> = xs.into_iter().map(value).collect();
        let weights: Vec<Option<Value>> = grad_ys.into_iter().map(|one| one.map(value)).collect();
        let made = gradients(&mut self.write(), &ys, &weights, &xs);
        let made = made.map_err(|error| raised(py, &error))?;
        Ok(made.into_iter().map(|one| one.map(|one| (one.node, one.output))).collect())
    }
}

impl FlowGraph {
    fn with_node<R>(
        &self,
        number: u32,
        look: impl FnOnce(&ferrule_graph::Node) -> R,
    ) -> PyResult<R> {
        let graph = self.read();
        let node = graph.node(number);
        node.map(look).ok_or_else(|| PyIndexError::new_err(format!("there is no node {number}")))
    }
}

#[pymethods]
impl GraphTensor {
    #[new]
    #[pyo3(signature = (graph, node, index, *_args, **_kwargs))]
    fn new(
        graph: Py<FlowGraph>,
        node: u32,
        index: i32,
        _args: &Bound<'_, pyo3::types::PyTuple>,
        _kwargs: Option<&Bound<'_, pyo3::types::PyDict>>,
    ) -> Self {
        Self { graph, node, index }
    }

    #[getter]
    fn node(&self) -> u32 {
        self.node
    }

    #[getter]
    fn index(&self) -> i32 {
        self.index
    }

    #[getter]
    fn core_graph(&self, py: Python<'_>) -> Py<FlowGraph> {
        self.graph.clone_ref(py)
    }
}

impl GraphTensor {
    pub(super) fn is_of(&self, graph: &Py<FlowGraph>) -> bool {
        self.graph.as_ptr() == graph.as_ptr()
    }

    pub(super) fn value(&self) -> Value {
        Value { node: self.node, output: self.index.max(0) as u32 }
    }
}
