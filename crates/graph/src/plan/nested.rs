//! Branches and loops: plans within a plan.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape, View};
use ferrule_tensor::ops::OpError;

use super::build::Plan;
use super::variables::Variables;
use super::{Request, Signature};
use crate::error::{Fault, GraphError};
use crate::graph::{Graph, Subgraph};
use crate::op::Op;

/// Time in a loop after which it is asked again whether it is to stop.
pub(crate) const TIME_BETWEEN_STOPS: Duration = Duration::from_millis(20);

thread_local! {
    /// When the loops that this thread runs must have ended, where that is bounded.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// What says that the loops that this thread runs are to stop.
    static STOP: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// What `run` gives, with every loop of the plans that it runs ended by `deadline`, which is
/// [`Fault::Late`]: what a loop does is for the data to say, and data may say that it never ends.
pub fn until<T>(deadline: Instant, run: impl FnOnce() -> T) -> T {
    let before = DEADLINE.replace(Some(deadline));
    let made = run();
    DEADLINE.set(before);
    made
}

/// What `run` gives, with every loop of the plans that it runs ended where `stop`, which is asked now
/// and then, says so; that is [`OpError::Cancelled`].
pub fn stopped_by<T>(stop: Rc<dyn Fn() -> bool>, run: impl FnOnce() -> T) -> T {
    let before = STOP.replace(Some(stop));
    let made = run();
    STOP.set(before);
    made
}

/// Looks, at each step of a loop, whether it is to end.
struct Watch(Instant);

impl Watch {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn look(&mut self) -> Result<(), GraphError> {
        let now = Instant::now();
        if DEADLINE.get().is_some_and(|deadline| now >= deadline) {
            return Err(Fault::Late.into());
        }
        if now - self.0 < TIME_BETWEEN_STOPS {
            return Ok(());
        }
        self.0 = now;
        let stop = STOP.with_borrow(Clone::clone);
        if stop.is_some_and(|stop| stop()) { Err(OpError::Cancelled.into()) } else { Ok(()) }
    }
}

/// Plans that a step runs.
#[derive(Debug)]
pub(crate) enum Nested {
    Branch {
        then: Plan,
        otherwise: Plan,
    },
    Loop {
        cond: Plan,
        body: Plan,
    },
    /// `back` gives gradients by the float inputs of `body`.
    LoopGrad {
        cond: Plan,
        body: Plan,
        back: Box<Plan>,
    },
}

impl Nested {
    /// The plans of `op` on inputs of these dtypes and shapes, and what it gives.
    ///
    /// # Errors
    /// [`GraphError`] where a subgraph does not fit them, or shapes change from step to step.
    pub(crate) fn new(
        graph: &Graph,
        op: &Op,
        inputs: &Signature,
    ) -> Result<(Self, Vec<(DType, Shape)>), GraphError> {
        let fault = |detail: String| GraphError::from(Fault::Attribute { op: op.name(), detail });
        match *op {
            Op::Cond { then, otherwise } => {
                let then = plan(graph, then, &inputs[1..])?;
                let otherwise = plan(graph, otherwise, &inputs[1..])?;
                let (made, other) = (given(&then), given(&otherwise));
                if made != other {
                    let detail =
                        format!("the branches give {made:?} and {other:?}; they must agree");
                    return Err(fault(detail));
                }
                Ok((Self::Branch { then, otherwise }, made))
            }
            Op::While { cond, body } => {
                let (cond, body) = (plan(graph, cond, inputs)?, plan(graph, body, inputs)?);
                let made = given(&body);
                if made != inputs {
                    let detail = format!("a step makes {made:?} of {inputs:?}; shapes must stay");
                    return Err(fault(detail));
                }
                Ok((Self::Loop { cond, body }, made))
            }
            Op::WhileGrad { cond, body, back } => {
                let carries = subgraph(graph, body)?.inputs.len();
                let (cond, body) = (
                    plan(graph, cond, &inputs[..carries])?,
                    plan(graph, body, &inputs[..carries])?,
                );
                let back = plan(graph, back, inputs)?;
                let made = given(&back);
                Ok((Self::LoopGrad { cond, body, back: Box::new(back) }, made))
            }
            _ => Err(fault("it has no subgraphs".into())),
        }
    }

    /// What the step gives for `inputs`. Subgraphs have no variables: what they read is an input.
    ///
    /// # Errors
    /// [`GraphError`] where a nested kernel refuses an element.
    pub(crate) fn run(&mut self, inputs: &[View], draw: u64) -> Result<Vec<Array>, GraphError> {
        let arrays: Vec<Array> = inputs.iter().map(copied).collect();
        let none = &mut Variables::default();
        match self {
            Self::Branch { then, otherwise } => {
                let branch = if is_true(&arrays[0]) { then } else { otherwise };
                branch.run(none, &arrays[1..], draw)
            }
            Self::Loop { cond, body } => {
                let (mut carried, mut watch) = (arrays, Watch::new());
                while is_true(&cond.run(none, &carried, draw)?[0]) {
                    watch.look()?;
                    carried = body.run(none, &carried, draw)?;
                }
                Ok(carried)
            }
            Self::LoopGrad { cond, body, back } => {
                let carries = body.feeds.len();
                let (mut steps, mut watch) = (Vec::new(), Watch::new());
                let mut carried = arrays[..carries].to_vec();
                while is_true(&cond.run(none, &carried, draw)?[0]) {
                    watch.look()?;
                    let next = body.run(none, &carried, draw)?;
                    steps.push(std::mem::replace(&mut carried, next));
                }
                let mut grads = arrays[carries..].to_vec();
                for mut step in steps.into_iter().rev() {
                    watch.look()?;
                    step.extend(grads);
                    grads = back.run(none, &step, draw)?;
                }
                Ok(grads)
            }
        }
    }
}

fn subgraph(graph: &Graph, id: u32) -> Result<&Arc<Subgraph>, GraphError> {
    let missing = Fault::Attribute { op: "cond", detail: format!("there is no subgraph {id}") };
    Ok(graph.subgraphs().get(id as usize).ok_or(missing)?)
}

fn plan(graph: &Graph, id: u32, inputs: &Signature) -> Result<Plan, GraphError> {
    let subgraph = subgraph(graph, id)?;
    let request = Request {
        fetches: subgraph.outputs.clone(),
        targets: Vec::new(),
        feeds: subgraph.inputs.clone(),
    };
    Plan::new(&subgraph.graph, &request, inputs)
}

/// What a plan gives.
fn given(plan: &Plan) -> Vec<(DType, Shape)> {
    plan.fetches.iter().map(|fetch| (fetch.dtype, fetch.shape)).collect()
}

fn is_true(array: &Array) -> bool {
    array.as_bytes().first().is_some_and(|&byte| byte != 0)
}

/// An array of its own.
pub(crate) fn copied(view: &View) -> Array {
    let bytes = view.shape.elements() * view.dtype.size();
    let mut buffer = Buffer::uncleared(bytes);
    buffer.as_mut_slice::<u8>(bytes).copy_from_slice(view.data.as_slice(bytes));
    Array::from_buffer(view.dtype, *view.shape, Arc::new(buffer))
}
