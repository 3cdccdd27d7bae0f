//! What each part of a plan costs, taken while it runs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ferrule_base::DType;
use ferrule_tensor::array::Shape;
use ferrule_tensor::ops::tape::Inst;

use super::build::{Group, Operand, Plan, Step, Work};
use super::cost::{cost_of, window_of};
use super::nested::Nested;
use crate::graph::{Graph, Value};
use crate::op::Op;

/// What looks on while plans run. That of `()` is nothing, and costs nothing.
pub(crate) trait Observer {
    /// The plan of this number is about to run.
    fn begin(&mut self, number: u64, plan: &Plan);

    /// Runs step `step` of the plan that has begun.
    fn step<R>(&mut self, step: usize, run: impl FnOnce() -> R) -> R;

    /// Runs the user's operation at `node`.
    fn custom<R>(&mut self, graph: &Graph, node: u32, run: impl FnOnce() -> R) -> R;
}

impl Observer for () {
    #[inline]
    fn begin(&mut self, _number: u64, _plan: &Plan) {}

    #[inline]
    fn step<R>(&mut self, _step: usize, run: impl FnOnce() -> R) -> R {
        run()
    }

    #[inline]
    fn custom<R>(&mut self, _graph: &Graph, _node: u32, run: impl FnOnce() -> R) -> R {
        run()
    }
}

/// What runs cost, part by part.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Runs that were timed.
    pub calls: usize,
    /// What they took, all together.
    pub total: Duration,
    /// What is done, in the order in which it is first done.
    pub parts: Vec<Part>,
}

/// One pass over memory.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is: an operation, "fused" for several in one pass, "scalars" for a whole plan of them.
    pub name: &'static str,
    /// The functions of a pass that has several, in their order.
    pub members: Vec<&'static str>,
    /// The nodes that it comes from.
    pub nodes: Vec<u32>,
    /// What it reads.
    pub inputs: Vec<(DType, Shape)>,
    /// What it gives.
    pub outputs: Vec<(DType, Shape)>,
    /// Bytes that a run reads.
    pub bytes_read: u64,
    /// Bytes that a run writes.
    pub bytes_written: u64,
    /// Arithmetic operations of a run; 0 of what only moves elements.
    pub operations: u64,
    /// Runs.
    pub calls: u64,
    /// What they took, all together.
    pub time: Duration,
}

/// Takes the time of each part.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    pub(crate) profile: Profile,
    /// Where the parts of a plan begin.
    plans: HashMap<u64, usize>,
    customs: HashMap<u32, usize>,
    /// Where those of the plan that runs begin.
    first: usize,
    /// What it takes to look at the clock.
    look: Duration,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        let looks = (0..LOOKS).map(|_| Instant::now().elapsed());
        let look = looks.min().unwrap_or_default();
        let profile = Profile::default();
        Self { profile, plans: HashMap::new(), customs: HashMap::new(), first: 0, look }
    }

    fn time<R>(&mut self, part: usize, run: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let made = run();
        let time = start.elapsed().saturating_sub(self.look);
        let part = &mut self.profile.parts[part];
        part.calls += 1;
        part.time += time;
        made
    }
}

/// How often the clock is looked at to see what that takes.
const LOOKS: usize = 100;

impl Observer for Stopwatch {
    fn begin(&mut self, number: u64, plan: &Plan) {
        let parts = &mut self.profile.parts;
        self.first = *self.plans.entry(number).or_insert_with(|| {
            let first = parts.len();
            parts.extend(plan.parts());
            first
        });
    }

    fn step<R>(&mut self, step: usize, run: impl FnOnce() -> R) -> R {
        self.time(self.first + step, run)
    }

    fn custom<R>(&mut self, graph: &Graph, node: u32, run: impl FnOnce() -> R) -> R {
        let parts = &mut self.profile.parts;
        let part = *self.customs.entry(node).or_insert_with(|| {
            parts.push(custom(graph, node));
            parts.len() - 1
        });
        self.time(part, run)
    }
}

impl Plan {
    /// What a run does, as far as it can be told before.
    fn parts(&self) -> Vec<Part> {
        if self.is_scalar() {
            vec![self.scalar_part()]
        } else {
            self.steps.iter().map(part_of).collect()
        }
    }

    /// All of a plan of scalars, which runs as one.
    fn scalar_part(&self) -> Part {
        let groups = || self.steps.iter().filter_map(group_of);
        let members: Vec<&'static str> =
            groups().flat_map(|group| group.tape.insts.iter().map(name_of)).collect();
        let given = self.variables.iter().map(|&(_, dtype, shape)| (dtype, shape));
        let inputs: Vec<(DType, Shape)> = self.feeds.iter().copied().chain(given).collect();
        let made = self.fetches.iter().chain(self.stores.iter().map(|(_, store)| store));
        let outputs: Vec<(DType, Shape)> = made.map(|one| (one.dtype, one.shape)).collect();
        Part {
            name: "scalars",
            operations: members.len() as u64,
            members,
            nodes: groups().flat_map(|group| &group.nodes).copied().collect(),
            bytes_read: inputs.iter().map(bytes).sum(),
            bytes_written: outputs.iter().map(bytes).sum(),
            inputs,
            outputs,
            calls: 0,
            time: Duration::ZERO,
        }
    }
}

