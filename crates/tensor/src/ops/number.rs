//! What kernels need to know of the types of numbers.

use crate::array::Element;

/// Runs an expression with `$T` as the type of the elements of a dtype.
macro_rules! with_numbers {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            ferrule_base::DType::Fp32 => {
                type $T = f32;
                $body
            }
            ferrule_base::DType::Fp64 => {
                type $T = f64;
                $body
            }
            ferrule_base::DType::Int32 => {
                type $T = i32;
                $body
            }
            ferrule_base::DType::Int64 => {
                type $T = i64;
                $body
            }
            ferrule_base::DType::Uint8 | ferrule_base::DType::Bool => {
                type $T = u8;
                $body
            }
            other => panic!("arrays do not hold {other}"),
        }
    };
}

/// Runs an expression with `$T` as the type of the elements of a float dtype.
macro_rules! with_floats {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            ferrule_base::DType::Fp32 => {
                type $T = f32;
                $body
            }
            ferrule_base::DType::Fp64 => {
                type $T = f64;
                $body
            }
            other => panic!("floats are taken, not {other}"),
        }
    };
}

/// Runs an expression with `$T` as a type of the size of a dtype's elements, to move them.
macro_rules! with_size {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $T = u8;
                $body
            }
            4 => {
                type $T = i32;
                $body
            }
            8 => {
                type $T = i64;
                $body
            }
            size => panic!("arrays do not hold elements of {size} bytes"),
        }
    };
}

pub(super) use {with_floats, with_numbers, with_size};

/// A number.
pub(super) trait Number: Element + PartialOrd {
    /// What sums and products are made in: of `f32`, `f64`.
    type Wide: Number<Wide = Self::Wide>;
    /// The least number.
    const LEAST: Self;
    /// The greatest number.
    const GREATEST: Self;
    /// Zero, and the sum of nothing.
    const ZERO: Self;
    /// One, and the product of nothing.
    const ONE: Self;

    /// As a wide number.
    fn widen(self) -> Self::Wide;
    /// The nearest number.
    fn narrow(wide: Self::Wide) -> Self;
    /// The sum; integers wrap around.
    fn plus(self, other: Self) -> Self;
    /// The product; integers wrap around.
    fn times(self, other: Self) -> Self;
    /// The quotient of a float by a count.
    fn over(self, count: usize) -> Self;
    /// Whether it is NaN.
    fn is_nan(self) -> bool;
    /// The nearest number to a float.
    fn from_f64(value: f64) -> Self;
    /// The nearest number to an integer; integers wrap around.
    fn from_i64(value: i64) -> Self;
}

macro_rules! float {
    ($type:ident) => {
        impl Number for $type {
            type Wide = f64;
            const LEAST: Self = $type::NEG_INFINITY;
            const GREATEST: Self = $type::INFINITY;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            fn widen(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn narrow(wide: f64) -> Self {
                wide as $type
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn over(self, count: usize) -> Self {
                self / count as $type
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $type
            }
        }
    };
}

macro_rules! integer {
    ($type:ident) => {
        impl Number for $type {
            type Wide = $type;
            const LEAST: Self = $type::MIN;
            const GREATEST: Self = $type::MAX;
            const ZERO: Self = 0;
            const ONE: Self = 1;

            #[inline(always)]
            fn widen(self) -> Self {
                self
            }
            #[inline(always)]
            fn narrow(wide: Self) -> Self {
                wide
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn over(self, count: usize) -> Self {
                self / count as $type
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $type
            }
        }
    };
}

float!(f32);
float!(f64);
integer!(i32);
integer!(i64);
integer!(u8);
