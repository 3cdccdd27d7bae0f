//! Gradients of what was computed.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};

use super::call::{Call, apply_call};
use super::product;
use super::tape::{Ends, Outline, Place, Ref, Step, Tape};
use super::{Origin, Outputs, Product, Record, Tensor, Work};
use crate::error::{Fault, GraphError};
use crate::gradient::gradients;
use crate::graph::{Graph, Value};
use crate::op::Op;
use crate::plan::{Request, needed_nodes};
use crate::session::Session;

/// The most structures whose plans a thread keeps; the one not used for longest goes.
const KEPT_MAX: usize = 32;

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// The gradients of a structure, planned.
struct Kept {
    outline: Outline,
    backward: Backward,
    session: Session,
    /// Whether it has not run. A step that takes products is planned for them, which a structure that
    /// never comes again is not worth.
    is_new: bool,
}

/// The graph of a tape with its gradients.
struct Backward {
    graph: Arc<Graph>,
    request: Request,
    /// Where what is fed comes from.
    sources: Vec<Source>,
    /// How each gradient is made of what is fetched; `None` where nothing depends on it.
    grads: Vec<Option<Made>>,
    /// The values of tensors that the gradients are a function of.
    inputs: Vec<(Value, Source)>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Version(u32),
    Output(u32, u32),
    Given(u32),
    Weight(u32),
    Residual(u32, u32),
}

/// How a gradient is made of what is fetched.
#[derive(Clone, Copy, Debug)]
enum Made {
    Fetched,
    /// Of two factors, each transposed where said.
    Product([bool; 2]),
}

/// A gradient, or what it is the product of.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "said above")]
pub enum Gradient {
    Tensor(Tensor),
    Product(Product),
}

/// Where gradients start: tensors, each with what its elements are weighted by.
type Starts<'a> = [(&'a Tensor, Option<&'a Tensor>)];

/// The gradients of the sum of `ys`, each weighted by the array beside it, by each of `xs`; `None` where
/// nothing depends on it. Where `recording`, the gradients are remembered too, so that they have gradients.
///
/// # Errors
/// [`GraphError`] where an operation on the way has no gradient, or a kernel refuses an element.
pub fn gradients_of(
    ys: &Starts,
    xs: &[&Tensor],
    recording: bool,
) -> Result<Vec<Option<Tensor>>, GraphError> {
    let tape = Tape::new(ys.iter().map(|y| y.0));
    let places: Vec<Option<Place>> = xs.iter().map(|x| tape.find(x)).collect();
    let wanted = places.iter().flatten().copied().collect();
    let mut made = run(&tape, ys, wanted, recording, false)?.into_iter();
    let tensor = |place: Option<Place>| match place.and_then(|_| made.next()?)? {
        Gradient::Tensor(tensor) => Some(tensor),
        Gradient::Product(_) => unreachable!("nothing was to be left as a product"),
    };
    Ok(places.into_iter().map(tensor).collect())
}

/// The gradients of `y`, weighted by `weight`, by all leaves that it depends on. Where they are not
/// `recording`, those that are matrix products are left as such, of structures that were seen before:
/// a step down such a gradient is cheaper without it.
///
/// # Errors
/// As [`gradients_of`].
pub fn leaf_gradients(
    y: &Tensor,
    weight: Option<&Tensor>,
    recording: bool,
) -> Result<Vec<(Arc<Record>, Gradient)>, GraphError> {
    let tape = Tape::new([y]);
    let wanted = (0..tape.leaves.len() as u32).map(Place::Leaf).collect();
    let made = run(&tape, &[(y, weight)], wanted, recording, !recording)?;
    let leaves = tape.leaves.into_iter().map(|leaf| leaf.record);
    Ok(leaves.zip(made).filter_map(|(leaf, grad)| Some((leaf, grad?))).collect())
}

