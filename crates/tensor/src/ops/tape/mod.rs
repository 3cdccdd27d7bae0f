//! Element-wise programs: many functions in one pass over memory.
//!
//! A [`Tape`] says what is computed; a [`Program`] is it made ready to run often. It works tile by
//! tile, each function a vectorised loop over a tile that fits the first-level cache, and cheap functions
//! of floats that follow each other one loop together, in registers. Operands are read where they lie,
//! results written where they stay, and what lies between is memory of the thread that later
//! functions use again. Large arrays are shared among the threads of [`pool`](crate::pool).
//!
//! No sum of products is contracted, and an element's bits depend on its operands alone: not on its
//! place, the number of threads, the instruction set, or on how functions are grouped into tapes.

mod chain;
mod functions;
mod inst;
mod job;
mod layout;
mod links;
mod loops;
mod program;
mod scalar;
mod single;
mod source;
mod stream;

use ferrule_base::DType;

pub use inst::Inst;
pub use program::Program;
pub use scalar::{binary_f32, binary_f64, unary_f32, unary_f64};
pub use single::{binary, cast, select, unary};

use super::error::OpError;
use crate::array::{Buffer, Shape, View};

/// Functions of elements, in order. A register is written once: the first ones by the operands,
/// the others by one instruction each, before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tape {
    /// Types of the operands, which are in the registers from 0 on.
    pub inputs: Vec<DType>,
    /// What is computed.
    pub insts: Vec<Inst>,
    /// Registers that are results, and their types.
    pub outputs: Vec<(u16, DType)>,
    /// The number of registers.
    pub registers: u16,
}

/// Where an operand of a tape is.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// An array that broadcasts to the shape.
    View(View<'a>),
    /// What the output of this number has before it is written: of the full shape, and with
    /// elements of the same size.
    Output(usize),
}

impl Tape {
    /// Runs the tape once; to run it often, make a [`Program`] of it.
    ///
    /// # Errors
    /// As [`Program::run`].
    ///
    /// # Panics
    /// As [`Program::new`] and [`Program::run`].
    pub fn run(
        &self,
        shape: &Shape,
        operands: &[Operand<'_>],
        outputs: &mut [Buffer],
    ) -> Result<(), OpError> {
        Program::new(self).run(shape, operands, outputs)
    }
}
