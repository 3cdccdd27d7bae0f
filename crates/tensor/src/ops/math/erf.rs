//! The error function.
//!
//! `erfc t = e^(-t²) g(t) / (1 + 2t)` for `t >= 0`, where `g` hardly changes: it is a polynomial in
//! `(t - c) / (t + c)`, which maps all of it to less than ±1 (after M. Shepherd and J. Laframboise,
//! "Chebyshev approximation of (1 + 2x) exp(x²) erfc x", 1981).

use super::exp::scaled_exp;
use super::real::{Real, polynomial};

/// `erfc t` for `t >= 0`.
#[inline(always)]
fn tail<T: Real>(t: T) -> T {
    let t = if t > T::ERFC_MAX { T::ERFC_MAX } else { t };
    let q = (t - T::ERFC_CENTER) / (t + T::ERFC_CENTER);
    let g = polynomial(q, T::ERFC) / t.mul_add(T::of(2.0), T::of(1.0));
    let square = t * t;
    let lost = t.mul_add(t, -square);
    scaled_exp(-square, -lost, 0) * g
}

/// `erf x` for `|x| < 3/4`.
#[inline(always)]
fn middle<T: Real>(x: T) -> T {
    x.mul_add(polynomial(x * x, T::ERF), x)
}

#[inline(always)]
pub(crate) fn erf<T: Real>(x: T) -> T {
    let size = x.abs();
    let large = (T::of(1.0) - tail(size)).copysign(x);
    if size < T::of(0.75) { middle(x) } else { large }
}

#[inline(always)]
pub(crate) fn erfc<T: Real>(x: T) -> T {
    let size = x.abs();
    let y = tail(size);
    let large = if x < T::of(0.0) { T::of(2.0) - y } else { y };
    if size < T::of(0.5) { T::of(1.0) - middle(x) } else { large }
}
