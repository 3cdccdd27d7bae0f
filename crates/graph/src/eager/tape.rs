//! The operations behind tensors, in order: what the backward pass of a step looks at each time.

use std::collections::HashMap;
use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use smallvec::SmallVec;

use super::call::Call;
use super::{Elements, Input, Record, Tensor, Work};
use crate::op::Op;

/// Where an input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ref {
    /// An array that a leaf had.
    Version(u32),
    /// A leaf, whose elements no gradient reads.
    Leaf(u32),
    /// An output of a step.
    Output(u32, u32),
    /// An array without history.
    Given(u32),
}

/// Records and the arrays between them.
pub(super) struct Tape {
    pub(super) steps: Vec<Step>,
    pub(super) leaves: Vec<Leaf>,
    /// The arrays that leaves had when they were used: (leaf, array).
    pub(super) versions: Vec<(u32, Array)>,
    pub(super) given: Vec<Array>,
    /// Where it starts.
    pub(super) ys: Vec<Ref>,
    places: HashMap<*const Record, u32>,
}

pub(super) struct Leaf {
    pub(super) record: Arc<Record>,
    pub(super) kind: (DType, Shape),
}

pub(super) struct Step {
    pub(super) record: Arc<Record>,
    pub(super) inputs: SmallVec<[Ref; 3]>,
}

impl Tape {
    /// The tape of everything that `ys` depend on.
    pub(super) fn new<'t>(ys: impl IntoIterator<Item = &'t Tensor>) -> Self {
        let ys: SmallVec<[&Tensor; 2]> = ys.into_iter().collect();
        let mut tape = Self {
            steps: Vec::new(),
            leaves: Vec::new(),
            versions: Vec::new(),
            given: Vec::new(),
            ys: Vec::new(),
            places: HashMap::new(),
        };
        for record in reachable(&ys) {
            if record.is_leaf() {
                continue;
            }
            let inputs = record.inputs.iter().map(|input| tape.place_of(input)).collect();
            tape.places.insert(Arc::as_ptr(&record), tape.steps.len() as u32);
            tape.steps.push(Step { record, inputs });
        }
        tape.ys = ys.iter().map(|y| tape.place_of(&Input::kept(y))).collect();
        tape
    }

    /// Where what was taken is on the tape.
    fn place_of(&mut self, Input { elements, origin }: &Input) -> Ref {
        let Some(origin) = origin else {
            let Elements::Kept(array) = elements else {
                unreachable!("only elements of leaves are not kept")
            };
            self.given.push(array.clone());
            return Ref::Given(self.given.len() as u32 - 1);
        };
        if !origin.record.is_leaf() {
            return Ref::Output(self.places[&Arc::as_ptr(&origin.record)], origin.output);
        }
        let leaf = self.leaf(&origin.record, elements.kind());
        match elements {
            Elements::Kept(array) => self.version(leaf, array),
            Elements::Unread(..) => Ref::Leaf(leaf),
        }
    }

    fn leaf(&mut self, record: &Arc<Record>, kind: (DType, Shape)) -> u32 {
        *self.places.entry(Arc::as_ptr(record)).or_insert_with(|| {
            self.leaves.push(Leaf { record: Arc::clone(record), kind });
            self.leaves.len() as u32 - 1
        })
    }

    fn version(&mut self, leaf: u32, array: &Array) -> Ref {
        let is_same = |version: &(u32, Array)| {
            version.0 == leaf && Arc::ptr_eq(version.1.buffer(), array.buffer())
        };
        let known = self.versions.iter().rposition(is_same);
        let index = known.unwrap_or_else(|| {
            self.versions.push((leaf, array.clone()));
            self.versions.len() - 1
        });
        Ref::Version(index as u32)
    }

    /// The leaf or the output that `tensor` is; `None` where it is not on the tape.
    pub(super) fn find(&self, tensor: &Tensor) -> Option<Place> {
        let origin = tensor.origin.as_ref()?;
        let place = *self.places.get(&Arc::as_ptr(&origin.record))?;
        if origin.record.is_leaf() {
            return Some(Place::Leaf(place));
        }
        Some(Place::Output(place, origin.output))
    }
}

