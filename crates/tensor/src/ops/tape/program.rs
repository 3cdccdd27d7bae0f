//! Tapes made ready to run.

use std::ops::Range;

use ferrule_base::DType;

use super::functions;
use super::job::{Job, Step, Target};
use super::{Inst, Operand, Tape};
use crate::array::{Buffer, Shape};
use crate::cpu::Isa;
use crate::ops::error::OpError;

/// A [`Tape`] whose loops and memory are laid out.
///
/// ```
/// use ferrule_base::DType;
/// use ferrule_tensor::array::{Array, Buffer, Shape};
/// use ferrule_tensor::ops::tape::{Inst, Operand, Program, Tape};
/// use ferrule_tensor::ops::{Binary, Unary};
///
/// let dtype = DType::Fp32;
/// let insts = vec![
///     Inst::Binary { f: Binary::Mul, dtype, left: 0, right: 1, to: 2 },
///     Inst::Unary { f: Unary::Neg, dtype, from: 2, to: 3 },
/// ];
/// let tape = Tape { inputs: vec![dtype; 2], insts, outputs: vec![(3, dtype)], registers: 4 };
/// let shape = Shape::new(&[2]).unwrap();
/// let x = Array::from_slice::<f32>(dtype, shape, &[1.0, 2.0]);
/// let y = Array::scalar::<f32>(dtype, 3.0);
/// let mut out = [Buffer::zeroed(8)];
/// let operands = [Operand::View(x.view()), Operand::View(y.view())];
/// Program::new(&tape).run(&shape, &operands, &mut out).unwrap();
/// assert_eq!(out[0].as_slice::<f32>(2), [-3.0, -6.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    inputs: Vec<DType>,
    outputs: Vec<DType>,
    steps: Vec<Step>,
    /// Pieces of memory for what lies between.
    n_slots: usize,
    /// Bytes of the widest element.
    widest: usize,
    /// What an element costs, see [`Job`].
    cost: usize,
    /// For each input, the number of steps after which it is not read any more.
    read_until: Vec<usize>,
    /// For each output, the step that writes it.
    written_by: Vec<usize>,
    /// For each input, whether all that read it take one element for all.
    one_suffices: Vec<bool>,
}

impl Program {
    /// `tape` for the vector instructions of this CPU.
    ///
    /// # Panics
    /// Where `tape` breaks the rules of [`Tape`], or a type has not the function asked for.
    pub fn new(tape: &Tape) -> Self {
        Self::for_isa(tape, Isa::detect())
    }

    /// `tape` for `isa`, or plain instructions where this CPU lacks it.
    ///
    /// # Panics
    /// As [`Program::new`].
    pub fn for_isa(tape: &Tape, isa: Isa) -> Self {
        Layout::new(tape).program(isa)
    }

