//! Functions that were traced, ready to be called.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ferrule_graph::{Dims, Graph, GraphError, Request, Session, Value, eager, generalize};
use ferrule_tensor::array::Array;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::absence::Absence;
use super::{Content, Symbol, Tensor, gradients};
use crate::control::{Raised, stoppable};
use crate::flow::graph::{FlowGraph, Pair};
use crate::flow::where_::Lines;
use crate::flow::{profile, raised, take_failure};

/// A tensor of the code around a function, which it reads at each call.
pub(super) struct Capture {
    tensor: Py<Tensor>,
    /// Its value when the function is called.
    pub(super) first: Value,
    /// Its value at this point of the trace.
    pub(super) now: Symbol,
    pub(super) is_leaf: bool,
    /// Whether gradients flowed through it while the function was traced.
    pub(super) requires_grad: bool,
    /// The values that a leaf has had so far.
    pub(super) versions: Vec<Value>,
    is_assigned: bool,
    pub(super) grad: GradEffect,
    /// The gradient as the traced function sees it, which it may change in place.
    pub(super) shown: Option<Py<Tensor>>,
}

/// What a function does to the gradient of a leaf.
#[derive(Clone, Copy)]
pub(super) enum GradEffect {
    Kept,
    Cleared,
    Added(Symbol),
    Replaced(Symbol),
}

impl GradEffect {
    pub(super) fn value(self) -> Option<Symbol> {
        match self {
            Self::Added(symbol) | Self::Replaced(symbol) => Some(symbol),
            Self::Kept | Self::Cleared => None,
        }
    }

    /// A gradient has come, and with it the sum is `sum`.
    pub(super) fn add(&mut self, sum: Option<Symbol>) {
        if let Some(sum) = sum {
            *self = match self {
                Self::Kept | Self::Added(_) => Self::Added(sum),
                Self::Cleared | Self::Replaced(_) => Self::Replaced(sum),
            };
        }
    }
}

impl Capture {
    pub(super) fn new(tensor: Py<Tensor>, first: Value, now: Symbol, is_leaf: bool) -> Self {
        let versions = if is_leaf { vec![first] } else { Vec::new() };
        let (grad, requires_grad) = (GradEffect::Kept, now.requires_grad);
        Self {
            tensor,
            first,
            now,
            is_leaf,
            requires_grad,
            versions,
            is_assigned: false,
            grad,
            shown: None,
        }
    }

    /// Looks what has become of the gradient since it was shown.
    pub(super) fn look(&mut self, py: Python<'_>) {
        let shown = self.shown.as_ref().map(|shown| shown.borrow(py).content.clone());
        let Some(Content::Symbol(symbol)) = shown else { return };
        self.grad = match self.grad {
            GradEffect::Added(_) => GradEffect::Added(symbol),
            GradEffect::Replaced(_) => GradEffect::Replaced(symbol),
            other => other,
        };
    }

    /// Whether it ends with a value that has history, which is more than a call can leave with it.
    pub(super) fn loses_history(&self) -> bool {
        self.is_assigned && !self.is_leaf && self.now.requires_grad
    }

    pub(super) fn assign(&mut self, now: Symbol) {
        self.now = now;
        self.is_assigned = true;
        if self.is_leaf {
            self.versions.push(now.value);
        }
    }
}

/// A graph, the values of its inputs, and those of its outputs.
type Drawn = (FlowGraph, Vec<Pair>, Vec<Pair>);

/// A function of tensors as a graph. Tensors of the code around it are variables of its session
/// for the time of a call.
#[pyclass(frozen)]
pub(crate) struct CompiledFunction {
    graph: Arc<Graph>,
    captures: Vec<Capture>,
    n_outputs: usize,
    /// Whether gradients flow through each output.
    flows: Vec<bool>,
    /// Fetches the outputs, then the gradients of captures.
    request: Request,
    /// The same with values on the way, for gradients of the whole.
    recorded: OnceLock<Request>,
    /// Sessions that no call uses.
    sessions: Mutex<Vec<Session>>,
    lines: Lines,
}

/// The most sessions that are kept for calls at one time.
const SESSIONS_MAX: usize = 8;