/// The gradients by places on a tape.
fn run(
    tape: &Tape,
    ys: &Starts,
    xs: Vec<Place>,
    recording: bool,
    defers: bool,
) -> Result<Vec<Option<Gradient>>, GraphError> {
    let weights: Vec<Option<Array>> = ys.iter().map(|y| Some(y.1?.array().clone())).collect();
    let weighted = weights.iter().map(Option::is_some).collect();
    let ends = Ends { ys: tape.ys.clone(), weighted, xs, defers };
    let mut kept = find(tape, &ends, &weights)?;
    let arrays = kept.backward.arrays(tape, &weights);
    let made = kept.session.run(&kept.backward.graph, &kept.backward.request, &arrays);
    let weights: Vec<Tensor> = ys.iter().filter_map(|y| y.1.cloned()).collect();
    let made = made.map(|made| kept.backward.remember(tape, &arrays, &weights, made, recording));
    let is_new = std::mem::take(&mut kept.is_new);
    KEPT.with_borrow_mut(|all| all.push(kept));
    if is_new { made?.into_iter().map(multiplied).collect() } else { made }
}

/// The gradient as a tensor.
fn multiplied(grad: Option<Gradient>) -> Result<Option<Gradient>, GraphError> {
    Ok(match grad {
        Some(Gradient::Product(product)) => {
            Some(Gradient::Tensor(Tensor::new(product.multiply()?)))
        }
        other => other,
    })
}

/// The plan of a tape, taken from those that are kept or made.
fn find(tape: &Tape, ends: &Ends, weights: &[Option<Array>]) -> Result<Kept, GraphError> {
    let known = KEPT.with_borrow_mut(|all| {
        let index = all.iter().rposition(|kept| kept.outline.fits(tape, ends, weights));
        if index.is_none() && all.len() >= KEPT_MAX {
            all.remove(0);
        }
        index.map(|index| all.remove(index))
    });
    match known {
        Some(kept) => Ok(kept),
        None => Ok(Kept {
            outline: Outline::of(tape, ends, weights),
            backward: Backward::new(tape, ends, weights)?,
            session: Session::new(),
            is_new: true,
        }),
    }
}

impl Backward {
    fn new(tape: &Tape, ends: &Ends, weights: &[Option<Array>]) -> Result<Self, GraphError> {
        let mut drawing = Drawing::new(tape)?;
        for (number, step) in (0..).zip(&tape.steps) {
            drawing.step(number, step)?;
        }
        let mut placeholders = Vec::new();
        for (number, weight) in (0..).zip(weights.iter().flatten()) {
            let value = drawing.placeholder((weight.dtype(), *weight.shape()))?;
            drawing.sources.insert(value, Source::Weight(number));
            placeholders.push(value);
        }
        let mut next = placeholders.iter();
        let weighted =
            ends.weighted.iter().map(|&has| if has { next.next().copied() } else { None });
        let weighted: Vec<Option<Value>> = weighted.collect();
        let ys: Vec<Value> = ends.ys.iter().map(|&y| drawing.value(y)).collect();
        let xs = ends.xs.iter().map(|&x| match x {
            Place::Leaf(leaf) => drawing.leaves[leaf as usize],
            Place::Output(step, output) => drawing.outputs[step as usize][output as usize],
        });
        let xs: Vec<Value> = xs.collect();
        let grads = gradients(&mut drawing.graph, &ys, &weighted, &xs)?;
        Ok(drawing.finish(grads, ends.defers))
    }

    /// What is fed.
    fn arrays(&self, tape: &Tape, weights: &[Option<Array>]) -> Vec<Array> {
        let weights: Vec<&Array> = weights.iter().flatten().collect();
        let array = |source: &Source| match *source {
            Source::Version(index) => tape.versions[index as usize].1.clone(),
            Source::Given(index) => tape.given[index as usize].clone(),
            Source::Weight(index) => weights[index as usize].clone(),
            Source::Output(step, output) => {
                tape.steps[step as usize].record.outputs[output as usize].clone()
            }
            Source::Residual(step, index) => match &tape.steps[step as usize].record.work {
                Work::Call(call) => call.residuals[index as usize].1.clone(),
                _ => unreachable!("only calls leave values on the way"),
            },
        };
        self.sources.iter().map(array).collect()
    }

