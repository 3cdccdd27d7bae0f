//! Functions of single floats, with the bits that the loops give.

use super::functions;
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::code::{Binary, Unary};
use crate::ops::math::Real;

/// `f(x)`; 1 for true and 0 for false.
///
/// # Panics
/// Where floats have no such function.
#[inline]
pub fn unary_f32(f: Unary, x: f32) -> f32 {
    unary(f, x)
}

/// `f(x)`; 1 for true and 0 for false.
///
/// # Panics
/// Where floats have no such function.
#[inline]
pub fn unary_f64(f: Unary, x: f64) -> f64 {
    unary(f, x)
}

/// `f(x, y)`; 1 for true and 0 for false.
///
/// # Panics
/// Where floats have no such function.
#[inline]
pub fn binary_f32(f: Binary, x: f32, y: f32) -> f32 {
    binary(f, x, y)
}

/// `f(x, y)`; 1 for true and 0 for false.
///
/// # Panics
/// Where floats have no such function.
#[inline]
pub fn binary_f64(f: Binary, x: f64, y: f64) -> f64 {
    binary(f, x, y)
}

/// The commonest functions where they are called; the others by way of [`dispatch`].
#[inline(always)]
fn unary<T: Real>(f: Unary, x: T) -> T {
    match f {
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        Unary::Square => x * x,
        _ => rare_unary(f, x),
    }
}

#[inline(always)]
fn binary<T: Real>(f: Binary, x: T, y: T) -> T {
    match f {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        _ => rare_binary(f, x, y),
    }
}

#[inline(never)]
fn rare_unary<T: Real>(f: Unary, x: T) -> T {
    dispatch(Isa::detect(), OfOne(f, x))
}

#[inline(never)]
fn rare_binary<T: Real>(f: Binary, x: T, y: T) -> T {
    dispatch(Isa::detect(), OfTwo(f, x, y))
}

struct OfOne<T>(Unary, T);

impl<T: Real> Kernel for OfOne<T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        functions::unary_value(self.0, self.1)
    }
}

struct OfTwo<T>(Binary, T, T);

impl<T: Real> Kernel for OfTwo<T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        functions::binary_value(self.0, self.1, self.2)
    }
}
