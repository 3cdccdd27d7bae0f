//! Powers.

use super::exp::{exp, scaled_exp};
use super::log::log;
use super::real::{Real, polynomial};
use super::tables::{LOG_TAIL, Tables};

/// `x^y`, with the special values of C99.
#[inline(always)]
pub(crate) fn pow<T: Real>(x: T, y: T) -> T {
    let (zero, one) = (T::of(0.0), T::of(1.0));
    let size = x.abs();
    let half = T::of(0.5) * y;
    let is_integer = y.floor() == y;
    let is_odd = is_integer && half.floor() != half;
    let end = if (size == zero) != (y > zero) { T::INFINITY } else { zero };
    let is_end = size == zero || size == T::INFINITY;
    let value = if is_end { end } else { size.positive_power(y) };
    let value = if size == one { one } else { value };
    let value = if is_odd && x.is_negative() { -value } else { value };
    let no_real = x < zero && x > -T::INFINITY && !is_integer;
    let value = if no_real { T::NAN } else { value };
    let value = if x.is_nan() || y.is_nan() { x + y } else { value };
    // Squares are common, and plans make products of them: the same bits, correctly rounded.
    let value = if y == T::of(2.0) { x * x } else { value };
    let value = if y == one { x } else { value };
    if y == zero || x == one { one } else { value }
}

/// The power in twice the width, which has bits to spare.
#[inline(always)]
pub(super) fn by_double(x: f32, y: f32) -> f32 {
    exp(f64::from(y) * log(f64::from(x))) as f32
}

/// The power by a logarithm of two doubles, since `y` multiplies its error.
#[inline(always)]
pub(super) fn by_two_doubles(x: f64, y: f64) -> f64 {
    let (high, low) = precise_log(x);
    let product = y * high;
    let rest = y.mul_add(high, -product) + y * low;
    // Beyond the range of e^x what remains of the product may not be a number.
    let rest = if product.abs() < 800.0 { rest } else { 0.0 };
    scaled_exp(product, rest, 0)
}

/// `ln x` as a sum of two, to about 2^-64 of it, for `x` positive and finite.
#[inline(always)]
fn precise_log(x: f64) -> (f64, f64) {
    const TWO_THIRDS: f64 = 2.0 / 3.0;
    /// What 2/3 has beyond it.
    const TWO_THIRDS_LOW: f64 = TWO_THIRDS / 18014398509481984.0;
    let few_bits = x < f64::MIN_NORMAL;
    let (m, e) = (if few_bits { x * f64::UP } else { x }).split();
    let e = if few_bits { e - 100.0 } else { e };
    // s = (m - 1) / (m + 1)
    let (above, below) = (m - 1.0, m + 1.0);
    let below_low = m - (below - 1.0);
    let s = above / below;
    let s_low = ((-s).mul_add(below, above) - s * below_low) / below;
    // ln m = 2s + s³ (2/3 + z (2/5 + ...)), z = s²
    let z = s * s;
    let z_low = s.mul_add(s, -z) + 2.0 * s * s_low;
    let beyond = z * polynomial(z, LOG_TAIL).mul_add(z, 0.4);
    let factor = TWO_THIRDS + beyond;
    let factor_low = (TWO_THIRDS - factor) + beyond + TWO_THIRDS_LOW;
    let cube = s * z;
    let cube_low = s.mul_add(z, -cube) + (s * z_low + s_low * z);
    let term = cube * factor;
    let term_low = cube.mul_add(factor, -term) + (cube * factor_low + cube_low * factor);
    let twice = 2.0 * s;
    let log_m = twice + term;
    let log_m_low = (twice - log_m) + term + (2.0 * s_low + term_low);
    // e ln 2 is 0, or more than ln m.
    let log_e = e * f64::LN2_HIGH;
    let high = log_e + log_m;
    let low = (log_e - high) + log_m + (log_m_low + e * f64::LN2_LOW);
    let sum = high + low;
    (sum, (high - sum) + low)
}
