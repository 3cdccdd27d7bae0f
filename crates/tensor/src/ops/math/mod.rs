//! Mathematical functions of floats, for loops that become vector instructions.
//!
//! No function has a branch, a table look-up or a call, fused multiply-adds are written out, and
//! nothing is left to re-association: an element has the same bits in a vector, behind the last
//! whole vector, alone, and on any instruction set. Special values are those of C99. The errors, in
//! units in the last place, are held by the tests in `tests/math.rs`.

mod arc;
mod erf;
mod exp;
mod log;
mod pow;
mod real;
mod tables;
mod trig;

pub(crate) use arc::{acos, asin, atan, atan2};
pub(crate) use erf::{erf, erfc};
pub(crate) use exp::{cosh, exp, expm1, sigmoid, sinh, softplus, tanh};
pub(crate) use log::{log, log1p};
pub(crate) use pow::pow;
pub(crate) use real::Real;
pub(crate) use trig::{cos, sin, tan};