impl CompiledFunction {
    pub(super) fn new(
        graph: Graph,
        inputs: Vec<Value>,
        captures: Vec<Capture>,
        outputs: &[Symbol],
        targets: Vec<u32>,
        lines: Lines,
    ) -> Self {
        let n_outputs = outputs.len();
        let flows = outputs.iter().map(|symbol| symbol.requires_grad).collect();
        let grads = captures.iter().filter_map(|capture| capture.grad.value());
        let fetches = outputs.iter().copied().chain(grads).map(|symbol| symbol.value).collect();
        let request = Request { fetches, targets, feeds: inputs };
        let (graph, recorded) = (Arc::new(graph), OnceLock::new());
        let sessions = Mutex::default();
        Self { graph, captures, n_outputs, flows, request, recorded, sessions, lines }
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the graph is a function of: arguments, then captures.
    fn inputs(&self) -> Vec<Value> {
        let captured = self.captures.iter().map(|capture| capture.first);
        self.request.feeds.iter().copied().chain(captured).collect()
    }

    /// Whether gradients of this call may be asked for.
    fn records(&self, py: Python<'_>, args: &[Bound<'_, Tensor>]) -> bool {
        let trains = |capture: &Capture| capture.is_leaf && capture.is_assigned;
        gradients::is_enabled()
            && self.n_outputs > 0
            && !self.captures.iter().any(trains)
            && (args.iter().any(|arg| arg.borrow().requires_grad())
                || self.captures.iter().any(|one| one.tensor.borrow(py).requires_grad()))
    }

    /// The request that also fetches values on the way.
    fn recorded(&self) -> Result<&Request, GraphError> {
        if let Some(request) = self.recorded.get() {
            return Ok(request);
        }
        let outputs = &self.request.fetches[..self.n_outputs];
        let kept = eager::residuals(&self.graph, &self.inputs(), outputs)?;
        let mut request = self.request.clone();
        request.fetches.extend(kept);
        Ok(self.recorded.get_or_init(|| request))
    }

    /// Waits until no capture is away, as it is while another call changes it.
    fn gather(&self, py: Python<'_>) -> PyResult<()> {
        let away = |capture: &Capture| match &capture.tensor.borrow(py).content {
            Content::Away { absence, .. } => Some(Arc::clone(absence)),
            _ => None,
        };
        // While one is waited for another may go.
        while let Some(absence) = self.captures.iter().find_map(away) {
            absence.wait(py)?;
        }
        Ok(())
    }

    /// Lends captures to the session; those that change are taken, so that they can change in place.
    fn lend(&self, py: Python<'_>, session: &mut Session, absence: &Arc<Absence>) -> PyResult<()> {
        for (id, capture) in (0..).zip(&self.captures) {
            let array = Tensor::array(capture.tensor.bind(py))?;
            if capture.is_assigned {
                let (dtype, shape, absence) = (array.dtype(), *array.shape(), Arc::clone(absence));
                let mut tensor = capture.tensor.try_borrow_mut(py)?;
                tensor.content = Content::Away { dtype, shape, absence };
            }
            session.variables.set(id, array);
        }
        Ok(())
    }

    /// Gives captures that were taken their values; the session keeps none, so that a tensor's memory
    /// is its own at the next call, of this function or another.
    fn give_back(&self, py: Python<'_>, session: &mut Session, absence: &Arc<Absence>) {
        for (id, capture) in (0..).zip(&self.captures) {
            let Some(array) = session.variables.take(id).filter(|_| capture.is_assigned) else {
                continue;
            };
            let mut tensor = capture.tensor.borrow_mut(py);
            let is_own = |one: &Arc<Absence>| Arc::ptr_eq(one, absence);
            if matches!(&tensor.content, Content::Away { absence, .. } if is_own(absence)) {
                tensor.content = Content::Array(eager::Tensor::new(array));
            }
        }
        absence.end();
    }

