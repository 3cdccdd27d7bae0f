//! Running a plan.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape, View};
use ferrule_tensor::ops::{self, tape};
use smallvec::SmallVec;

use super::build::{Operand, Place, Plan, Step, Work};
use super::in_place::{Descent, Update};
use super::profile::Observer;
use super::scalar::ScalarPlan;
use super::variables::Variables;
use crate::error::GraphError;
use crate::evaluate;
use crate::op::Op;

impl Plan {
    /// Runs the plan: what is fetched, and variables changed. `draw` numbers the draws of random
    /// operations. Where it fails no variable has changed.
    ///
    /// # Errors
    /// [`GraphError`] where a variable has no value, or a kernel refuses an element.
    pub fn run(
        &mut self,
        variables: &mut Variables,
        feeds: &[Array],
        draw: u64,
    ) -> Result<Vec<Array>, GraphError> {
        self.run_observed(variables, feeds, draw, &mut ())
    }

    /// As [`run`](Self::run), with `observer` looking on.
    pub(crate) fn run_observed(
        &mut self,
        variables: &mut Variables,
        feeds: &[Array],
        draw: u64,
        observer: &mut impl Observer,
    ) -> Result<Vec<Array>, GraphError> {
        match &mut self.scalar {
            Some(ScalarPlan::Single(registers)) => {
                observer.step(0, || run_scalar(registers, variables, feeds))
            }
            Some(ScalarPlan::Double(registers)) => {
                observer.step(0, || run_scalar(registers, variables, feeds))
            }
            None => self.run_arrays(variables, feeds, draw, observer),
        }
    }

    fn run_arrays(
        &mut self,
        variables: &mut Variables,
        feeds: &[Array],
        draw: u64,
        observer: &mut impl Observer,
    ) -> Result<Vec<Array>, GraphError> {
        variables.check(&self.variables)?;
        let updated = self.run_steps(variables, feeds, draw, observer)?;
        let given = Given { constants: &self.constants, feeds, variables: &*variables };
        let stores = || self.stores.iter().filter(|(id, _)| !updated.contains(id));
        let stored: Vec<Place> = stores().map(|(_, store)| store.place).collect();
        let fetched: Vec<Place> = self.fetches.iter().map(|fetch| fetch.place).collect();
        let mut results = Vec::with_capacity(self.fetches.len());
        for fetch in &self.fetches {
            let shared = stored.contains(&fetch.place) || count(&fetched, fetch.place) > 1;
            results.push(take(fetch, &mut self.slots, &given, shared));
        }
        let taken: Vec<Option<Array>> = stores()
            .map(|(_, store)| {
                let swaps =
                    matches!(store.place, Place::Slot(_)) && count(&stored, store.place) == 1;
                (!swaps).then(|| take(store, &mut self.slots, &given, true))
            })
            .collect();
        for ((id, store), taken) in stores().zip(taken) {
            match (taken, store.place) {
                (Some(array), _) => variables.set(*id, array),
                (None, Place::Slot(slot)) => {
                    variables.swap(*id, (store.dtype, store.shape), &mut self.slots[slot as usize])
                }
                (None, _) => {}
            }
        }
        Ok(results)
    }

    /// Runs the steps; returns the variables that have their new values already.
    fn run_steps(
        &mut self,
        variables: &mut Variables,
        feeds: &[Array],
        draw: u64,
        observer: &mut impl Observer,
    ) -> Result<SmallVec<[u32; 16]>, GraphError> {
        let mut updated: SmallVec<[u32; 16]> = SmallVec::new();
        let mut done_before: SmallVec<[usize; 16]> = SmallVec::new();
        for (index, step) in self.steps.iter_mut().enumerate() {
            if done_before.contains(&index) {
                continue;
            }
            if let Some(descent) = step.descent
                && let Some(mut own) = variables.lend(descent.variable)
            {
                let given = Given { constants: &self.constants, feeds, variables: &*variables };
                observer.step(index, || given.descend(step, &descent, &self.slots, &mut own));
                variables.restore(descent.variable, own);
                updated.push(descent.variable);
                done_before.push(descent.by);
                continue;
            }
            let mut outputs = take_outputs(step, &mut self.slots);
            let written = lend_old(step, variables, &mut outputs, &mut self.slots, &self.sizes);
            let given = Given { constants: &self.constants, feeds, variables: &*variables };
            let slots = &self.slots;
            let done =
                observer.step(index, || given.run(step, slots, &mut outputs, &written, draw));
            for (number, (buffer, &(slot, ..))) in
                outputs.into_iter().zip(&step.outputs).enumerate()
            {
                match written.iter().find(|update| update.output == number) {
                    Some(update) => variables.restore(update.variable, buffer),
                    None => self.slots[slot as usize] = buffer,
                }
            }
            updated.extend(written.iter().map(|update| update.variable));
            done.map_err(|error| error.at(step.node))?;
        }
        Ok(updated)
    }
}

fn count(places: &[Place], place: Place) -> usize {
    places.iter().filter(|&&other| other == place).count()
}

fn run_scalar<T: super::registers::Scalar>(
    registers: &mut super::registers::Registers<T>,
    variables: &mut Variables,
    feeds: &[Array],
) -> Result<Vec<Array>, GraphError> {
    for (index, feed) in feeds.iter().enumerate() {
        registers.feed(index, feed.as_slice::<T>()[0]);
    }
    registers.run(variables)?;
    Ok((0..registers.n_fetches())
        .map(|index| Array::scalar(T::DTYPE, registers.fetched(index)))
        .collect())
}

