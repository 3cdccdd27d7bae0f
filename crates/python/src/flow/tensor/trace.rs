//! Tracing: while a function is traced, operations on its arguments, and on tensors that are older than
//! the trace, become nodes of a graph. Tensors that it makes of nothing but numbers are constants.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use ferrule_base::DType;
use ferrule_graph::{Graph, Op, Value, gradients as graph_gradients, is_differentiable, is_float};
use ferrule_tensor::array::Shape;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use smallvec::SmallVec;

use super::compiled::{Capture, CompiledFunction, GradEffect};
use super::gradients::check_weight;
use super::{Content, Slot, Symbol, Tensor, gradients, next_serial};
use crate::flow::where_::{self, Lines, raised_here as raised};

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// A function on its way to a graph.
pub(super) struct Trace {
    pub(super) number: u64,
    pub(super) graph: Graph,
    pub(super) inputs: Vec<Symbol>,
    /// The trace around it, where this is one of a branch or of a loop.
    pub(super) outer: Option<Box<Trace>>,
    /// What it takes from there, and what that is here.
    pub(super) taken: Vec<(Symbol, Symbol)>,
    captures: Vec<Capture>,
    /// Places of captures, by the serial numbers of their tensors.
    places: HashMap<u64, usize>,
    /// The latest assignment of each variable.
    assignments: HashMap<usize, u32>,
    pub(super) lines: Lines,
}

/// Whether this thread traces a function.
pub(super) fn is_active() -> bool {
    ACTIVE.get()
}

/// Whether a function is being traced.
#[pyfunction]
pub(crate) fn is_tracing() -> bool {
    is_active()
}

/// Begins to trace a function; returns what stands for its arguments.
#[pyfunction]
pub(crate) fn trace_begin(py: Python<'_>, args: Vec<Bound<'_, Tensor>>) -> PyResult<Vec<Tensor>> {
    if is_active() {
        return Err(PyRuntimeError::new_err("a function is being traced already"));
    }
    let (trace, symbols) = Trace::new(py, &args)?;
    TRACE.set(Some(trace));
    ACTIVE.set(true);
    Ok(symbols)
}

/// The dtypes, shapes and needs for gradients of tensors, and whether operations are remembered: what
/// a traced function depends on.
#[pyfunction]
pub(crate) fn tensor_signature<'py>(
    py: Python<'py>,
    tensors: Vec<Bound<'_, Tensor>>,
) -> Bound<'py, PyBytes> {
    let mut text: SmallVec<[u8; 128]> = SmallVec::new();
    text.push(u8::from(gradients::is_enabled()));
    for tensor in &tensors {
        let tensor = tensor.borrow();
        let shape = tensor.shape();
        text.extend([tensor.dtype() as u8, u8::from(tensor.requires_grad()), shape.len() as u8]);
        text.extend(shape.iter().flat_map(|size| size.to_ne_bytes()));
    }
    PyBytes::new(py, &text)
}

/// Forgets what was traced.
#[pyfunction]
pub(crate) fn trace_abort() {
    ACTIVE.set(false);
    drop(TRACE.take());
}

/// Ends the trace: the function that gives `outputs`.
#[pyfunction]
pub(crate) fn trace_end(
    py: Python<'_>,
    outputs: Vec<Bound<'_, Tensor>>,
) -> PyResult<CompiledFunction> {
    let symbols = with(|trace| outputs.iter().map(|one| trace.symbol(one)).collect());
    let symbols: PyResult<Vec<Symbol>> = symbols;
    ACTIVE.set(false);
    let mut trace = TRACE.take().ok_or_else(not_tracing)?;
    if trace.captures.iter().any(Capture::loses_history) {
        return Err(PyRuntimeError::new_err(
            "a tensor of the code around a traced function is given a value that gradients flow through, \
             which it would lose at the end of the call: give it value.detach(), or return the value",
        ));
    }
    trace.captures.iter_mut().for_each(|capture| capture.look(py));
    let inputs = trace.inputs.iter().map(|symbol| symbol.value).collect();
    let targets = std::mem::take(&mut trace.assignments).into_values().collect();
    let Trace { graph, captures, lines, .. } = trace;
    Ok(CompiledFunction::new(graph, inputs, captures, &symbols?, targets, lines))
}