    /// The gradients that were made, as tensors.
    fn remember(
        &self,
        tape: &Tape,
        fed: &[Array],
        weights: &[Tensor],
        made: Vec<Array>,
        recording: bool,
    ) -> Vec<Option<Gradient>> {
        let made: Outputs = if recording {
            let inputs: Vec<Tensor> =
                self.inputs.iter().map(|one| one.1.tensor(tape, weights)).collect();
            let call = Call {
                graph: Arc::clone(&self.graph),
                inputs: self.inputs.iter().map(|one| one.0).collect(),
                outputs: self.request.fetches.clone(),
                residuals: self.request.feeds.iter().copied().zip(fed.iter().cloned()).collect(),
            };
            apply_call(call, &inputs.iter().collect::<Vec<_>>(), made)
        } else {
            made.into_iter().map(Tensor::new).collect()
        };
        let mut made = made.into_iter();
        let mut next = || made.next().unwrap_or_else(|| unreachable!("all was fetched"));
        let gradient = |grad: Made| match grad {
            Made::Fetched => Gradient::Tensor(next()),
            Made::Product(transposed) => {
                let factors = [next().array, next().array];
                Gradient::Product(Product { factors, transposed })
            }
        };
        let mut gradient = gradient;
        self.grads.iter().map(|grad| grad.map(&mut gradient)).collect()
    }
}

impl Source {
    /// The tensor whose value it is.
    fn tensor(self, tape: &Tape, weights: &[Tensor]) -> Tensor {
        let of = |array: &Array, record: &Arc<Record>, output| {
            let origin = Origin { record: Arc::clone(record), output };
            Tensor::with_origin(array.clone(), Some(origin))
        };
        match self {
            Self::Version(index) => {
                let (leaf, array) = &tape.versions[index as usize];
                of(array, &tape.leaves[*leaf as usize].record, 0)
            }
            Self::Output(step, output) => {
                let record = &tape.steps[step as usize].record;
                of(&record.outputs[output as usize], record, output)
            }
            Self::Given(index) => Tensor::new(tape.given[index as usize].clone()),
            Self::Weight(index) => weights[index as usize].clone(),
            Self::Residual(..) => unreachable!("values inside of a call are no tensors"),
        }
    }
}

/// A tape on its way to a graph.
struct Drawing {
    graph: Graph,
    leaves: Vec<Value>,
    versions: Vec<Value>,
    given: Vec<Value>,
    outputs: Vec<Vec<Value>>,
    /// Values whose arrays are there.
    sources: HashMap<Value, Source>,
}

impl Drawing {
    fn new(tape: &Tape) -> Result<Self, GraphError> {
        let mut drawing = Self {
            graph: Graph::new(),
            leaves: Vec::new(),
            versions: Vec::new(),
            given: Vec::new(),
            outputs: Vec::new(),
            sources: HashMap::new(),
        };
        for leaf in &tape.leaves {
            let value = drawing.placeholder(leaf.kind)?;
            drawing.leaves.push(value);
        }
        for (number, (leaf, _)) in (0..).zip(&tape.versions) {
            let leaf = drawing.leaves[*leaf as usize];
            let value = Value::of(drawing.graph.add(Op::Identity, &[leaf], &[])?);
            drawing.versions.push(value);
            drawing.sources.insert(value, Source::Version(number));
        }
        for (number, array) in (0..).zip(&tape.given) {
            let value = drawing.placeholder((array.dtype(), *array.shape()))?;
            drawing.given.push(value);
            drawing.sources.insert(value, Source::Given(number));
        }
        Ok(drawing)
    }

    fn placeholder(&mut self, (dtype, shape): (DType, Shape)) -> Result<Value, GraphError> {
        let shape = Some(shape.iter().map(|&size| Some(size)).collect());
        let op = Op::Placeholder { dtype, shape };
        Ok(Value::of(self.graph.add(op, &[], &[])?))
    }

    fn value(&self, reference: Ref) -> Value {
        match reference {
            Ref::Version(index) => self.versions[index as usize],
            Ref::Leaf(index) => self.leaves[index as usize],
            Ref::Given(index) => self.given[index as usize],
            Ref::Output(step, output) => self.outputs[step as usize][output as usize],
        }
    }

