//! What the functions need of a float type beyond arithmetic.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::tables::Tables;

/// `f32` or `f64`.
///
/// Everything here has no branch and no call, so that a loop over it becomes vector instructions,
/// and gives the same bits on any of them.
pub(crate) trait Real:
    Copy
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Tables
    + Send
    + Sync
    + 'static
{
    const INFINITY: Self;
    const NAN: Self;
    const LOG2_E: Self;
    const PI: Self;
    const HALF_PI: Self;
    const TWO_OVER_PI: Self;
    /// The least number that has all its bits.
    const MIN_NORMAL: Self;
    /// Below it, a function like `x + O(x²)` is `x`.
    const TINY: Self;
    /// Half of its unit in the last place is 1/2: what is added to it is rounded to an integer, which
    /// the lowest bits then hold.
    const ROUNDER: Self;
    /// Beyond them, `e^x` is infinite or 0, and so is `e^x / 2`.
    const EXP_RANGE: (Self, Self);
    /// Beyond it, an angle cannot be reduced by a few products.
    const ANGLE_MAX: Self;
    /// Beyond it, sums of two numbers may overflow; their quarters do not.
    const LARGE: Self;
    /// A large power of two: its reciprocal has room below it.
    const UP: Self;

    /// The nearest to `x`.
    fn of(x: f64) -> Self;
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn abs(self) -> Self;
    fn is_nan(self) -> bool;
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    /// To the nearest integer, ties to even.
    fn round(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    /// Whether the sign bit is set.
    fn is_negative(self) -> bool;
    /// What remains of the division by `divisor`, with the sign of `self`; slow.
    fn remainder(self, divisor: Self) -> Self;
    /// Bit `place` of the integer in `rounded`, which is the sum of [`Real::ROUNDER`] and it.
    fn bit(rounded: Self, place: u32) -> bool;
    /// `2^(n + shift)`, for a result with all its bits; `n` in `rounded` as in [`Real::bit`].
    fn power_of_two(rounded: Self, shift: i32) -> Self;
    /// Two factors of `2^(n + shift)`, which may lie far outside the type's range.
    fn two_powers_of_two(rounded: Self, shift: i32) -> (Self, Self);
    /// `(m, e)` with `self = m 2^e` and `√½ <= m < √2`, for `self` positive with all its bits.
    fn split(self) -> (Self, Self);
    /// `self^y` for `self >= 0`, neither 0 nor infinite nor NaN, and not NaN `y`.
    fn positive_power(self, y: Self) -> Self;
    /// Sine, cosine and tangent of an angle of any size; slow.
    fn sin_cos_tan_of_large(self) -> (Self, Self, Self);
}

macro_rules! real {
    ($float:ident, $bits:ident, mantissa: $mantissa:literal, bias: $bias:literal, tiny: $tiny:literal,
     exp_range: $exp_range:expr, angle_max: $angle_max:literal, power: $power:path) => {
        impl Real for $float {
            const INFINITY: Self = $float::INFINITY;
            const NAN: Self = $float::NAN;
            const LOG2_E: Self = std::$float::consts::LOG2_E;
            const PI: Self = std::$float::consts::PI;
            const HALF_PI: Self = std::$float::consts::FRAC_PI_2;
            const TWO_OVER_PI: Self = std::$float::consts::FRAC_2_PI;
            const MIN_NORMAL: Self = $float::MIN_POSITIVE;
            const TINY: Self = $tiny;
            const ROUNDER: Self = (3u64 << ($mantissa - 1)) as $float;
            const EXP_RANGE: (Self, Self) = $exp_range;
            const ANGLE_MAX: Self = $angle_max;
            const LARGE: Self = $float::MAX / 4.0;
            const UP: Self = (1u128 << 100) as $float;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $float
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                $float::mul_add(self, factor, term)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                $float::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                $float::ceil(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                $float::round_ties_even(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                $float::copysign(self, sign)
            }
            #[inline(always)]
            fn is_negative(self) -> bool {
                self.to_bits() >> ($bits::BITS - 1) != 0
            }
            #[inline(always)]
            fn remainder(self, divisor: Self) -> Self {
                self % divisor
            }
            #[inline(always)]
            fn bit(rounded: Self, place: u32) -> bool {
                rounded.to_bits() >> place & 1 != 0
            }
            #[inline(always)]
            fn power_of_two(rounded: Self, shift: i32) -> Self {
                const START: $bits = ($bias as $bits).wrapping_sub($float::ROUNDER.to_bits());
                let exponent = rounded.to_bits().wrapping_add(START).wrapping_add(shift as $bits);
                Self::from_bits(exponent << $mantissa)
            }
            #[inline(always)]
            fn two_powers_of_two(rounded: Self, shift: i32) -> (Self, Self) {
                // Twice the bias, shared out, leaves each factor one.
                const START: $bits = (2 * $bias as $bits).wrapping_sub($float::ROUNDER.to_bits());
                let both = rounded.to_bits().wrapping_add(START).wrapping_add(shift as $bits);
                let (one, other) = (both >> 1, both - (both >> 1));
                (Self::from_bits(one << $mantissa), Self::from_bits(other << $mantissa))
            }
            #[inline(always)]
            fn split(self) -> (Self, Self) {
                const FRACTION: $bits = (1 << $mantissa) - 1;
                const LOW: $bits = std::$float::consts::FRAC_1_SQRT_2.to_bits();
                // 2^mantissa, whose lowest bits count units.
                const UNITS: $float = (1u64 << $mantissa) as $float;
                let above_low = self.to_bits().wrapping_add((1.0 as $float).to_bits() - LOW);
                let m = Self::from_bits((above_low & FRACTION) + LOW);
                let e = Self::from_bits((above_low >> $mantissa) | UNITS.to_bits());
                (m, e - (UNITS + $bias as $float))
            }
            #[inline(always)]
            fn positive_power(self, y: Self) -> Self {
                $power(self, y)
            }
            fn sin_cos_tan_of_large(self) -> (Self, Self, Self) {
                let x = self as f64;
                (x.sin() as $float, x.cos() as $float, x.tan() as $float)
            }
        }
    };
}

real!(f32, u32, mantissa: 23, bias: 127, tiny: 1e-9, exp_range: (-104.5, 90.0),
      angle_max: 1e5, power: super::pow::by_double);
real!(f64, u64, mantissa: 52, bias: 1023, tiny: 1e-18, exp_range: (-746.0, 711.0),
      angle_max: 1e8, power: super::pow::by_two_doubles);

/// The polynomial of `coefficients`, the constant one first.
#[inline(always)]
pub(super) fn polynomial<T: Real>(x: T, coefficients: &[T]) -> T {
    let mut sum = coefficients[coefficients.len() - 1];
    for &coefficient in coefficients[..coefficients.len() - 1].iter().rev() {
        sum = sum.mul_add(x, coefficient);
    }
    sum
}

/// `[x + y, what that has lost]`, for `y` that is small beside `x`.
#[inline(always)]
pub(super) fn sum<T: Real>(x: T, y: T) -> [T; 2] {
    [x + y, (x - (x + y)) + y]
}

/// The quotient of two numbers that each have something beyond themselves, hardly rounded more than
/// once.
#[inline(always)]
pub(super) fn ratio<T: Real>(above: [T; 2], below: [T; 2]) -> T {
    let inverse = T::of(1.0) / below[0];
    let quotient = above[0] * inverse;
    let rest = (-quotient).mul_add(below[0], above[0]) + (above[1] - quotient * below[1]);
    rest.mul_add(inverse, quotient)
}
