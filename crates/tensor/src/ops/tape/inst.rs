//! One function of a tape.

use ferrule_base::DType;

use super::functions;
use super::loops::Loop;
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};

/// One function of a [`Tape`]; registers are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields are registers, and types of what is in them")]
pub enum Inst {
    /// `to = f(from)`
    Unary { f: Unary, dtype: DType, from: u16, to: u16 },
    /// `to = f(left, right)`; `dtype` is the operands'.
    Binary { f: Binary, dtype: DType, left: u16, right: u16, to: u16 },
    /// `to = cond ? yes : no`; `cond` is a truth value.
    Select { dtype: DType, cond: u16, yes: u16, no: u16, to: u16 },
    /// `to = from`, converted.
    Cast { from_dtype: DType, to_dtype: DType, from: u16, to: u16 },
}

impl Inst {
    /// The registers that it reads.
    pub fn operands(&self) -> impl Iterator<Item = u16> {
        let (registers, n) = match *self {
            Self::Unary { from, .. } | Self::Cast { from, .. } => ([from, 0, 0], 1),
            Self::Binary { left, right, .. } => ([left, right, 0], 2),
            Self::Select { cond, yes, no, .. } => ([cond, yes, no], 3),
        };
        registers.into_iter().take(n)
    }

    /// The register that it writes.
    pub fn to(&self) -> u16 {
        match *self {
            Self::Unary { to, .. }
            | Self::Binary { to, .. }
            | Self::Select { to, .. }
            | Self::Cast { to, .. } => to,
        }
    }

    /// Its loop.
    ///
    /// # Panics
    /// Where the type has no such function.
    pub(super) fn code(&self, isa: Isa) -> Loop {
        match *self {
            Self::Unary { f, dtype, .. } => functions::unary(isa, f, dtype),
            Self::Binary { f, dtype, .. } => functions::binary(isa, f, dtype),
            Self::Select { dtype, .. } => functions::select(isa, dtype),
            Self::Cast { from_dtype, to_dtype, .. } => functions::cast(isa, from_dtype, to_dtype),
        }
    }

    /// Whether its loop takes one element for all as operand `k`.
    pub(super) fn takes_one(&self, k: usize) -> bool {
        let Self::Binary { f, dtype, .. } = *self else { return false };
        k == 1 && functions::takes_one(f, dtype)
    }

    /// The type of its operands.
    pub(super) fn dtype(&self) -> DType {
        match *self {
            Self::Unary { dtype, .. } | Self::Binary { dtype, .. } | Self::Select { dtype, .. } => {
                dtype
            }
            Self::Cast { from_dtype, .. } => from_dtype,
        }
    }

    /// Bytes of the widest element that it reads or writes.
    pub(super) fn widest(&self) -> usize {
        match *self {
            Self::Cast { from_dtype, to_dtype, .. } => from_dtype.size().max(to_dtype.size()),
            _ => self.dtype().size(),
        }
    }

    /// About how long an element takes, in 16ths of a nanosecond.
    pub(super) fn cost(&self) -> usize {
        let (weight, dtype) = match *self {
            Self::Unary { f, dtype, .. } => (unary_cost(f), dtype),
            Self::Binary { f, dtype, .. } => (binary_cost(f, dtype), dtype),
            Self::Select { dtype, .. } => (2, dtype),
            Self::Cast { to_dtype, .. } => (2, to_dtype),
        };
        weight * dtype.size().div_ceil(4)
    }
}

fn unary_cost(f: Unary) -> usize {
    match f {
        Unary::Sqrt | Unary::Rsqrt | Unary::Reciprocal => 4,
        f if f as u8 >= Unary::Exp as u8 && (f as u8) < Unary::Floor as u8 => 12,
        _ => 1,
    }
}

fn binary_cost(f: Binary, dtype: DType) -> usize {
    let is_float = matches!(dtype, DType::Fp32 | DType::Fp64);
    match f {
        Binary::Div if is_float => 3,
        Binary::Div | Binary::FloorDiv | Binary::FloorMod => 30,
        Binary::Pow | Binary::Atan2 => 30,
        _ => 1,
    }
}
