//! Which instructions make a chain: each a cheap function of what the one before gives, which nobody
//! else reads.

use std::ops::Range;

use ferrule_base::DType;

use super::{Inst, Tape};
use crate::ops::code::{Binary, Unary};

/// A function of the element `x` that goes along a chain, and maybe of another one, `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// `-x`
    Neg,
    /// `|x|`
    Abs,
    /// `√x`
    Sqrt,
    /// `x * x`
    Square,
    /// `x + y`
    Add,
    /// `x * y`
    Mul,
    /// `x - y`
    Sub,
    /// `y - x`
    SubFrom,
    /// `x / y`
    Div,
    /// `y / x`
    DivInto,
    /// `maximum(x, y)`
    Maximum,
    /// `maximum(y, x)`
    MaximumOf,
    /// `minimum(x, y)`
    Minimum,
    /// `minimum(y, x)`
    MinimumOf,
}

impl Link {
    /// What `inst` does to register `x`, and the register of `y`, which is `x` where there is none.
    pub(super) fn of(inst: &Inst, x: u16) -> Option<(Self, u16)> {
        match *inst {
            Inst::Unary { f, dtype, from, .. } if is_float(dtype) && from == x => {
                Self::unary(f).map(|link| (link, x))
            }
            Inst::Binary { f: Binary::Mul, dtype, left, right, .. }
                if is_float(dtype) && left == x && right == x =>
            {
                Some((Self::Square, x))
            }
            Inst::Binary { f, dtype, left, right, .. } if is_float(dtype) && left != right => {
                if left == x {
                    Self::binary(f).map(|link| (link, right))
                } else if right == x {
                    Self::binary_from_the_right(f).map(|link| (link, left))
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    fn unary(f: Unary) -> Option<Self> {
        Some(match f {
            Unary::Neg => Self::Neg,
            Unary::Abs => Self::Abs,
            Unary::Sqrt => Self::Sqrt,
            Unary::Square => Self::Square,
            _ => return None,
        })
    }

    fn binary(f: Binary) -> Option<Self> {
        Some(match f {
            Binary::Add => Self::Add,
            Binary::Mul => Self::Mul,
            Binary::Sub => Self::Sub,
            Binary::Div => Self::Div,
            Binary::Maximum => Self::Maximum,
            Binary::Minimum => Self::Minimum,
            _ => return None,
        })
    }

    fn binary_from_the_right(f: Binary) -> Option<Self> {
        Self::binary(f).map(|link| match link {
            Self::Sub => Self::SubFrom,
            Self::Div => Self::DivInto,
            Self::Maximum => Self::MaximumOf,
            Self::Minimum => Self::MinimumOf,
            same => same,
        })
    }
}

fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::Fp32 | DType::Fp64)
}

/// The instructions of `tape`, in order, each by itself or, where `chains` are wanted, with others that
/// make one.
pub(super) fn parts(tape: &Tape, chains: bool) -> Vec<Range<usize>> {
    let mut readers = vec![0; usize::from(tape.registers)];
    let operands = tape.insts.iter().flat_map(Inst::operands);
    for register in operands.chain(tape.outputs.iter().map(|output| output.0)) {
        readers[usize::from(register)] += 1;
    }
    let mut parts = Vec::new();
    let mut start = 0;
    while start < tape.insts.len() {
        let length = if chains { chain_length(&tape.insts[start..], &readers) } else { 1 };
        let end = start + length;
        parts.push(start..end);
        start = end;
    }
    parts
}

/// How many of `insts`, the first, make a chain; 1 where there is none. `readers` has how often each
/// register is read.
fn chain_length(insts: &[Inst], readers: &[usize]) -> usize {
    let first = insts[0].operands().next();
    if first.and_then(|x| Link::of(&insts[0], x)).is_none() {
        return 1;
    }
    let goes_on = |pair: &&[Inst]| {
        let x = pair[0].to();
        let reads = pair[1].operands().filter(|&operand| operand == x).count();
        reads == readers[usize::from(x)] && Link::of(&pair[1], x).is_some()
    };
    1 + insts.windows(2).take_while(goes_on).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DTYPE: DType = DType::Fp32;

    fn binary(f: Binary, left: u16, right: u16, to: u16) -> Inst {
        Inst::Binary { f, dtype: DTYPE, left, right, to }
    }

    fn lengths(insts: &[Inst], outputs: &[u16]) -> Vec<usize> {
        let tape = Tape {
            inputs: vec![DTYPE; 2],
            insts: insts.to_vec(),
            outputs: outputs.iter().map(|&output| (output, DTYPE)).collect(),
            registers: 2 + insts.len() as u16,
        };
        let parts = parts(&tape, true);
        assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(super::parts(&tape, false).iter().all(|part| part.len() == 1));
        parts.iter().map(Range::len).collect()
    }

    #[test]
    fn cheap_functions_of_what_the_last_one_gave_make_a_chain() {
        let abs = Inst::Unary { f: Unary::Abs, dtype: DTYPE, from: 4, to: 5 };
        let mul = |left, right, to| binary(Binary::Mul, left, right, to);
        let insts = [mul(0, 1, 2), binary(Binary::Sub, 1, 2, 3), mul(3, 3, 4), abs];
        assert_eq!(lengths(&insts, &[5]), [4]);
    }

    #[test]
    fn what_is_wanted_elsewhere_or_costs_much_ends_a_chain() {
        let add = |left, right, to| binary(Binary::Add, left, right, to);
        let insts = [add(0, 1, 2), add(2, 1, 3), add(3, 1, 4)];
        assert_eq!(lengths(&insts, &[4]), [3]);
        assert_eq!(lengths(&insts, &[4, 3]), [2, 1]);
        assert_eq!(lengths(&[add(0, 1, 2), add(2, 1, 3), add(3, 2, 4)], &[4]), [1, 2]);
        let exp = Inst::Unary { f: Unary::Exp, dtype: DTYPE, from: 3, to: 4 };
        assert_eq!(lengths(&[add(0, 1, 2), add(2, 1, 3), exp, add(4, 1, 5)], &[5]), [2, 1, 1]);
        let integers =
            |left, to| Inst::Binary { f: Binary::Add, dtype: DType::Int32, left, right: 1, to };
        assert_eq!(lengths(&[integers(0, 2), integers(2, 3)], &[3]), [1, 1]);
    }
}
