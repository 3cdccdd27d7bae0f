//! Inverse trigonometric functions.

use super::real::{Real, polynomial};

/// `(large, s, t)`: `s + t` is `asin |x|`, or where `x` is large, `acos |x| / 2`.
#[inline(always)]
fn halved<T: Real>(x: T) -> (bool, T, T) {
    let size = x.abs();
    let large = size > T::of(0.5);
    let z = if large { (T::of(1.0) - size) * T::of(0.5) } else { size * size };
    let s = if large { z.sqrt() } else { size };
    (large, s, s * z * polynomial(z, T::ASIN))
}

#[inline(always)]
pub(crate) fn asin<T: Real>(x: T) -> T {
    let (large, s, t) = halved(x);
    let two = T::of(2.0);
    let other = (T::HALF_PI - two * s) - (two * t - T::HALF_PI_LOW);
    (if large { other } else { s + t }).copysign(x)
}

#[inline(always)]
pub(crate) fn acos<T: Real>(x: T) -> T {
    let (large, s, t) = halved(x);
    let twice = T::of(2.0) * (s + t);
    let left = T::PI - (twice - T::of(2.0) * T::HALF_PI_LOW);
    let middle = T::HALF_PI - ((s + t).copysign(x) - T::HALF_PI_LOW);
    let outer = if x < T::of(0.0) { left } else { twice };
    if large { outer } else { middle }
}

/// The angle of the point `(x, y)`, neither below 0: it is turned by 0, -π/4 or -π/2 to lie within
/// π/8 of the axis.
#[inline(always)]
fn angle<T: Real>(y: T, x: T) -> T {
    let low = y <= x * T::of(std::f64::consts::SQRT_2 - 1.0);
    let high = y > x * T::of(std::f64::consts::SQRT_2 + 1.0);
    let (above, below) = if high { (-x, y) } else { (y - x, y + x) };
    let (above, below) = if low { (y, x) } else { (above, below) };
    let t = above / below;
    let z = t * t;
    let a = (t * z).mul_add(polynomial(z, T::ATAN), t);
    let share = if high { T::of(1.0) } else { T::of(0.5) };
    let share = if low { T::of(0.0) } else { share };
    share * T::HALF_PI + (share * T::HALF_PI_LOW + a)
}

#[inline(always)]
pub(crate) fn atan<T: Real>(x: T) -> T {
    angle(x.abs(), T::of(1.0)).copysign(x)
}

#[inline(always)]
pub(crate) fn atan2<T: Real>(y: T, x: T) -> T {
    let (up, right) = (y.abs(), x.abs());
    let most = if up > right { up } else { right };
    let scale = if most > T::LARGE { T::of(0.25) } else { T::of(1.0) };
    let scale = if most < T::of(1.0) / T::UP { T::UP } else { scale };
    let both_infinite = up == T::INFINITY && right == T::INFINITY;
    let point = if both_infinite { (T::of(1.0), T::of(1.0)) } else { (up * scale, right * scale) };
    let a = angle(point.0, point.1);
    let a = if up == T::of(0.0) { T::of(0.0) } else { a };
    let back = T::PI - (a - T::of(2.0) * T::HALF_PI_LOW);
    let a = (if x.is_negative() { back } else { a }).copysign(y);
    if x.is_nan() || y.is_nan() { x + y } else { a }
}
