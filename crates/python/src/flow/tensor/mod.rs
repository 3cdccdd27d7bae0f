//! Tensors that are computed at once: `ferrule.flow.Tensor`.
//!
//! One file a family of methods. Every operation goes through [`apply`], which computes it, or, while
//! a function is traced, adds it to the function's graph.

mod absence;
mod branches;
mod compiled;
mod convert;
mod gradients;
mod in_place;
mod indexing;
mod layout;
mod math;
mod named;
mod operation;
mod operators;
mod reduce;
mod scalar;
mod trace;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ferrule_base::DType;
use ferrule_graph::eager::{self, Record};
use ferrule_graph::{Op, Value};
use ferrule_tensor::array::{Array, Shape};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use smallvec::SmallVec;

pub(crate) use branches::{TracedPart, part_abort, part_begin, part_end, trace_cond, trace_while};
pub(crate) use compiled::CompiledFunction;
pub(crate) use convert::{tensor_fed, tensor_from, tensor_shared};
pub(crate) use gradients::{is_grad_enabled, set_grad_enabled, tensor_gradients};
pub(crate) use operation::{TensorFunction, TensorOp};
pub(crate) use trace::{is_tracing, tensor_signature, trace_abort, trace_begin, trace_end};

use super::take_failure;
use super::where_::raised_here;
use absence::Absence;

/// An array of one dtype, with its history where gradients may be asked for.
#[pyclass(module = "ferrule.flow", weakref)]
#[derive(Debug)]
pub(crate) struct Tensor {
    content: Content,
    /// Where gradients are taken by this tensor: its record, and where they go.
    leaf: Option<Leaf>,
    /// Younger tensors have greater ones.
    serial: u64,
    /// Whether it was made for one call, of an array that may change after it.
    is_fed: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Array(eager::Tensor),
    /// A value of a graph that is being traced.
    Symbol(Symbol),
    /// The array is with a function that runs and will change it.
    Away {
        dtype: DType,
        shape: Shape,
        absence: Arc<Absence>,
    },
}

/// A value of the graph of trace number `trace`.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    trace: u64,
    value: Value,
    dtype: DType,
    shape: Shape,
    requires_grad: bool,
}

/// What a tensor has that gradients are taken by. Its gradient goes with it, though history that began
/// with it may live on, such as that of the gradient itself.
#[derive(Debug)]
struct Leaf {
    record: Arc<Record>,
    slot: Arc<Slot>,
}

/// The gradient that has come to a leaf.
#[derive(Debug, Default)]
struct Slot(Mutex<SlotState>);

#[derive(Debug, Default)]
struct SlotState {
    grad: Option<Grad>,
    /// How often it changed, so that what is made of a gradient does not take the place of a later one.
    n_changes: u64,
    /// Whether the leaf is gone, so that nobody can see a gradient.
    is_closed: bool,
}

#[derive(Debug)]
enum Grad {
    Tensor(Py<Tensor>),
    /// What `backward` left, until somebody reads it.
    Product(eager::Product),
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.slot.close();
    }
}

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Leaf {
    fn new() -> Self {
        let slot = Arc::new(Slot::default());
        let owner: Arc<dyn std::any::Any + Send + Sync> = slot.clone();
        Self { record: Record::leaf(owner), slot }
    }
}

impl Tensor {
    fn of(content: Content) -> Self {
        Self { content, leaf: None, serial: next_serial(), is_fed: false }
    }

    /// A tensor of an array without history.
    fn from_array(array: Array) -> Self {
        Self::of(Content::Array(eager::Tensor::new(array)))
    }

    fn dtype(&self) -> DType {
        match &self.content {
            Content::Array(tensor) => tensor.array().dtype(),
            Content::Symbol(symbol) => symbol.dtype,
            Content::Away { dtype, .. } => *dtype,
        }
    }

    fn shape(&self) -> Shape {
        match &self.content {
            Content::Array(tensor) => *tensor.array().shape(),
            Content::Symbol(symbol) => symbol.shape,
            Content::Away { shape, .. } => *shape,
        }
    }

    /// The tensor as the engine takes it, with its leaf as its origin; waited for where a function that
    /// runs in another thread changes it.
    fn eager(slf: &Bound<'_, Self>) -> PyResult<eager::Tensor> {
        loop {
            let absence = match slf.borrow().present()? {
                Ok(tensor) => return Ok(tensor),
                Err(absence) => absence,
            };
            absence.wait(slf.py())?;
        }
    }