    fn step(&mut self, number: u32, step: &Step) -> Result<(), GraphError> {
        let inputs: Vec<Value> = step.inputs.iter().map(|&input| self.value(input)).collect();
        let count = step.record.outputs.len() as u32;
        let outputs = match &step.record.work {
            Work::Op(op) => self.node(op.clone(), &inputs, count)?,
            Work::Custom(custom) => {
                let known = |array: &Array| {
                    let dims = array.shape().iter().map(|&size| Some(size)).collect();
                    (array.dtype(), Some(dims))
                };
                let outputs = step.record.outputs.iter().map(known).collect();
                let id = self.graph.add_custom(Arc::clone(custom));
                self.node(Op::Custom { id, outputs }, &inputs, count)?
            }
            Work::Call(call) => self.call(number, call, &inputs)?,
            Work::Leaf(_) => unreachable!("leaves are no steps"),
        };
        for (output, &value) in (0..).zip(&outputs) {
            self.sources.insert(value, Source::Output(number, output));
        }
        self.outputs.push(outputs);
        Ok(())
    }

    fn node(&mut self, op: Op, inputs: &[Value], count: u32) -> Result<Vec<Value>, GraphError> {
        let node = self.graph.add(op, inputs, &[])?;
        Ok((0..count).map(|output| Value { node, output }).collect())
    }

    /// Copies the graph of a call.
    fn call(
        &mut self,
        number: u32,
        call: &Call,
        inputs: &[Value],
    ) -> Result<Vec<Value>, GraphError> {
        let needed = needed_nodes(
            &call.graph,
            &Request {
                fetches: call.outputs.clone(),
                targets: Vec::new(),
                feeds: call.inputs.clone(),
            },
        )?;
        let mut copies: HashMap<Value, Value> =
            call.inputs.iter().copied().zip(inputs.iter().copied()).collect();
        for node in needed {
            let made = self.graph.copy_node(&call.graph, node, &copies)?;
            for output in 0..call.graph.nodes()[node as usize].outputs.len() as u32 {
                copies.entry(Value { node, output }).or_insert(Value { node: made, output });
            }
        }
        for (index, (value, _)) in (0..).zip(&call.residuals) {
            if let Some(&copy) = copies.get(value) {
                self.sources.entry(copy).or_insert(Source::Residual(number, index));
            }
        }
        // An output that is an input, or is given twice, must be a value of its own.
        let outputs = call.outputs.iter().map(|value| {
            let Value { node, output } = *value;
            let copy = copies.get(value).ok_or(Fault::NoSuchValue { node, output })?;
            Ok(Value::of(self.graph.add(Op::Identity, &[*copy], &[])?))
        });
        outputs.collect()
    }

    /// The gradients, and what must be fed for them.
    fn finish(self, grads: Vec<Option<Value>>, defers: bool) -> Backward {
        let mut fetches = Vec::new();
        let made = grads.iter().map(|grad| {
            let grad = (*grad)?;
            let product = product::factors(&self.graph, grad)
                .filter(|_| defers && self.is_last(grad, &grads));
            Some(match product {
                Some((factors, transposed)) => {
                    fetches.extend(factors);
                    Made::Product(transposed)
                }
                None => {
                    fetches.push(grad);
                    Made::Fetched
                }
            })
        });
        let grads = made.collect();
        let inputs = self.frontier(&fetches, |source| !matches!(source, Source::Residual(..)));
        let (feeds, sources) = self.frontier(&fetches, |_| true).into_iter().unzip();
        let request = Request { fetches, targets: Vec::new(), feeds };
        Backward { graph: Arc::new(self.graph), request, sources, grads, inputs }
    }

    /// Whether nothing is computed from one of the `grads`, nor is it that of two.
    fn is_last(&self, grad: Value, grads: &[Option<Value>]) -> bool {
        let reads = self.graph.nodes().iter().any(|node| node.inputs.contains(&grad));
        !reads && grads.iter().filter(|&&one| one == Some(grad)).count() == 1
    }

    /// The first values with a source, of those that `stops`, on all ways back from `fetches`.
    fn frontier(&self, fetches: &[Value], stops: impl Fn(Source) -> bool) -> Vec<(Value, Source)> {
        let mut open = fetches.to_vec();
        let mut seen: HashSet<Value> = open.iter().copied().collect();
        let mut found: Vec<(Value, Source)> = Vec::new();
        while let Some(value) = open.pop() {
            if let Some(&source) = self.sources.get(&value).filter(|&&source| stops(source)) {
                found.push((value, source));
                continue;
            }
            let node = &self.graph.nodes()[value.node as usize];
            open.extend(node.inputs.iter().filter(|&&input| seen.insert(input)));
        }
        found.sort_unstable_by_key(|one| one.0);
        found
    }
}