/// What a gradient is taken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Leaf(u32),
    Output(u32, u32),
}

/// The records that `ys` depend on, each after those that it depends on.
fn reachable(ys: &[&Tensor]) -> Vec<Arc<Record>> {
    let mut found: HashMap<*const Record, Arc<Record>> = HashMap::new();
    let mut open: Vec<&Arc<Record>> = Vec::new();
    for y in ys {
        open.extend(y.origin.as_ref().map(|origin| &origin.record));
    }
    while let Some(record) = open.pop() {
        if found.insert(Arc::as_ptr(record), Arc::clone(record)).is_some() {
            continue;
        }
        let origins = record.inputs.iter().filter_map(|input| input.origin.as_ref());
        open.extend(origins.map(|origin| &origin.record));
    }
    let mut records: Vec<Arc<Record>> = found.into_values().collect();
    records.sort_unstable_by_key(|record| record.serial);
    records
}

/// What two tapes must have in common to have one plan.
#[derive(Debug)]
pub(super) struct Outline {
    steps: Vec<(Kind, SmallVec<[Ref; 3]>)>,
    kinds: Vec<(DType, Shape)>,
    versions: Vec<u32>,
    ends: Ends,
}

/// Where gradients start, and what they are taken by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) ys: Vec<Ref>,
    /// Whether each of `ys` has a weight.
    pub(super) weighted: Vec<bool>,
    pub(super) xs: Vec<Place>,
    /// Whether gradients may be left as products.
    pub(super) defers: bool,
}

#[derive(Debug)]
enum Kind {
    Op(Op),
    /// An operation of the user's, or a graph, by the address of what the outline holds.
    Custom(Arc<dyn crate::graph::Custom>),
    Call(Arc<Call>),
}

impl Kind {
    fn is_of(&self, work: &Work) -> bool {
        match (self, work) {
            (Self::Op(a), Work::Op(b)) => a == b,
            (Self::Custom(a), Work::Custom(b)) => Arc::ptr_eq(a, b),
            (Self::Call(a), Work::Call(b)) => {
                Arc::ptr_eq(&a.graph, &b.graph) && a.inputs == b.inputs && a.outputs == b.outputs
            }
            _ => false,
        }
    }
}

impl Outline {
    /// What is kept of a tape.
    pub(super) fn of(tape: &Tape, ends: &Ends, weights: &[Option<Array>]) -> Self {
        let step = |step: &Step| {
            let kind = match &step.record.work {
                Work::Op(op) => Kind::Op(op.clone()),
                Work::Custom(custom) => Kind::Custom(Arc::clone(custom)),
                Work::Call(call) => Kind::Call(Arc::new(call.without_residuals())),
                Work::Leaf(_) => unreachable!("leaves are no steps"),
            };
            (kind, step.inputs.clone())
        };
        Self {
            steps: tape.steps.iter().map(step).collect(),
            kinds: kinds(tape, weights).collect(),
            versions: tape.versions.iter().map(|version| version.0).collect(),
            ends: ends.clone(),
        }
    }

    /// Whether a tape has this outline.
    pub(super) fn fits(&self, tape: &Tape, ends: &Ends, weights: &[Option<Array>]) -> bool {
        self.steps.len() == tape.steps.len()
            && self.ends == *ends
            && tape.versions.iter().map(|version| &version.0).eq(&self.versions)
            && self.steps.iter().zip(&tape.steps).all(|((kind, inputs), step)| {
                *inputs == step.inputs && kind.is_of(&step.record.work)
            })
            && kinds(tape, weights).eq(self.kinds.iter().copied())
    }
}

/// The dtypes and shapes of all leaves and arrays of a tape.
fn kinds<'t>(
    tape: &'t Tape,
    weights: &'t [Option<Array>],
) -> impl Iterator<Item = (DType, Shape)> + 't {
    let versions = tape.versions.iter().map(|version| &version.1);
    let outputs = tape.steps.iter().flat_map(|step| &step.record.outputs);
    let all = versions.chain(&tape.given).chain(outputs).chain(weights.iter().flatten());
    let arrays = all.map(|array| (array.dtype(), *array.shape()));
    tape.leaves.iter().map(|leaf| leaf.kind).chain(arrays)
}
