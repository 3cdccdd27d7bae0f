//! Which variables change where they lie: an update that reads the old value, such as an optimizer's,
//! writes the new one over it, element by element, instead of to memory that the caches must hold too.

use ferrule_base::DType;
use ferrule_tensor::ops::tape::Inst;
use ferrule_tensor::ops::{Binary, descends};

use super::build::{Group, Operand, Place, Plan, Step, Work};
use crate::op::Op;

/// A variable whose new value a step may write over the old one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update {
    pub(crate) variable: u32,
    /// The output of the step that is the new value.
    pub(crate) output: usize,
}

/// A step down a gradient that a matrix product takes itself, in place of the step `by`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descent {
    pub(crate) by: usize,
    pub(crate) variable: u32,
    /// The scalar that the product is multiplied by, before it is subtracted.
    pub(crate) factor: Operand,
}

impl Plan {
    /// Finds the steps that may write over variables: nothing reads the old value after them, and
    /// nothing from them on can fail, since a run that fails changes no variable.
    pub(super) fn find_updates(&mut self) {
        let safe_from = self.steps.iter().rposition(can_fail).map_or(0, |last| last + 1);
        for index in safe_from..self.steps.len() {
            self.steps[index].updates = self.updates_of(index);
        }
        for by in safe_from..self.steps.len() {
            if let Some((product, descent)) = self.descent_by(by)
                && product >= safe_from
            {
                self.steps[product].descent = Some(descent);
            }
        }
    }

    /// The matrix product that step `by` takes a multiple of from a variable, where it does nothing else
    /// and the product can do so itself.
    fn descent_by(&self, by: usize) -> Option<(usize, Descent)> {
        let Work::Group(group) = &self.steps[by].work else { return None };
        let [Update { variable, .. }] = self.steps[by].updates[..] else { return None };
        let inputs = &self.steps[by].inputs;
        let [made, factor] = subtracted(group, inputs, variable)?;
        let Place::Slot(slot) = made.place else { return None };
        let writes = |step: &Step| step.outputs.iter().any(|output| output.0 == slot);
        let product = self.steps[..by].iter().rposition(writes)?;
        let step = &self.steps[product];
        let between = &self.steps[product..by];
        let reads = |step: &Step, place| step.inputs.iter().any(|input| input.place == place);
        let moved = between.iter().any(|step| {
            reads(step, made.place)
                || reads(step, Place::Variable(variable))
                || step.outputs.iter().any(|output| Place::Slot(output.0) == factor.place)
        });
        let later = self.steps[by + 1..].iter().take_while(|step| !writes(step));
        let kept = later.into_iter().any(|step| reads(step, made.place))
            || self.fetches.iter().any(|one| one.place == made.place)
            || self.stores.iter().any(|(_, one)| one.place == made.place);
        let fits = matches!(&step.work, Work::Kernel(Op::MatMul { transpose_a, .. })
            if descends(&step.inputs[0].shape, *transpose_a, &step.inputs[1].shape));
        (fits && !moved && !kept).then_some((product, Descent { by, variable, factor }))
    }

    fn updates_of(&self, index: usize) -> Vec<Update> {
        let step = &self.steps[index];
        let Work::Group(group) = &step.work else { return Vec::new() };
        let found = self.stores.iter().filter_map(|&(variable, store)| {
            let Place::Slot(slot) = store.place else { return None };
            let output = step.outputs.iter().position(|output| output.0 == slot)?;
            let old = Place::Variable(variable);
            let reads = |step: &Step, place| step.inputs.iter().any(|input| input.place == place);
            let later = &self.steps[index + 1..];
            let kept = later.iter().any(|step| reads(step, old) || reads(step, store.place))
                || self.fetches.iter().any(|one| [old, store.place].contains(&one.place))
                || self.stores.iter().any(|(id, one)| {
                    one.place == old || (*id != variable && one.place == store.place)
                });
            let mut inputs = step.inputs.iter().filter(|input| input.place == old).peekable();
            let fits = inputs.peek().is_some()
                && inputs.all(|one| one.dtype == store.dtype && one.shape == group.shape)
                && store.shape == group.shape;
            (fits && !kept).then_some(Update { variable, output })
        });
        found.collect()
    }
}

/// What a group takes from a variable, where that is all: an array of its shape and the scalar that it
/// is multiplied by.
fn subtracted(group: &Group, inputs: &[Operand], variable: u32) -> Option<[Operand; 2]> {
    let [
        Inst::Binary { f: Binary::Mul, left, right, to: product, dtype },
        Inst::Binary { f: Binary::Sub, left: old, right: taken, .. },
    ] = group.tape.insts[..]
    else {
        return None;
    };
    let input = |register: u16| inputs.get(usize::from(register)).copied();
    let (left, right) = (input(left)?, input(right)?);
    let [made, factor] = if left.shape == group.shape { [left, right] } else { [right, left] };
    let fits = taken == product
        && input(old)?.place == Place::Variable(variable)
        && matches!(dtype, DType::Fp32 | DType::Fp64)
        && made.shape == group.shape
        && group.shape.elements() > 1
        && factor.shape.elements() == 1;
    fits.then_some([made, factor])
}

/// Whether a run may find that the step cannot be done.
fn can_fail(step: &Step) -> bool {
    match &step.work {
        Work::Group(group) => refuses_elements(group),
        Work::Finished(finished) => refuses_elements(&finished.group),
        Work::Nested(_) => true,
        Work::Kernel(op) => !matches!(
            op,
            Op::MatMul { .. }
                | Op::Conv2d(_)
                | Op::Conv2dInputGrad(_)
                | Op::Conv2dFilterGrad(_)
                | Op::Pool { .. }
                | Op::PoolGrad { .. }
                | Op::Reduce { .. }
                | Op::SumLike
                | Op::Softmax
                | Op::LogSoftmax
                | Op::Transpose { .. }
                | Op::Concat { .. }
                | Op::Slice { .. }
                | Op::SliceGrad { .. }
        ),
    }
}

/// Whether a group divides integers or raises them to powers.
fn refuses_elements(group: &Group) -> bool {
    group.tape.insts.iter().any(|inst| match inst {
        Inst::Binary { f, dtype, .. } => {
            !matches!(dtype, DType::Fp32 | DType::Fp64)
                && !matches!(f, Binary::Add | Binary::Sub | Binary::Mul)
        }
        _ => false,
    })
}