/// What a run has beside its own memory.
struct Given<'a> {
    constants: &'a [Array],
    feeds: &'a [Array],
    variables: &'a Variables,
}

impl<'a> Given<'a> {
    fn view<'s>(&self, operand: &'s Operand, slots: &'s [Buffer]) -> View<'s>
    where
        'a: 's,
    {
        let data: &Buffer = match operand.place {
            Place::Slot(slot) => &slots[slot as usize],
            Place::Constant(index) => self.constants[index as usize].buffer(),
            Place::Feed(index) => self.feeds[index as usize].buffer(),
            Place::Variable(id) => {
                let found = self.variables.get(id);
                found.expect("variables were checked before the first step").buffer()
            }
        };
        View { dtype: operand.dtype, shape: &operand.shape, data }
    }

    /// What a group reads: of a variable that it writes over, the memory of its own output.
    fn operand<'s>(
        &self,
        operand: &'s Operand,
        slots: &'s [Buffer],
        written: &[Update],
    ) -> tape::Operand<'s>
    where
        'a: 's,
    {
        let holds = |update: &&Update| operand.place == Place::Variable(update.variable);
        match written.iter().find(holds) {
            Some(update) => tape::Operand::Output(update.output),
            None => tape::Operand::View(self.view(operand, slots)),
        }
    }

    /// Takes the multiple of a matrix product from `own`, a variable's memory.
    fn descend(&self, step: &Step, descent: &Descent, slots: &[Buffer], own: &mut Buffer) {
        let Work::Kernel(Op::MatMul { transpose_a, transpose_b }) = step.work else {
            unreachable!("matrix products descend");
        };
        let factors = [0, 1].map(|factor| self.view(&step.inputs[factor], slots));
        let shape = &step.outputs[0].2;
        let factor = self.view(&descent.factor, slots);
        ops::descend(factors, [transpose_a, transpose_b], factor, shape, own);
    }

    /// Runs a step; `written` are those of its updates whose outputs hold the old values.
    fn run(
        &self,
        step: &mut Step,
        slots: &[Buffer],
        outputs: &mut Outputs,
        written: &[Update],
        draw: u64,
    ) -> Result<(), GraphError> {
        match &mut step.work {
            Work::Nested(nested) => {
                let views: SmallVec<[View; 4]> =
                    step.inputs.iter().map(|one| self.view(one, slots)).collect();
                nested.run(&views, draw).map_err(GraphError::outside).map(|made| {
                    for (output, array) in outputs.iter_mut().zip(made) {
                        *output = array.into_buffer();
                    }
                })
            }
            Work::Group(group) => {
                let operands: SmallVec<[tape::Operand; 8]> =
                    step.inputs.iter().map(|one| self.operand(one, slots, written)).collect();
                group.compiled.run(&group.shape, &operands, outputs).map_err(GraphError::from)
            }
            Work::Finished(finished) => {
                let inputs: SmallVec<[View; 4]> =
                    step.inputs.iter().map(|one| self.view(one, slots)).collect();
                evaluate::run_finished(finished, &inputs, outputs)
            }
            Work::Kernel(op) => {
                let views: SmallVec<[View; 4]> =
                    step.inputs.iter().map(|one| self.view(one, slots)).collect();
                let made: SmallVec<[(DType, Shape); 2]> =
                    step.outputs.iter().map(|&(_, dtype, shape)| (dtype, shape)).collect();
                evaluate::run(op, &views, &made, outputs, draw)
            }
        }
    }
}

/// The memory of a step's outputs, while it runs.
type Outputs = SmallVec<[Buffer; 4]>;

/// Takes the memory of a step's outputs from the slots.
fn take_outputs(step: &Step, slots: &mut [Buffer]) -> Outputs {
    step.outputs.iter().map(|&(slot, ..)| std::mem::take(&mut slots[slot as usize])).collect()
}

/// Puts the memory of the variables that the step updates, where nobody else has it, in place of
/// its outputs'; makes the memory that others lack. Returns the updates that then happen in place.
fn lend_old(
    step: &Step,
    variables: &mut Variables,
    outputs: &mut Outputs,
    slots: &mut [Buffer],
    sizes: &[usize],
) -> SmallVec<[Update; 4]> {
    let mut written = SmallVec::new();
    for (number, (output, &(slot, ..))) in outputs.iter_mut().zip(&step.outputs).enumerate() {
        let update = step.updates.iter().find(|update| update.output == number);
        let old = update.and_then(|update| Some((*update, variables.lend(update.variable)?)));
        if let Some((update, old)) = old {
            slots[slot as usize] = std::mem::replace(output, old);
            written.push(update);
        } else if output.len() < sizes[slot as usize] {
            *output = Buffer::uncleared(sizes[slot as usize]);
        }
    }
    written
}

/// The array at a place: its memory itself, or a copy where others still need that.
fn take(operand: &Operand, slots: &mut [Buffer], given: &Given, shared: bool) -> Array {
    let data = match operand.place {
        Place::Slot(slot) if shared => Arc::new(slots[slot as usize].clone()),
        Place::Slot(slot) => Arc::new(std::mem::take(&mut slots[slot as usize])),
        Place::Constant(index) => given.constants[index as usize].buffer().clone(),
        // What is fed may lie in memory that its owner changes later.
        Place::Feed(index) => given.feeds[index as usize].owned().buffer().clone(),
        Place::Variable(id) => {
            let found = given.variables.get(id);
            found.expect("variables were checked before the first step").buffer().clone()
        }
    };
    Array::from_buffer(operand.dtype, operand.shape, data)
}
