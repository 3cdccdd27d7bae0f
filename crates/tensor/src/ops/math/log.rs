//! Logarithms.
//!
//! `x = m 2^e` with `√½ <= m < √2`, and `ln m = 2 artanh s` with `s = (m - 1) / (m + 1)`.

use super::real::{Real, polynomial};

/// `e ln 2 + ln(1 + f) + rest` for a small `rest`.
///
/// `ln(1 + f) = f - (f²/2 - s (f²/2 + R))`, where `R` is what `2 artanh s / s` has beyond 2: so `f`,
/// which is exact, keeps its bits.
#[inline(always)]
fn sum<T: Real>(f: T, e: T, rest: T) -> T {
    let s = f / (T::of(2.0) + f);
    let z = s * s;
    let r = z * polynomial(z, T::LOG);
    let half_square = T::of(0.5) * f * f;
    let low = s * (half_square + r) + (e * T::LN2_LOW + rest);
    e * T::LN2_HIGH - ((half_square - low) - f)
}

#[inline(always)]
pub(crate) fn log<T: Real>(x: T) -> T {
    let few_bits = x < T::MIN_NORMAL;
    let (m, e) = (if few_bits { x * T::UP } else { x }).split();
    let e = if few_bits { e - T::of(100.0) } else { e };
    let y = sum(m - T::of(1.0), e, T::of(0.0));
    // What is infinite or NaN is so still.
    let y = if x < T::INFINITY { y } else { x };
    let beyond = if x == T::of(0.0) { -T::INFINITY } else { T::NAN };
    if x > T::of(0.0) { y } else { beyond }
}

#[inline(always)]
pub(crate) fn log1p<T: Real>(x: T) -> T {
    let one = T::of(1.0);
    let u = one + x;
    // What the sum lost, exactly.
    let lost = if x < one { x - (u - one) } else { one - (u - x) };
    let (m, e) = u.split();
    let y = sum(m - one, e, lost / u);
    let y = if x < T::INFINITY { y } else { x };
    let beyond = if x == -one { -T::INFINITY } else { T::NAN };
    let y = if x > -one { y } else { beyond };
    if x.abs() < T::TINY { x } else { y }
}
