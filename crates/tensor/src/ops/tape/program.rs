//! Tapes made ready to run.

use std::ops::Range;

use ferrule_base::DType;

use super::job::{Job, Step, Target};
use super::layout::Layout;
use super::{Operand, Tape};
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
    pub(super) inputs: Vec<DType>,
    pub(super) outputs: Vec<DType>,
    pub(super) steps: Vec<Step>,
    /// Pieces of memory for what lies between.
    pub(super) n_slots: usize,
    /// Bytes of the widest element.
    pub(super) widest: usize,
    /// What an element costs, see [`Job`].
    pub(super) cost: usize,
    /// For each input, the first step that may write where it lies.
    pub(super) writable_from: Vec<usize>,
    /// For each output, the step that writes it.
    pub(super) written_by: Vec<usize>,
    /// For each input, whether all that read it take one element for all.
    pub(super) one_suffices: Vec<bool>,
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
        Layout::new(tape, isa).program()
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
                let overwritten = self.writable_from[k] > self.written_by[*output];
                job.sources.push_target(target, overwritten);
            }
        }
    }
}
