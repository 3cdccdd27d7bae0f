//! Operations that are computed at once, and remembered where a gradient may be asked for.
//!
//! A [`Tensor`] is an array and, where it depends on a leaf, the [`Record`] of the operation that made
//! it. Records refer to what they took, so that the operations behind a tensor are a graph, which
//! lives as long as the tensor. [`gradients_of`] writes that graph down once for each structure, adds
//! its gradients, and keeps the plan: the backward pass of a training step is one plan, whose
//! element-wise parts are fused, fed with the arrays that the forward pass left.

mod apply;
mod backward;
mod call;
mod product;
mod tape;

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use smallvec::SmallVec;

use crate::graph::Custom;
use crate::op::Op;

pub use apply::{apply, apply_custom};
pub use backward::{Gradient, gradients_of, leaf_gradients};
pub use call::{Call, apply_call, residuals};
pub use product::Product;

/// An array, and how it came about.
#[derive(Clone, Debug)]
pub struct Tensor {
    array: Array,
    origin: Option<Origin>,
}

/// An output of a record.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What made it.
    pub record: Arc<Record>,
    /// Which of its outputs.
    pub output: u32,
}

/// Whatever the user of a leaf wants to find with it.
pub type Owner = Arc<dyn std::any::Any + Send + Sync>;

/// What operations give.
pub type Outputs = SmallVec<[Tensor; 1]>;

/// An operation that was computed, with what it took and gave.
#[derive(Debug)]
pub struct Record {
    /// Later records have greater ones, so that their order is one to compute them in.
    serial: u64,
    work: Work,
    inputs: SmallVec<[Input; 2]>,
    outputs: SmallVec<[Array; 1]>,
}

/// What an operation took.
#[derive(Debug)]
struct Input {
    elements: Elements,
    origin: Option<Origin>,
}

#[derive(Debug)]
enum Elements {
    Kept(Array),
    /// No gradient reads them. Those of a leaf are not held then, so that its owner alone has them, and
    /// an optimizer can change them where they lie.
    Unread(DType, Shape),
}

#[derive(Debug)]
enum Work {
    /// A tensor that gradients are taken by, of which users know more.
    Leaf(Owner),
    Op(Op),
    Custom(Arc<dyn Custom>),
    Call(Arc<Call>),
}

impl Tensor {
    /// An array that came from outside.
    pub fn new(array: Array) -> Self {
        Self { array, origin: None }
    }

    /// An array that depends on a leaf.
    pub fn with_origin(array: Array, origin: Option<Origin>) -> Self {
        Self { array, origin }
    }

    /// The elements.
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// What made it, where that is remembered.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl Record {
    /// A tensor that gradients are taken by, and what its gradients are for.
    pub fn leaf(owner: Owner) -> Arc<Self> {
        Arc::new(Self::new(Work::Leaf(owner), SmallVec::new(), SmallVec::new()))
    }

    /// What a leaf was made with.
    pub fn owner(&self) -> Option<Owner> {
        match &self.work {
            Work::Leaf(owner) => Some(Arc::clone(owner)),
            _ => None,
        }
    }

    fn new(work: Work, inputs: SmallVec<[Input; 2]>, outputs: SmallVec<[Array; 1]>) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { serial: NEXT.fetch_add(1, Ordering::Relaxed), work, inputs, outputs }
    }

    /// Whether it is a tensor that gradients are taken by.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.work, Work::Leaf(_))
    }

    /// Remembers a computation; gives its outputs.
    fn remember(work: Work, inputs: &[&Tensor], outputs: SmallVec<[Array; 1]>) -> Outputs {
        let taken =
            inputs.iter().enumerate().map(|(index, &input)| match work.keeps(index, inputs) {
                true => Input::kept(input),
                false => Input::unread(input),
            });
        let inputs = taken.collect();
        let record = Arc::new(Self::new(work, inputs, outputs));
        let origin = |output| Origin { record: Arc::clone(&record), output };
        let numbered = (0..).zip(&record.outputs);
        numbered
            .map(|(output, array)| Tensor { array: array.clone(), origin: Some(origin(output)) })
            .collect()
    }
}

impl Work {
    /// Whether the elements of the input at `index` are kept: where gradients may read them, or it is no
    /// leaf, whose elements nobody changes.
    fn keeps(&self, index: usize, inputs: &[&Tensor]) -> bool {
        let is_leaf = inputs[index].origin.as_ref().is_some_and(|one| one.record.is_leaf());
        let is_matrix = |input: &&Tensor| input.array.shape().len() == 2;
        match self {
            // The gradient by a factor is a product with the other; of a stack of matrices it is
            // then summed to the shape of the factor, which is fed for that.
            Self::Op(Op::MatMul { .. }) if is_leaf && inputs.iter().all(is_matrix) => {
                inputs[1 - index].origin.is_some()
            }
            _ => true,
        }
    }
}

impl Input {
    fn kept(tensor: &Tensor) -> Self {
        Self { elements: Elements::Kept(tensor.array.clone()), origin: tensor.origin.clone() }
    }

    fn unread(tensor: &Tensor) -> Self {
        let elements = Elements::Unread(tensor.array.dtype(), *tensor.array.shape());
        Self { elements, origin: tensor.origin.clone() }
    }
}

impl Elements {
    fn kind(&self) -> (DType, Shape) {
        match self {
            Self::Kept(array) => (array.dtype(), *array.shape()),
            Self::Unread(dtype, shape) => (*dtype, *shape),
        }
    }
}

impl Drop for Record {
    /// Frees the records behind this one in a loop, since a chain of them can be a million long.
    fn drop(&mut self) {
        let mut open: Vec<Arc<Self>> = Vec::new();
        let mut inputs = std::mem::take(&mut self.inputs);
        loop {
            open.extend(inputs.drain(..).filter_map(|one| one.origin).map(|one| one.record));
            let Some(record) = open.pop() else { return };
            if let Some(mut last) = Arc::into_inner(record) {
                inputs = std::mem::take(&mut last.inputs);
            }
        }
    }
}