    /// Computes the outputs, each of `shape`, from the operands.
    ///
    /// # Errors
    /// [`OpError::DivisionByZero`] and [`OpError::NegativeExponent`] for integers; the outputs are
    /// then unspecified.
    ///
    /// # Panics
    /// Where operands or outputs are not as many, of the types or as large as the tape says.
    pub fn run(
        &self,
        shape: &Shape,
        operands: &[Operand<'_>],
        outputs: &mut [Buffer],
    ) -> Result<(), OpError> {
        let n = shape.elements();
        self.with_job(shape, operands, outputs, |job| {
            // SAFETY: the steps were laid out for these places; the views are borrowed for the
            // call, and the outputs exclusively.
            unsafe { job.run(&self.steps, n, self.widest, self.cost) }
        })
    }

    /// As [`run`](Self::run), where `make` writes what is there of output `into`, of `dtype`, before. It is given
    /// the start of that, and what it calls for each range of elements once they are written: on
    /// any thread, once for each element, after which it does not touch them any more.
    ///
    /// # Errors
    /// As [`run`](Self::run)'s.
    ///
    /// # Panics
    /// As [`run`](Self::run), or where the output is not of `dtype`.
    ///
    /// # Safety
    /// `make` keeps to what is said above.
    pub(in crate::ops) unsafe fn run_as_made(
        &self,
        shape: &Shape,
        operands: &[Operand<'_>],
        outputs: &mut [Buffer],
        (into, dtype): (usize, DType),
        make: impl FnOnce(*mut u8, &(dyn Fn(Range<usize>) + Sync)),
    ) -> Result<(), OpError> {
        assert_eq!(self.outputs[into], dtype, "the output is of the type that is made");
        let n = shape.elements();
        self.with_job(shape, operands, outputs, |job| {
            let start = job.targets[into].start;
            // SAFETY: as in `run`; `make` writes where nobody else does, as the caller promises.
            unsafe { job.run_as_made(&self.steps, n, self.widest, |then| make(start, then)) }
        })
    }

    /// Gives `run` a job on the operands and outputs.
    fn with_job<R>(
        &self,
        shape: &Shape,
        operands: &[Operand<'_>],
        outputs: &mut [Buffer],
        run: impl FnOnce(&Job) -> R,
    ) -> R {
        assert_eq!(operands.len(), self.inputs.len(), "one operand an input");
        assert_eq!(outputs.len(), self.outputs.len(), "one buffer an output");
        let n = shape.elements();
        Job::with(self.n_slots, |job| {
            for (buffer, dtype) in outputs.iter_mut().zip(&self.outputs) {
                job.targets.push(Target::new(buffer, n, dtype.size()));
            }
            for (k, operand) in operands.iter().enumerate() {
                self.push(job, k, operand, shape, n);
            }
            run(job)
        })
    }

    /// Adds operand `k` to the sources of `job`.
    #[inline]
    fn push(&self, job: &mut Job, k: usize, operand: &Operand<'_>, shape: &Shape, n: usize) {
        match operand {
            Operand::View(view) => {
                assert_eq!(view.dtype, self.inputs[k], "operand {k} is of the tape's type");
                job.sources.push_view(view, shape, n, self.one_suffices[k]);
            }
            Operand::Output(output) => {
                let target = &job.targets[*output];
                assert_eq!(target.size, self.inputs[k].size(), "elements of the same size");
                let overwritten = self.read_until[k] > self.written_by[*output];
                job.sources.push_target(target, overwritten);
            }
        }
    }
}

/// A tape's registers, being assigned to places: first the inputs, then the outputs, then slots,
/// which are used again when nobody reads them any more.
struct Layout<'a> {
    tape: &'a Tape,
    /// The place of each register; none before it is written.
    places: Vec<Option<u16>>,
    /// The number of instructions after which each register is not read any more.
    read_until: Vec<usize>,
    free: Vec<u16>,
    n_slots: usize,
}

impl<'a> Layout<'a> {
    fn new(tape: &'a Tape) -> Self {
        let n_registers = usize::from(tape.registers);
        assert!(tape.inputs.len() <= n_registers, "a register an input");
        let mut places = vec![None; n_registers];
        for (register, place) in places.iter_mut().take(tape.inputs.len()).enumerate() {
            *place = Some(register as u16);
        }
        let mut read_until = vec![0; n_registers];
        for (k, inst) in tape.insts.iter().enumerate() {
            for register in inst.operands() {
                read_until[usize::from(register)] = k + 1;
            }
        }
        Self { tape, places, read_until, free: Vec::new(), n_slots: 0 }
    }

    fn program(mut self, isa: Isa) -> Program {
        let tape = self.tape;
        let mut written_by = vec![0; tape.outputs.len()];
        let mut steps: Vec<Step> =
            tape.insts.iter().enumerate().map(|(k, inst)| self.step(isa, k, inst)).collect();
        for (k, &(register, dtype)) in tape.outputs.iter().enumerate() {
            let place = self.place(register);
            if place == self.output_place(k) {
                written_by[k] = steps.iter().position(|step| step.to == place).unwrap_or(0);
            } else {
                // An input, or the second output of one register.
                written_by[k] = steps.len();
                if usize::from(place) < tape.inputs.len() {
                    self.read_until[usize::from(register)] = steps.len() + 1;
                }
                let code = functions::copy(isa, dtype);
                steps.push(Step { code, to: self.output_place(k), from: [place; 3] });
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
            read_until: self.read_until[..tape.inputs.len()].to_vec(),
            written_by,
            one_suffices: (0..tape.inputs.len()).map(|k| self.one_suffices(k as u16)).collect(),
        }
    }

    /// Whether all that read `register` take one element for all.
    fn one_suffices(&self, register: u16) -> bool {
        let is_output = self.tape.outputs.iter().any(|output| output.0 == register);
        let reads = |inst: &Inst| {
            let mut operands = inst.operands().enumerate();
            operands.all(|(k, operand)| operand != register || inst.takes_one(k))
        };
        !is_output && self.tape.insts.iter().all(reads)
    }

    fn step(&mut self, isa: Isa, k: usize, inst: &Inst) -> Step {
        let mut from = [0; 3];
        for (place, register) in from.iter_mut().zip(inst.operands()) {
            *place = self.place(register);
        }
        // Taken before those of the operands are given back: a loop's result overlaps none.
        let to = self.assign(inst.to());
        for register in inst.operands().chain([inst.to()]) {
            self.release(register, k + 1);
        }
        Step { code: inst.code(isa), to, from }
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

    /// Gives the slot of `register` back where no instruction from `next` on reads it.
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