pub(super) fn not_tracing() -> PyErr {
    PyRuntimeError::new_err("no function is being traced")
}

/// The trace of this thread, to be changed into another.
pub(super) fn exchange(work: impl FnOnce(Trace) -> (Trace, bool)) -> bool {
    let Some(trace) = TRACE.take() else { return false };
    let (trace, done) = work(trace);
    TRACE.set(Some(trace));
    done
}

/// Works on the trace of this thread. `work` must not call Python.
pub(super) fn with<R>(work: impl FnOnce(&mut Trace) -> PyResult<R>) -> PyResult<R> {
    TRACE.with_borrow_mut(|trace| trace.as_mut().ok_or_else(not_tracing).and_then(work))
}

impl Trace {
    /// A trace of a function, and what stands for its arguments.
    pub(super) fn new(py: Python<'_>, args: &[Bound<'_, Tensor>]) -> PyResult<(Self, Vec<Tensor>)> {
        let mut trace = Self {
            number: next_serial(),
            graph: Graph::new(),
            inputs: Vec::new(),
            outer: None,
            taken: Vec::new(),
            captures: Vec::new(),
            places: HashMap::new(),
            assignments: HashMap::new(),
            lines: Lines::default(),
        };
        for arg in args {
            let arg = arg.borrow();
            let input = trace.input(py, arg.dtype(), arg.shape(), arg.requires_grad())?;
            trace.inputs.push(input);
        }
        let symbols = trace.inputs.iter().map(|&one| Tensor::of(Content::Symbol(one)));
        let symbols = symbols.collect();
        Ok((trace, symbols))
    }

    /// A new placeholder.
    pub(super) fn input(
        &mut self,
        py: Python<'_>,
        dtype: DType,
        shape: Shape,
        requires_grad: bool,
    ) -> PyResult<Symbol> {
        let dims = Some(shape.iter().map(|&size| Some(size)).collect());
        let node = self.graph.add(Op::Placeholder { dtype, shape: dims }, &[], &[]);
        let value = Value::of(node.map_err(|error| raised(py, &error))?);
        Ok(Symbol { trace: self.number, value, dtype, shape, requires_grad })
    }

    /// What stands for a tensor of the trace around this one.
    fn take_in(&mut self, tensor: &Bound<'_, Tensor>) -> PyResult<Symbol> {
        let around = self.outer.as_mut().ok_or_else(super::escaped)?.symbol(tensor)?;
        if let Some((_, known)) = self.taken.iter().find(|one| one.0.value == around.value) {
            return Ok(*known);
        }
        let Symbol { dtype, shape, requires_grad, .. } = around;
        let made = self.input(tensor.py(), dtype, shape, requires_grad)?;
        self.taken.push((around, made));
        Ok(made)
    }

    /// What has an effect beyond a branch or a loop is refused within.
    fn check_effect(&self) -> PyResult<()> {
        if self.outer.is_none() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a function given to cond() or while_loop() has no effects: it changes no tensor of the code \
             around it, calls no backward() and draws no random numbers (flow.grad() is fine); return \
             what is to change",
        ))
    }

    /// What `tensor` is in the graph.
    pub(super) fn symbol(&mut self, tensor: &Bound<'_, Tensor>) -> PyResult<Symbol> {
        let py = tensor.py();
        let borrowed = tensor.borrow();
        match &borrowed.content {
            Content::Symbol(symbol) if symbol.trace == self.number => Ok(*symbol),
            Content::Symbol(_) => {
                drop(borrowed);
                self.take_in(tensor)
            }
            _ if self.outer.is_some() && self.is_outer(&borrowed) => {
                drop(borrowed);
                self.take_in(tensor)
            }
            _ if self.is_outer(&borrowed) => {
                drop(borrowed);
                let place = self.capture(tensor)?;
                Ok(self.captures[place].now)
            }
            _ => {
                drop(borrowed);
                let array = Tensor::array(tensor)?;
                let node = self.graph.constant(array);
                let node = node.map_err(|error| raised(py, &error))?;
                self.known(Value::of(node), false)
            }
        }
    }

    /// Whether a tensor is to be read anew at each call.
    fn is_outer(&self, tensor: &Tensor) -> bool {
        tensor.serial < self.number || tensor.leaf.is_some()
    }

    /// What cannot be changed in place as it would be without a trace is refused.
    fn check_assigned(&self, tensor: &Tensor) -> PyResult<()> {
        match tensor.content {
            Content::Symbol(symbol) if symbol.trace != self.number => self.check_effect()?,
            Content::Array(_) | Content::Away { .. } if self.is_outer(tensor) => {
                self.check_effect()?
            }
            _ => {}
        }
        if tensor.leaf.is_some() && tensor.serial >= self.number {
            return Err(PyRuntimeError::new_err(
                "a leaf that a traced function makes is changed in place: make it outside",
            ));
        }
        let is_input = |symbol: Symbol| self.inputs.iter().any(|one| one.value == symbol.value);
        match tensor.content {
            Content::Symbol(symbol) if is_input(symbol) => Err(PyRuntimeError::new_err(
                "an argument of a traced function is changed in place, which the caller would not see: \
                 change a clone(), or a tensor of the code around the function",
            )),
            _ => Ok(()),
        }
    }

    /// The value as a symbol.
    pub(super) fn known(&self, value: Value, requires_grad: bool) -> PyResult<Symbol> {
        let unknown =
            || PyRuntimeError::new_err("the shape is not known while the function is traced");
        let known = self.graph.type_of(value).map_err(|_| unknown())?;
        let shape = known.dims.shape().ok_or_else(unknown)?;
        Ok(Symbol { trace: self.number, value, dtype: known.dtype, shape, requires_grad })
    }

    /// The place of a tensor among the captures.
    fn capture(&mut self, tensor: &Bound<'_, Tensor>) -> PyResult<usize> {
        let (py, borrowed) = (tensor.py(), tensor.borrow());
        if let Some(&place) = self.places.get(&borrowed.serial) {
            return Ok(place);
        }
        let place = self.captures.len();
        let (dtype, shape) = (borrowed.dtype(), borrowed.shape().to_vec());
        let node = self.graph.add(Op::Variable { id: place as u32, dtype, shape }, &[], &[]);
        let first = Value::of(node.map_err(|error| raised(py, &error))?);
        let now = self.known(first, borrowed.requires_grad())?;
        self.places.insert(borrowed.serial, place);
        let tensor = tensor.clone().unbind();
        let is_leaf = borrowed.leaf.is_some();
        self.captures.push(Capture::new(tensor, first, now, is_leaf));
        Ok(place)
    }

    pub(super) fn add(
        &mut self,
        py: Python<'_>,
        op: &Op,
        symbols: &[Symbol],
    ) -> PyResult<SmallVec<[Symbol; 1]>> {
        let values: SmallVec<[Value; 4]> = symbols.iter().map(|symbol| symbol.value).collect();
        let through = symbols.iter().any(|symbol| symbol.requires_grad) && is_differentiable(op);
        let node = self.graph.add(op.clone(), &values, &[]).map_err(|error| raised(py, &error))?;
        let count = self.graph.nodes()[node as usize].outputs.len() as u32;
        let recording = gradients::is_enabled();
        (0..count)
            .map(|output| {
                let mut value = Value { node, output };
                if through && !recording {
                    let stopped = self.graph.add(Op::StopGradient, &[value], &[]);
                    value = Value::of(stopped.map_err(|error| raised(py, &error))?);
                }
                let flows = through && recording && is_float(self.known(value, false)?.dtype);
                self.known(value, flows)
            })
            .collect()
    }

    /// The sum of the gradients by all values that a leaf has had.
    fn sum(&mut self, py: Python<'_>, parts: Vec<Value>) -> PyResult<Option<Symbol>> {
        let mut sum: Option<Symbol> = None;
        for part in parts {
            let part = self.known(part, false)?;
            sum = Some(match sum {
                None => part,
                Some(before) => {
                    let op = Op::Binary { f: ferrule_tensor::ops::Binary::Add };
                    self.add(py, &op, &[before, part])?[0]
                }
            });
        }
        Ok(sum)
    }
}