    /// Does `work` with a session whose variables are the captures.
    fn run<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Session) -> Result<R, GraphError> + Send,
    ) -> PyResult<R> {
        self.gather(py)?;
        let mut session = self.sessions().pop().unwrap_or_default();
        let absence = Arc::new(Absence::new());
        let lent = self.lend(py, &mut session, &absence);
        let made = lent.and_then(|()| {
            let work = || catch_unwind(AssertUnwindSafe(|| work(&mut session)));
            stoppable(py, !self.graph.subgraphs().is_empty(), work)
        });
        self.give_back(py, &mut session, &absence);
        let mut sessions = self.sessions();
        if sessions.len() < SESSIONS_MAX {
            sessions.push(session);
        }
        drop(sessions);
        let made = made?.unwrap_or_else(|panic| resume_unwind(panic));
        made.map_err(|error| {
            take_failure().unwrap_or_else(|| self.lines.raised(py, &self.graph, &error))
        })
    }

    /// Leaves gradients with the captures that they are of.
    fn leave_grads(&self, py: Python<'_>, grads: &[Array]) -> PyResult<()> {
        let mut grads = grads.iter();
        for capture in &self.captures {
            let grad = capture.grad.value().and_then(|_| grads.next().cloned());
            let next = || grad.clone().map(Tensor::from_array);
            let Some(slot) = capture.tensor.borrow(py).slot() else { continue };
            match capture.grad {
                GradEffect::Kept => {}
                GradEffect::Cleared => slot.set(None),
                GradEffect::Replaced(_) => {
                    slot.set(next().map(|grad| Py::new(py, grad)).transpose()?);
                }
                GradEffect::Added(_) => {
                    if let Some(grad) = next() {
                        slot.add(py, grad)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[pymethods]
impl CompiledFunction {
    /// Runs the function on tensors of the dtypes and shapes that it was traced with.
    fn __call__(&self, py: Python<'_>, args: Vec<Bound<'_, Tensor>>) -> PyResult<Vec<Tensor>> {
        if args.len() != self.request.feeds.len() {
            let (expected, found) = (self.request.feeds.len(), args.len());
            let message = format!("{expected} tensors are expected, got {found}");
            return Err(PyTypeError::new_err(message));
        }
        if self.records(py, &args) {
            return self.call_recorded(py, &args);
        }
        let arrays = args.iter().map(Tensor::array).collect::<PyResult<Vec<_>>>()?;
        let made = self.run(py, |session| session.run(&self.graph, &self.request, &arrays))?;
        self.plain(py, made)
    }

    /// Runs the function with one row of each array after the other; gives what the last run gave.
    fn r#loop(&self, py: Python<'_>, arrays: Vec<Bound<'_, Tensor>>) -> PyResult<Vec<Tensor>> {
        let arrays = arrays.iter().map(Tensor::array).collect::<PyResult<Vec<_>>>()?;
        let steps = arrays.first().and_then(|array| array.shape().first().copied());
        let Some(steps) = steps.filter(|&steps| steps > 0) else {
            return Err(PyTypeError::new_err("arrays of at least one row are expected"));
        };
        let interrupt = Raised::default();
        let stop = || interrupt.interrupted();
        let made = self
            .run(py, |session| session.run_many(&self.graph, &self.request, &arrays, steps, &stop));
        interrupt.result()?;
        self.plain(py, made?)
    }

    /// Runs the function so many times, and says what each part of it cost; what it changes is put back.
    fn profile<'py>(
        &self,
        py: Python<'py>,
        args: Vec<Bound<'_, Tensor>>,
        calls: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let arrays = args.iter().map(Tensor::array).collect::<PyResult<Vec<_>>>()?;
        let interrupt = Raised::default();
        let stop = || interrupt.interrupted();
        let made = self
            .run(py, |session| session.profile(&self.graph, &self.request, &arrays, calls, &stop));
        interrupt.result()?;
        profile::to_dict(py, &made?)
    }

    /// The graph, with the values that its inputs and outputs are. Variables are captures, by their places
    /// in `captured`.
    fn graph(&self) -> Drawn {
        self.drawn((*self.graph).clone())
    }

    /// The graph that this function and `other`, which was traced for other sizes, are for any: with
    /// placeholders of these shapes, `None` for any size; as `graph` gives it. `None` where the two do
    /// other operations.
    fn generalized(
        &self,
        py: Python<'_>,
        other: &Self,
        shapes: Vec<Vec<Option<usize>>>,
    ) -> PyResult<Option<Drawn>> {
        let feeds = &self.request.feeds;
        let shapes = shapes.into_iter().map(|shape| Dims(Some(shape)));
        let dims = feeds.iter().map(|feed| feed.node).zip(shapes).collect();
        let made = generalize(&self.graph, &other.graph, &dims);
        let made = made.map_err(|error| raised(py, &error))?;
        let fetches = |one: &Self| one.request.fetches[..one.n_outputs].to_vec();
        let is_same = fetches(self) == fetches(other);
        Ok(made.filter(|_| is_same).map(|graph| self.drawn(graph)))
    }

    /// For each node the line that it comes from, such as "train.py:12: `y = a + b`"; empty where that is
    /// not known.
    fn lines(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let quoted = py.import("ferrule.flow._where")?.getattr("quoted")?;
        let empty = PyString::new(py, "").into_any().unbind();
        let line = |node: u32| match self.lines.of(&self.graph, node) {
            Some(line) => Ok(quoted.call1((line,))?.unbind()),
            None => Ok(empty.clone_ref(py)),
        };
        (0..self.graph.nodes().len() as u32).map(line).collect()
    }

    /// Whether the tensors of the code around the function require gradients as when it was traced.
    fn is_current(&self, py: Python<'_>) -> bool {
        let is_same = |one: &Capture| one.tensor.borrow(py).requires_grad() == one.requires_grad;
        self.captures.iter().all(is_same)
    }

    /// Whether the function changes tensors of the code around it, such as a generator's state.
    #[getter]
    fn has_effects(&self) -> bool {
        self.captures.iter().any(|capture| capture.is_assigned)
    }

    /// The tensors of the code around the function.
    fn captured(&self, py: Python<'_>) -> Vec<Py<Tensor>> {
        self.captures.iter().map(|capture| capture.tensor.clone_ref(py)).collect()
    }
}

impl CompiledFunction {
    /// A graph of the same numbers, with its inputs and outputs.
    fn drawn(&self, graph: Graph) -> Drawn {
        let pair = |value: &Value| (value.node, value.output);
        let outputs = self.request.fetches[..self.n_outputs].iter().map(pair).collect();
        (FlowGraph::of(graph), self.request.feeds.iter().map(pair).collect(), outputs)
    }

    /// The outputs among what was fetched, without history.
    fn plain(&self, py: Python<'_>, mut made: Vec<Array>) -> PyResult<Vec<Tensor>> {
        let grads = made.split_off(self.n_outputs);
        self.leave_grads(py, &grads)?;
        Ok(made.into_iter().map(Tensor::from_array).collect())
    }

    /// Runs the function and remembers the call.
    fn call_recorded(&self, py: Python<'_>, args: &[Bound<'_, Tensor>]) -> PyResult<Vec<Tensor>> {
        let captured = self.captures.iter().map(|capture| capture.tensor.bind(py));
        let inputs: Vec<eager::Tensor> =
            args.iter().chain(captured).map(Tensor::lasting).collect::<PyResult<_>>()?;
        let arrays: Vec<Array> =
            inputs[..args.len()].iter().map(|input| input.array().clone()).collect();
        let request = self.recorded().map_err(|error| raised(py, &error))?;
        let mut made = self.run(py, |session| session.run(&self.graph, request, &arrays))?;
        let kept = made.split_off(self.request.fetches.len());
        let grads = made.split_off(self.n_outputs);
        self.leave_grads(py, &grads)?;
        let values = request.fetches[self.request.fetches.len()..].iter().copied();
        let call = eager::Call {
            graph: Arc::clone(&self.graph),
            inputs: self.inputs(),
            outputs: self.request.fetches[..self.n_outputs].to_vec(),
            residuals: values.zip(kept).collect(),
        };
        let given: Vec<&eager::Tensor> = inputs.iter().collect();
        let made = eager::apply_call(call, &given, made);
        let tensor = |(one, &flows): (eager::Tensor, &bool)| match flows {
            true => Tensor::of(Content::Array(one)),
            false => Tensor::from_array(one.array().clone()),
        };
        Ok(made.into_iter().zip(&self.flows).map(tensor).collect())
    }
}
