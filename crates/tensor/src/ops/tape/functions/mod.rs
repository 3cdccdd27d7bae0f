//! From a function and a type to its loop, and to single values.

mod cast;
mod compare;
mod float;
mod int;

use ferrule_base::DType;

use super::loops::{self, Loop, Map};
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};
use crate::ops::math::Real;

/// The loop of `f` of elements of `dtype`.
///
/// # Panics
/// Where the type has no such function.
pub(super) fn unary(isa: Isa, f: Unary, dtype: DType) -> Loop {
    let found = match dtype {
        DType::Fp32 => float::unary_loop::<f32>(isa, f),
        DType::Fp64 => float::unary_loop::<f64>(isa, f),
        DType::Int32 => int::unary_loop::<i32>(isa, f),
        DType::Int64 => int::unary_loop::<i64>(isa, f),
        DType::Uint8 => int::unary_loop::<u8>(isa, f),
        DType::Bool => compare::not_loop(isa, f),
        _ => None,
    };
    found.unwrap_or_else(|| panic!("{f:?} is no function of {dtype}"))
}

/// The loop of `f` of elements of `dtype`.
///
/// # Panics
/// Where the type has no such function.
pub(super) fn binary(isa: Isa, f: Binary, dtype: DType) -> Loop {
    let found = match dtype {
        DType::Fp32 => float::binary_loop::<f32>(isa, f),
        DType::Fp64 => float::binary_loop::<f64>(isa, f),
        DType::Int32 => int::binary_loop::<i32>(isa, f),
        DType::Int64 => int::binary_loop::<i64>(isa, f),
        DType::Uint8 => int::binary_loop::<u8>(isa, f),
        DType::Bool => compare::logic_loop(isa, f),
        _ => None,
    };
    let comparison = || match dtype {
        DType::Fp32 => compare::binary_loop::<f32>(isa, f),
        DType::Fp64 => compare::binary_loop::<f64>(isa, f),
        DType::Int32 => compare::binary_loop::<i32>(isa, f),
        DType::Int64 => compare::binary_loop::<i64>(isa, f),
        DType::Uint8 | DType::Bool => compare::binary_loop::<u8>(isa, f),
        _ => None,
    };
    found.or_else(comparison).unwrap_or_else(|| panic!("{f:?} is no function of {dtype}"))
}

/// Whether the loop of `f` takes one element as its second operand.
pub(super) fn takes_one(f: Binary, dtype: DType) -> bool {
    matches!(dtype, DType::Fp32 | DType::Fp64) && float::gives_float(f)
}

/// The loop that chooses between elements of `dtype`.
pub(super) fn select(isa: Isa, dtype: DType) -> Loop {
    match dtype.size() {
        1 => loops::select::<u8>(isa),
        4 => loops::select::<u32>(isa),
        8 => loops::select::<u64>(isa),
        _ => panic!("no array has elements of {dtype}"),
    }
}

/// The loop that converts elements.
pub(super) fn cast(isa: Isa, from: DType, to: DType) -> Loop {
    cast::cast_loop(isa, from, to).unwrap_or_else(|| panic!("{from} does not convert to {to}"))
}

/// The loop that copies elements.
pub(super) fn copy(isa: Isa, dtype: DType) -> Loop {
    match dtype.size() {
        1 => loops::map::<Same, u8>(isa),
        4 => loops::map::<Same, u32>(isa),
        8 => loops::map::<Same, u64>(isa),
        _ => panic!("no array has elements of {dtype}"),
    }
}

struct Same;

impl<T: Copy> Map<T> for Same {
    type To = T;

    #[inline(always)]
    fn value(x: T) -> T {
        x
    }
}

/// The value of `f`, 1 for true and 0 for false, also of operands that are truth values.
#[inline(always)]
pub(super) fn unary_value<T: Real>(f: Unary, x: T) -> T {
    if f == Unary::LogicalNot {
        return truth(x == T::of(0.0));
    }
    float::unary_value(f, x).unwrap_or_else(|| panic!("{f:?} is no function of floats"))
}

/// The value of `f`, 1 for true and 0 for false, also of operands that are truth values.
#[inline(always)]
pub(super) fn binary_value<T: Real>(f: Binary, x: T, y: T) -> T {
    let logic = || compare::logic_value(f, x != T::of(0.0), y != T::of(0.0));
    float::binary_value(f, x, y)
        .or_else(|| compare::holds(f, x, y).or_else(logic).map(truth))
        .unwrap_or_else(|| panic!("{f:?} is no function of floats"))
}

#[inline(always)]
fn truth<T: Real>(holds: bool) -> T {
    T::of(f64::from(u8::from(holds)))
}