/// The outputs of `op` in the graph; `None` where it has nothing to do with it.
pub(super) fn apply(
    py: Python<'_>,
    op: &Op,
    inputs: &[&Bound<'_, Tensor>],
) -> PyResult<Option<SmallVec<[Tensor; 1]>>> {
    let line = where_::user_line(py)?;
    with(|trace| {
        trace.lines.mark(&trace.graph, line);
        let is_part = |input: &&Bound<'_, Tensor>| {
            let input = input.borrow();
            matches!(input.content, Content::Symbol(_)) || trace.is_outer(&input)
        };
        if !inputs.iter().any(is_part) {
            return Ok(None);
        }
        let symbols: SmallVec<[Symbol; 4]> =
            inputs.iter().map(|input| trace.symbol(input)).collect::<PyResult<_>>()?;
        let made = trace.add(py, op, &symbols)?;
        Ok(Some(made.into_iter().map(|one| Tensor::of(Content::Symbol(one))).collect()))
    })
}

/// A value that gradients can be taken by.
pub(super) fn as_variable(tensor: &Bound<'_, Tensor>) -> PyResult<Tensor> {
    with(|trace| {
        let symbol = trace.symbol(tensor)?;
        let made = trace.add(tensor.py(), &Op::Identity, &[symbol])?;
        Ok(Tensor::of(Content::Symbol(Symbol { requires_grad: true, ..made[0] })))
    })
}

