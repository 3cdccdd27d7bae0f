//! From a tape to steps, and to the places that they work on.

use std::ops::Range;

use super::chain::Chain;
use super::job::Step;
use super::program::Program;
use super::{Inst, Tape, chain, functions, links};
use crate::cpu::Isa;

/// A tape's registers, being assigned to places: first the inputs, then the outputs, then slots,
/// which are used again when nobody reads them any more.
pub(super) struct Layout<'a> {
    tape: &'a Tape,
    isa: Isa,
    /// The instructions of each step: one, or a chain of them.
    parts: Vec<Range<usize>>,
    /// The place of each register; none before it is written.
    places: Vec<Option<u16>>,
    /// The number of steps after which each register is not read any more.
    read_until: Vec<usize>,
    free: Vec<u16>,
    n_slots: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn new(tape: &'a Tape, isa: Isa) -> Self {
        let n_registers = usize::from(tape.registers);
        assert!(tape.inputs.len() <= n_registers, "a register an input");
        let mut places = vec![None; n_registers];
        for (register, place) in places.iter_mut().take(tape.inputs.len()).enumerate() {
            *place = Some(register as u16);
        }
        let parts = links::parts(tape, chain::are_for(isa));
        let mut read_until = vec![0; n_registers];
        for (step, part) in parts.iter().enumerate() {
            for register in tape.insts[part.clone()].iter().flat_map(Inst::operands) {
                read_until[usize::from(register)] = step + 1;
            }
        }
        Self { tape, isa, parts, places, read_until, free: Vec::new(), n_slots: 0 }
    }

    pub(super) fn program(mut self) -> Program {
        let tape = self.tape;
        let mut written_by = vec![0; tape.outputs.len()];
        let mut steps: Vec<Step> = (0..self.parts.len()).map(|k| self.step(k)).collect();
        for (k, &(register, dtype)) in tape.outputs.iter().enumerate() {
            let place = self.place(register);
            if place == self.output_place(k) {
                written_by[k] = steps.iter().position(|step| step.to() == place).unwrap_or(0);
            } else {
                // An input, or the second output of one register.
                written_by[k] = steps.len();
                if usize::from(place) < tape.inputs.len() {
                    self.read_until[usize::from(register)] = steps.len() + 1;
                }
                let code = functions::copy(self.isa, dtype);
                steps.push(Step::Loop { code, to: self.output_place(k), from: [place; 3] });
            }
        }
        let sizes = tape.insts.iter().map(Inst::widest).chain(tape.inputs.iter().map(|d| d.size()));
        Program {
            inputs: tape.inputs.clone(),
            outputs: tape.outputs.iter().map(|output| output.1).collect(),
            steps,
            n_slots: self.n_slots,
            widest: sizes.max().unwrap_or(1),
            cost: tape.insts.iter().map(Inst::cost).sum::<usize>() + tape.outputs.len(),
            writable_from: (0..tape.inputs.len()).map(|k| self.writable_from(k)).collect(),
            written_by,
            one_suffices: (0..tape.inputs.len()).map(|k| self.one_suffices(k as u16)).collect(),
        }
    }

    /// The first step that may write where input `k` lies: a chain is read before it is written, element by
    /// element.
    fn writable_from(&self, k: usize) -> usize {
        let until = self.read_until[k];
        let last = until.checked_sub(1).and_then(|last| self.parts.get(last));
        if last.is_some_and(|part| part.len() > 1) { until - 1 } else { until }
    }

    /// Whether all that read `register` take one element for all.
    fn one_suffices(&self, register: u16) -> bool {
        let is_output = self.tape.outputs.iter().any(|output| output.0 == register);
        let takes_one = |part: &Range<usize>| {
            let insts = &self.tape.insts[part.clone()];
            let reads = |inst: &Inst| {
                let mut operands = inst.operands().enumerate();
                operands.all(|(k, operand)| operand != register || inst.takes_one(k))
            };
            insts.len() > 1 || insts.iter().all(reads)
        };
        !is_output && self.parts.iter().all(takes_one)
    }

    /// Step `k`.
    fn step(&mut self, k: usize) -> Step {
        let tape = self.tape;
        match &tape.insts[self.parts[k].clone()] {
            [inst] => self.single(k, inst),
            insts => Step::Chain(self.chain(k, insts)),
        }
    }

    fn single(&mut self, k: usize, inst: &Inst) -> Step {
        let mut from = [0; 3];
        for (place, register) in from.iter_mut().zip(inst.operands()) {
            *place = self.place(register);
        }
        // Taken before those of the operands are given back: a loop's result overlaps none.
        let to = self.assign(inst.to());
        for register in inst.operands().chain([inst.to()]) {
            self.release(register, k + 1);
        }
        Step::Loop { code: inst.code(self.isa), to, from }
    }

    fn chain(&mut self, k: usize, insts: &[Inst]) -> Chain {
        let (last, before) = insts.split_last().expect("a chain has links");
        let is_within = |register: u16| before.iter().any(|inst| inst.to() == register);
        for register in insts.iter().flat_map(Inst::operands).filter(|&one| !is_within(one)) {
            self.release(register, k + 1);
        }
        let to = self.assign(last.to());
        self.release(last.to(), k + 1);
        Chain::new(self.isa, insts, |register| self.place(register), to)
    }

    fn place(&self, register: u16) -> u16 {
        self.places[usize::from(register)].expect("a register is written before it is read")
    }

    fn output_place(&self, k: usize) -> u16 {
        (self.tape.inputs.len() + k) as u16
    }

    /// Finds a place for `register`, which is about to be written.
    fn assign(&mut self, register: u16) -> u16 {
        let output = self.tape.outputs.iter().position(|output| output.0 == register);
        let place = match (output, self.free.pop()) {
            (Some(k), free) => {
                self.free.extend(free);
                self.output_place(k)
            }
            (None, Some(place)) => place,
            (None, None) => {
                self.n_slots += 1;
                self.output_place(self.tape.outputs.len() + self.n_slots - 1)
            }
        };
        let old = self.places[usize::from(register)].replace(place);
        assert!(old.is_none(), "a register is written once");
        place
    }

    /// Gives the slot of `register` back where no step from `next` on reads it.
    fn release(&mut self, register: u16, next: usize) {
        let place = self.place(register);
        let first_slot = self.output_place(self.tape.outputs.len());
        if place >= first_slot
            && self.read_until[usize::from(register)] <= next
            && !self.free.contains(&place)
        {
            self.free.push(place);
        }
    }
}
