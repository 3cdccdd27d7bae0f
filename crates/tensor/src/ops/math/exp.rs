//! Exponential functions.
//!
//! `x = n ln 2 + r` with an integer `n` and `|r| <= ln 2 / 2`; `e^r` is a polynomial, and `2^n` a
//! shift of its exponent.

use super::log::log1p;
use super::real::{Real, polynomial, ratio, sum};

/// `n`, as [`Real::bit`] wants it, `r` and `e^r - 1 - r`; `low` is what `x` has
/// beyond itself.
#[inline(always)]
fn reduced<T: Real>(x: T, low: T) -> (T, T, T) {
    let rounded = x.mul_add(T::LOG2_E, T::ROUNDER);
    let n = -(rounded - T::ROUNDER);
    let r = n.mul_add(T::LN2_LOW, n.mul_add(T::LN2_HIGH, x)) + low;
    (rounded, r, r * r * polynomial(r, T::EXP))
}

/// `2^shift e^(x + low)` for a small `low`.
#[inline(always)]
pub(super) fn scaled_exp<T: Real>(x: T, low: T, shift: i32) -> T {
    let (least, most) = T::EXP_RANGE;
    let x = if x < least { least } else { x };
    let x = if x > most { most } else { x };
    let (rounded, r, rest) = reduced(x, low);
    let (one, other) = T::two_powers_of_two(rounded, shift);
    (T::of(1.0) + (r + rest)) * one * other
}

#[inline(always)]
pub(crate) fn exp<T: Real>(x: T) -> T {
    scaled_exp(x, T::of(0.0), 0)
}

#[inline(always)]
pub(crate) fn expm1<T: Real>(x: T) -> T {
    // Beyond these bounds it is -1 and infinite; within them, 2^n / 2 is in range.
    let most = T::EXP_RANGE.1 - T::of(1.0);
    let bounded = if x < T::of(-50.0) { T::of(-50.0) } else { x };
    let bounded = if bounded > most { most } else { bounded };
    let (rounded, r, rest) = reduced(bounded, T::of(0.0));
    // Half of it does not overflow before it should.
    let half = T::power_of_two(rounded, -1);
    let y = T::of(2.0) * half.mul_add(rest, half.mul_add(r, half - T::of(0.5)));
    if x.abs() < T::TINY { x } else { y }
}

/// `1 - 2 / (t + 2)` with `t = e^(2|x|) - 1`; near 0, so that nothing cancels, `t / (t + 2)`.
#[inline(always)]
pub(crate) fn tanh<T: Real>(x: T) -> T {
    let (one, two, most) = (T::of(1.0), T::of(2.0), T::of(20.0));
    let size = if x.abs() > most { most } else { x.abs() };
    let t = expm1(two * size);
    let large = t > one;
    let above = if large { two } else { t };
    let quotient = ratio([above, T::of(0.0)], sum(two, t));
    (if large { one - quotient } else { quotient }).copysign(x)
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    let e = exp(-x.abs());
    let above = if x < T::of(0.0) { e } else { T::of(1.0) };
    ratio([above, T::of(0.0)], sum(T::of(1.0), e))
}

/// `ln(1 + e^x)`
#[inline(always)]
pub(crate) fn softplus<T: Real>(x: T) -> T {
    let above = if x > T::of(0.0) { x } else { T::of(0.0) };
    above + log1p(exp(-x.abs()))
}

#[inline(always)]
pub(crate) fn cosh<T: Real>(x: T) -> T {
    let half = scaled_exp(x.abs(), T::of(0.0), -1);
    half + T::of(0.25) / half
}

#[inline(always)]
pub(crate) fn sinh<T: Real>(x: T) -> T {
    let size = x.abs();
    let half = scaled_exp(size, T::of(0.0), -1);
    let large = (half - T::of(0.25) / half).copysign(x);
    let z = x * x;
    let small = (x * z).mul_add(polynomial(z, T::SINH), x);
    if size < T::of(1.0) { small } else { large }
}