/// As `tensor_gradients`, in the graph.
pub(super) fn gradients(
    py: Python<'_>,
    ys: &[Bound<'_, Tensor>],
    weights: &[Option<Bound<'_, Tensor>>],
    xs: &[Bound<'_, Tensor>],
    create_graph: bool,
) -> PyResult<Vec<Option<Tensor>>> {
    let line = where_::user_line(py)?;
    with(|trace| {
        trace.lines.mark(&trace.graph, line);
        let mut value = |one: &Bound<'_, Tensor>| Ok::<_, PyErr>(trace.symbol(one)?.value);
        let ys = ys.iter().map(&mut value).collect::<PyResult<Vec<_>>>()?;
        let xs = xs.iter().map(&mut value).collect::<PyResult<Vec<_>>>()?;
        let weights = weights.iter().map(|one| one.as_ref().map(&mut value).transpose());
        let weights = weights.collect::<PyResult<Vec<_>>>()?;
        let made = graph_gradients(&mut trace.graph, &ys, &weights, &xs);
        let made = made.map_err(|error| trace.lines.raised(py, &trace.graph, &error))?;
        let symbol = |one: Option<Value>| one.map(|one| trace.known(one, create_graph)).transpose();
        let symbols = made.into_iter().map(symbol).collect::<PyResult<Vec<_>>>()?;
        let tensor = |symbol| Tensor::of(Content::Symbol(symbol));
        Ok(symbols.into_iter().map(|one| one.map(tensor)).collect())
    })
}

/// `backward()` in the graph: gradients go to the leaves that were captured.
pub(super) fn backward(
    tensor: &Bound<'_, Tensor>,
    weight: Option<&Bound<'_, Tensor>>,
) -> PyResult<()> {
    let py = tensor.py();
    let line = where_::user_line(py)?;
    with(|trace| {
        trace.lines.mark(&trace.graph, line);
        trace.check_effect()?;
        let y = trace.symbol(tensor)?;
        let weight = weight.map(|one| trace.symbol(one)).transpose()?;
        if let Some(weight) = &weight {
            check_weight((y.dtype, y.shape), (weight.dtype, weight.shape))?;
        }
        let weight = weight.map(|one| one.value);
        if !y.requires_grad || (weight.is_none() && y.shape.elements() != 1) {
            return Err(PyRuntimeError::new_err(
                "backward() starts from one number that depends on a tensor that requires_grad",
            ));
        }
        let arguments = trace.inputs.iter().filter(|input| input.requires_grad);
        let derived = trace.captures.iter().filter(|one| !one.is_leaf && one.requires_grad);
        let arguments: Vec<Value> =
            arguments.map(|input| input.value).chain(derived.map(|one| one.first)).collect();
        let leaves = trace.captures.iter().flat_map(|capture| &capture.versions).copied();
        let xs: Vec<Value> = arguments.iter().copied().chain(leaves).collect();
        let made = graph_gradients(&mut trace.graph, &[y.value], &[weight], &xs);
        let made = made.map_err(|error| trace.lines.raised(py, &trace.graph, &error))?;
        let (of_arguments, of_leaves) = made.split_at(arguments.len());
        if of_arguments.iter().any(Option::is_some) {
            return Err(PyRuntimeError::new_err(
                "inside of a traced function backward() reaches leaves of the code around it, neither \
                 arguments nor what has history: compute that inside, or use flow.grad()",
            ));
        }
        let mut parts = of_leaves.iter();
        for place in 0..trace.captures.len() {
            let count = trace.captures[place].versions.len();
            let mut own: Vec<Value> = parts.by_ref().take(count).flatten().copied().collect();
            if own.is_empty() {
                continue;
            }
            trace.captures[place].look(py);
            let before = trace.captures[place].grad;
            own.extend(before.value().map(|symbol| symbol.value));
            let sum = trace.sum(py, own)?;
            trace.captures[place].grad.add(sum);
            trace.captures[place].shown = None;
        }
        Ok(())
    })
}

/// The gradient of a leaf, as far as the trace knows it.
pub(super) fn grad_of(tensor: &Bound<'_, Tensor>, slot: &Slot) -> PyResult<Option<Py<Tensor>>> {
    let py = tensor.py();
    let (place, effect, shown) = with(|trace| {
        trace.check_effect()?;
        let place = trace.capture(tensor)?;
        let capture = &trace.captures[place];
        Ok((place, capture.grad, capture.shown.as_ref().map(|shown| shown.clone_ref(py))))
    })?;
    if shown.is_some() {
        return Ok(shown);
    }
    match effect {
        GradEffect::Kept if slot.has_grad() => Err(PyRuntimeError::new_err(
            "a gradient from before the call cannot be read while the function is traced: call \
             zero_grad() first",
        )),
        effect => {
            let shown =
                effect.value().map(|symbol| Py::new(py, Tensor::of(Content::Symbol(symbol))));
            let shown = shown.transpose()?;
            with(|trace| {
                trace.captures[place].shown = shown.as_ref().map(|shown| shown.clone_ref(py));
                Ok(shown)
            })
        }
    }
}

/// Gives a leaf a gradient, or none.
pub(super) fn set_grad(
    tensor: &Bound<'_, Tensor>,
    grad: Option<&Bound<'_, Tensor>>,
) -> PyResult<()> {
    with(|trace| {
        trace.check_effect()?;
        let symbol = grad.map(|grad| trace.symbol(grad)).transpose()?;
        let place = trace.capture(tensor)?;
        trace.captures[place].shown = grad.map(|grad| grad.clone().unbind());
        trace.captures[place].grad = match symbol {
            None => GradEffect::Cleared,
            Some(symbol) => GradEffect::Replaced(symbol),
        };
        Ok(())
    })
}

/// Gives a captured tensor another value from here on; says whether `tensor` is one.
pub(super) fn assign(tensor: &Bound<'_, Tensor>, value: &Bound<'_, Tensor>) -> PyResult<bool> {
    let py = tensor.py();
    with(|trace| {
        trace.check_assigned(&tensor.borrow())?;
        if matches!(tensor.borrow().content, Content::Symbol(_))
            || !trace.is_outer(&tensor.borrow())
        {
            return Ok(false);
        }
        let symbol = trace.symbol(value)?;
        let place = trace.capture(tensor)?;
        let before: SmallVec<[u32; 1]> =
            trace.assignments.get(&place).copied().into_iter().collect();
        let op = Op::Assign { id: place as u32 };
        let node = trace.graph.add(op, &[symbol.value], &before);
        let node = node.map_err(|error| raised(py, &error))?;
        trace.assignments.insert(place, node);
        let is_leaf = trace.captures[place].is_leaf;
        let mut now = trace.known(Value::of(node), symbol.requires_grad)?;
        if is_leaf {
            // A leaf's new value has no history.
            let stopped = trace.graph.add(Op::StopGradient, &[now.value], &[]);
            let stopped = Value::of(stopped.map_err(|error| raised(py, &error))?);
            now = trace.known(stopped, true)?;
        }
        trace.captures[place].assign(now);
        Ok(true)
    })
}