    /// The tensor as the engine takes it, or what tells when it is back.
    fn present(&self) -> PyResult<Result<eager::Tensor, Arc<Absence>>> {
        match (&self.content, &self.leaf) {
            (Content::Array(tensor), None) => Ok(Ok(tensor.clone())),
            (Content::Array(tensor), Some(leaf)) => {
                let record = Arc::clone(&leaf.record);
                let origin = eager::Origin { record, output: 0 };
                Ok(Ok(eager::Tensor::with_origin(tensor.array().clone(), Some(origin))))
            }
            (Content::Symbol(_), _) if trace::is_active() => Err(unknown_value()),
            (Content::Symbol(_), _) => Err(escaped()),
            (Content::Away { absence, .. }, _) => Ok(Err(Arc::clone(absence))),
        }
    }

    /// The same as `eager`, to be remembered for gradients.
    fn lasting(slf: &Bound<'_, Self>) -> PyResult<eager::Tensor> {
        let tensor = Self::eager(slf)?;
        if !slf.borrow().is_fed {
            return Ok(tensor);
        }
        Ok(eager::Tensor::new(tensor.array().owned()))
    }

    /// The array.
    fn array(slf: &Bound<'_, Self>) -> PyResult<Array> {
        Self::eager(slf).map(|tensor| tensor.array().clone())
    }

    /// Where gradients by this tensor go.
    fn slot(&self) -> Option<Arc<Slot>> {
        self.leaf.as_ref().map(|leaf| Arc::clone(&leaf.slot))
    }

    fn requires_grad(&self) -> bool {
        match &self.content {
            Content::Array(tensor) => self.leaf.is_some() || tensor.origin().is_some(),
            Content::Symbol(symbol) => symbol.requires_grad,
            Content::Away { .. } => self.leaf.is_some(),
        }
    }
}

/// What is said of a value of a trace that has ended.
fn escaped() -> PyErr {
    PyRuntimeError::new_err(
        "a tensor of a traced function was used after its trace had ended: return it from the function \
         instead of keeping it",
    )
}

fn unknown_value() -> PyErr {
    PyRuntimeError::new_err(
        "the value of a tensor is not known while its function is traced: use flow.where() or flow.cond() \
         in place of `if`, flow.while_loop() in place of `while`, and leave numpy(), item(), print and \
         float() to the code around the function",
    )
}

/// The outputs of `op`.
fn apply(
    py: Python<'_>,
    op: &Op,
    inputs: &[&Bound<'_, Tensor>],
) -> PyResult<SmallVec<[Tensor; 1]>> {
    if trace::is_active()
        && let Some(outputs) = trace::apply(py, op, inputs)?
    {
        return Ok(outputs);
    }
    let tensors: SmallVec<[eager::Tensor; 3]> =
        inputs.iter().map(|input| Tensor::eager(input)).collect::<PyResult<_>>()?;
    let given: SmallVec<[&eager::Tensor; 3]> = tensors.iter().collect();
    let recording = gradients::is_enabled();
    let is_large = tensors.iter().any(|tensor| tensor.array().elements() > DETACH_ELEMENTS);
    let compute = || eager::apply(op, &given, recording);
    let made = if is_large { py.detach(compute) } else { compute() };
    let made = made.map_err(|error| take_failure().unwrap_or_else(|| raised_here(py, &error)))?;
    Ok(made.into_iter().map(|tensor| Tensor::of(Content::Array(tensor))).collect())
}

/// Operations on more elements than this run without the GIL, which costs about as much to give up
/// and take back as so many elements take.
const DETACH_ELEMENTS: usize = 1 << 13;

/// The one output of `op`.
fn apply_one(py: Python<'_>, op: &Op, inputs: &[&Bound<'_, Tensor>]) -> PyResult<Tensor> {
    let made = apply(py, op, inputs)?.into_iter().next();
    made.ok_or_else(|| PyRuntimeError::new_err(format!("`{}` gives nothing", op.name())))
}

/// The one output of `op` of the output of something else.
fn then(py: Python<'_>, tensor: Tensor, op: &Op) -> PyResult<Tensor> {
    apply_one(py, op, &[&Bound::new(py, tensor)?])
}
