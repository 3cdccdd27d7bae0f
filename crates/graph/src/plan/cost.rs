//! What a run of a plan takes, told before it.

use super::build::{Group, Plan, Step, Work};
use super::nested::Nested;
use crate::op::Op;

/// How often a loop is taken to run.
const LOOP_STEPS: u64 = 16;

impl Plan {
    /// Bytes of memory that a run works in, beside constants, what is fed and what is given back.
    pub fn bytes(&self) -> usize {
        let nested = self.steps.iter().map(|step| match &step.work {
            Work::Nested(nested) => plans(nested).map(Self::bytes).fold(0, usize::saturating_add),
            _ => 0,
        });
        self.sizes.iter().copied().chain(nested).fold(0, usize::saturating_add)
    }

    /// About how many multiply-adds a run computes.
    pub fn cost(&self) -> u64 {
        self.steps.iter().map(cost_of).fold(0, u64::saturating_add)
    }

    /// The dtypes and shapes of what is fetched.
    pub fn fetched(&self) -> Vec<(ferrule_base::DType, ferrule_tensor::array::Shape)> {
        self.fetches.iter().map(|fetch| (fetch.dtype, fetch.shape)).collect()
    }
}

fn plans(nested: &Nested) -> impl Iterator<Item = &Plan> {
    let all: [Option<&Plan>; 3] = match nested {
        Nested::Branch { then, otherwise } => [Some(then), Some(otherwise), None],
        Nested::Loop { cond, body } => [Some(cond), Some(body), None],
        Nested::LoopGrad { cond, body, back } => [Some(cond), Some(body), Some(back)],
    };
    all.into_iter().flatten()
}

/// About how many multiply-adds, or moves of elements, a step is.
pub(super) fn cost_of(step: &Step) -> u64 {
    let made: u64 = step.outputs.iter().map(|(_, _, shape)| shape.elements() as u64).sum();
    let read = |input: usize| step.inputs.get(input).map_or(&[][..], |one| &one.shape);
    let each = match &step.work {
        Work::Nested(nested) => {
            let inner = plans(nested).map(Plan::cost).fold(0, u64::saturating_add);
            return match **nested {
                Nested::Branch { .. } => inner,
                _ => inner.saturating_mul(LOOP_STEPS),
            };
        }
        Work::Group(group) => group.tape.insts.len() as u64,
        Work::Finished(finished) => {
            let Group { tape, shape, .. } = &finished.group;
            let each = window_of(step).saturating_add(tape.insts.len() as u64);
            return each.saturating_mul(shape.elements() as u64);
        }
        Work::Kernel(Op::MatMul { transpose_a, .. }) => {
            let from_end = if *transpose_a { 2 } else { 1 };
            read(0).iter().nth_back(from_end - 1).map_or(1, |&size| size as u64)
        }
        Work::Kernel(Op::Conv2d(_)) => window_of(step),
        Work::Kernel(Op::Pool { size, .. }) => (size[0] * size[1]) as u64,
        Work::Kernel(Op::Solve { .. } | Op::Cholesky | Op::TriangularSolve { .. }) => {
            read(0).first().map_or(1, |&size| size as u64)
        }
        Work::Kernel(_) => {
            let elements = |one: &super::build::Operand| one.shape.elements() as u64;
            return step.inputs.iter().map(elements).fold(made, u64::saturating_add);
        }
    };
    made.saturating_mul(each.max(1))
}

/// Elements of the window of a convolution.
pub(super) fn window_of(step: &Step) -> u64 {
    let filter = step.inputs.get(1).map_or(&[][..], |one| &one.shape);
    filter.iter().take(3).map(|&size| size as u64).product()
}
