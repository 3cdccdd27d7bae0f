//! Running a plan.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape, View};
use ferrule_tensor::ops::tape;
use smallvec::SmallVec;

use super::build::{Operand, Place, Plan, Step, Work};
use super::profile::Observer;
use super::scalar::ScalarPlan;
use super::variables::Variables;
use crate::error::GraphError;
use crate::evaluate;

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
        for (slot, &size) in self.slots.iter_mut().zip(&self.sizes) {
            if slot.len() < size {
                *slot = Buffer::uncleared(size);
            }
        }
        for (index, step) in self.steps.iter_mut().enumerate() {
            let node = step.node;
            let given = Given { constants: &self.constants, feeds, variables: &*variables };
            let done = observer.step(index, || given.run(step, &mut self.slots, draw));
            done.map_err(|error| error.at(node))?;
        }
        let given = Given { constants: &self.constants, feeds, variables: &*variables };
        let stored: Vec<Place> = self.stores.iter().map(|(_, store)| store.place).collect();
        let fetched: Vec<Place> = self.fetches.iter().map(|fetch| fetch.place).collect();
        let mut results = Vec::with_capacity(self.fetches.len());
        for fetch in &self.fetches {
            let shared = stored.contains(&fetch.place) || count(&fetched, fetch.place) > 1;
            results.push(take(fetch, &mut self.slots, &given, shared));
        }
        let taken: Vec<Option<Array>> = self
            .stores
            .iter()
            .map(|(_, store)| {
                let swaps =
                    matches!(store.place, Place::Slot(_)) && count(&stored, store.place) == 1;
                (!swaps).then(|| take(store, &mut self.slots, &given, true))
            })
            .collect();
        for ((id, store), taken) in self.stores.iter().zip(taken) {
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

    fn run(&self, step: &mut Step, slots: &mut [Buffer], draw: u64) -> Result<(), GraphError> {
        let mut outputs: SmallVec<[Buffer; 4]> = step
            .outputs
            .iter()
            .map(|&(slot, ..)| std::mem::take(&mut slots[slot as usize]))
            .collect();
        let done = match &mut step.work {
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
                let operands: SmallVec<[tape::Operand; 8]> = step
                    .inputs
                    .iter()
                    .map(|one| tape::Operand::View(self.view(one, slots)))
                    .collect();
                group.compiled.run(&group.shape, &operands, &mut outputs).map_err(GraphError::from)
            }
            Work::Kernel(op) => {
                let views: SmallVec<[View; 4]> =
                    step.inputs.iter().map(|one| self.view(one, slots)).collect();
                let made: SmallVec<[(DType, Shape); 2]> =
                    step.outputs.iter().map(|&(_, dtype, shape)| (dtype, shape)).collect();
                evaluate::run(op, &views, &made, &mut outputs, draw)
            }
        };
        for (&(slot, ..), buffer) in step.outputs.iter().zip(outputs) {
            slots[slot as usize] = buffer;
        }
        done
    }
}

/// The array at a place: its memory itself, or a copy where others still need that.
fn take(operand: &Operand, slots: &mut [Buffer], given: &Given, shared: bool) -> Array {
    let data = match operand.place {
        Place::Slot(slot) if shared => Arc::new(slots[slot as usize].clone()),
        Place::Slot(slot) => Arc::new(std::mem::take(&mut slots[slot as usize])),
        Place::Constant(index) => given.constants[index as usize].buffer().clone(),
        Place::Feed(index) => given.feeds[index as usize].buffer().clone(),
        Place::Variable(id) => {
            let found = given.variables.get(id);
            found.expect("variables were checked before the first step").buffer().clone()
        }
    };
    Array::from_buffer(operand.dtype, operand.shape, data)
}
