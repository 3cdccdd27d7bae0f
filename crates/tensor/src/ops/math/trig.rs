//! Sine, cosine and tangent.
//!
//! `x = n π/2 + r` with an integer `n` and `|r| <= π/4`, by subtracting `n` times three parts of π/2.
//! That holds up to [`Real::ANGLE_MAX`]; beyond it the C library's functions serve.

use super::real::{Real, polynomial, ratio, sum};

/// `n`, as [`Real::bit`] wants it, `sin r` and `cos r`, each with what it has beyond itself, for
/// `|x|` up to [`Real::ANGLE_MAX`].
#[inline(always)]
fn turned<T: Real>(x: T) -> (T, [T; 2], [T; 2]) {
    let rounded = x.mul_add(T::TWO_OVER_PI, T::ROUNDER);
    let n = -(rounded - T::ROUNDER);
    // The first product is taken off exactly; what the second loses goes with the third.
    let first = n.mul_add(T::HALF_PI, x);
    let second = n.mul_add(T::HALF_PI_LOW, first);
    let lost = n.mul_add(T::HALF_PI_LOW, first - second);
    let third = n.mul_add(T::HALF_PI_LOWEST, lost);
    let r = second + third;
    let r_low = (second - r) + third;
    let z = r * r;
    let sin = sum(r, (r * z).mul_add(polynomial(z, T::SIN), r_low));
    // 1 - z/2 is rounded; what it lost is added with the rest.
    let half = T::of(0.5) * z;
    let top = T::of(1.0) - half;
    let top_low = (T::of(1.0) - top) - half - r * r_low;
    let cos = sum(top, (z * z).mul_add(polynomial(z, T::COS), top_low));
    (rounded, sin, cos)
}

/// For `|x|` up to [`Real::ANGLE_MAX`].
#[inline(always)]
pub(crate) fn sin<T: Real>(x: T) -> T {
    let (n, sin, cos) = turned(x);
    let y = if T::bit(n, 0) { cos[0] } else { sin[0] };
    let y = if T::bit(n, 1) { -y } else { y };
    if x == T::of(0.0) { x } else { y }
}

/// For `|x|` up to [`Real::ANGLE_MAX`].
#[inline(always)]
pub(crate) fn cos<T: Real>(x: T) -> T {
    let (n, sin, cos) = turned(x);
    let y = if T::bit(n, 0) { sin[0] } else { cos[0] };
    if T::bit(n, 0) != T::bit(n, 1) { -y } else { y }
}

/// For `|x|` up to [`Real::ANGLE_MAX`].
#[inline(always)]
pub(crate) fn tan<T: Real>(x: T) -> T {
    let (n, sin, cos) = turned(x);
    let is_odd = T::bit(n, 0);
    let above = if is_odd { [-cos[0], -cos[1]] } else { sin };
    let below = if is_odd { sin } else { cos };
    if x == T::of(0.0) { x } else { ratio(above, below) }
}