fn group_of(step: &Step) -> Option<&Group> {
    match &step.work {
        Work::Group(group) => Some(group),
        Work::Finished(finished) => Some(&finished.group),
        _ => None,
    }
}

fn part_of(step: &Step) -> Part {
    let (name, members) = named(&step.work);
    let nodes = group_of(step).map_or_else(|| vec![step.node], |group| group.nodes.clone());
    let outputs: Vec<(DType, Shape)> =
        step.outputs.iter().map(|&(_, dtype, shape)| (dtype, shape)).collect();
    let bytes_written = outputs.iter().map(bytes).sum();
    Part {
        name,
        members,
        nodes,
        inputs: step.inputs.iter().map(|one| (one.dtype, one.shape)).collect(),
        bytes_read: bytes_read(step, bytes_written),
        bytes_written,
        outputs,
        operations: operations(step),
        calls: 0,
        time: Duration::ZERO,
    }
}

fn named(work: &Work) -> (&'static str, Vec<&'static str>) {
    match work {
        Work::Kernel(op) => (op.name(), Vec::new()),
        Work::Nested(nested) => match &**nested {
            Nested::Branch { then, otherwise } => ("cond", within(&[then, otherwise])),
            Nested::Loop { cond, body } => ("while", within(&[cond, body])),
            Nested::LoopGrad { cond, body, back } => ("while_grad", within(&[cond, body, back])),
        },
        Work::Finished(finished) => {
            let functions = finished.group.tape.insts.iter().map(name_of);
            ("fused", std::iter::once(finished.op.name()).chain(functions).collect())
        }
        Work::Group(group) => {
            let members: Vec<&'static str> = group.tape.insts.iter().map(name_of).collect();
            match members[..] {
                [] => ("broadcast", members),
                [one] => (one, Vec::new()),
                _ => ("fused", members),
            }
        }
    }
}

/// What the plans of a branch or a loop do.
fn within(plans: &[&Plan]) -> Vec<&'static str> {
    plans.iter().flat_map(|plan| &plan.steps).map(|step| named(&step.work).0).collect()
}

fn name_of(inst: &Inst) -> &'static str {
    match inst {
        Inst::Unary { f, .. } => f.name(),
        Inst::Binary { f, .. } => f.name(),
        Inst::Select { .. } => "select",
        Inst::Cast { .. } => "cast",
    }
}

fn bytes((dtype, shape): &(DType, Shape)) -> u64 {
    (dtype.size() * shape.elements()) as u64
}

/// Bytes of the operands, and of those that are cut or looked up in no more than is given.
fn bytes_read(step: &Step, written: u64) -> u64 {
    let of = |one: &Operand| bytes(&(one.dtype, one.shape));
    let Work::Kernel(op) = &step.work else { return step.inputs.iter().map(of).sum() };
    // Operands that are there for their shapes alone were left out when the program was made.
    let inputs = step.inputs.iter().map(of);
    match op {
        Op::Gather { .. } | Op::Slice { .. } => inputs
            .enumerate()
            .map(|(at, read)| if at == 0 { read.min(written) } else { read })
            .sum(),
        _ => inputs.sum(),
    }
}

/// Arithmetic operations of a step, where it is known for them.
fn operations(step: &Step) -> u64 {
    match &step.work {
        Work::Group(_) => cost_of(step),
        // Of a product and a sum each.
        Work::Finished(finished) => {
            let made = finished.group.shape.elements() as u64;
            cost_of(step).saturating_add(made.saturating_mul(window_of(step)))
        }
        // How often a loop runs is for the data to say.
        Work::Nested(_) => 0,
        Work::Kernel(Op::MatMul { .. } | Op::Conv2d(_)) => 2 * cost_of(step),
        Work::Kernel(Op::Conv2dInputGrad(_)) => 2 * products(step, &step.inputs[0].shape),
        Work::Kernel(Op::Conv2dFilterGrad(_)) => 2 * products(step, &step.outputs[0].2),
        Work::Kernel(Op::Reduce { .. } | Op::SumLike | Op::CumSum { .. }) => {
            step.inputs.first().map_or(0, |one| one.shape.elements() as u64)
        }
        Work::Kernel(_) => 0,
    }
}

/// Multiply-adds of a gradient of a convolution by `filters`: for each element of what has come back,
/// those of its window.
fn products(step: &Step, filters: &Shape) -> u64 {
    let grad = step.inputs.last().map_or(0, |one| one.shape.elements());
    let window: usize = filters.iter().take(3).product();
    (grad as u64).saturating_mul(window as u64)
}

/// An operation of the user's.
fn custom(graph: &Graph, node: u32) -> Part {
    let known = |value: &Value| {
        let known = graph.type_of(*value).ok()?;
        Some((known.dtype, known.dims.shape()?))
    };
    let inputs = graph.node(node).map(|node| node.inputs.iter().filter_map(known).collect());
    let inputs: Vec<(DType, Shape)> = inputs.unwrap_or_default();
    Part {
        name: "custom",
        members: Vec::new(),
        nodes: vec![node],
        bytes_read: inputs.iter().map(bytes).sum(),
        inputs,
        outputs: Vec::new(),
        bytes_written: 0,
        operations: 0,
        calls: 0,
        time: Duration::ZERO,
    }
}
