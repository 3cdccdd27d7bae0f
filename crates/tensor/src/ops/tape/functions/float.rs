//! Functions of floats.

use super::super::loops::{Loop, Map, Zip, map, zip_or_one};
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};
use crate::ops::math::{self, Real};

/// Defines functions of one element of type `T`, and from one list what finds their loops and what
/// gives single values, which so have the same bits.
macro_rules! maps {
    ($($name:ident($x:ident) = $value:expr $(, beyond $bound:expr => $rare:expr)?;)*) => {
        $(
            struct $name;

            impl<T: Real> Map<T> for $name {
                type To = T;

                #[inline(always)]
                fn value($x: T) -> T {
                    $value
                }
                $(
                    #[inline(always)]
                    fn is_beyond($x: T) -> bool {
                        $x.abs() > $bound
                    }

                    fn value_beyond($x: T) -> T {
                        $rare
                    }
                )?
            }
        )*

        /// The loop of `f`; `None` where it does not give a float.
        fn map_loop<T: Real>(isa: Isa, f: Unary) -> Option<Loop> {
            match f {
                $(Unary::$name => Some(map::<$name, T>(isa)),)*
                _ => None,
            }
        }

        #[inline(always)]
        fn map_value<T: Real>(f: Unary, x: T) -> Option<T> {
            match f {
                $(Unary::$name => {
                    let beyond = <$name as Map<T>>::is_beyond(x);
                    Some(if beyond { $name::value_beyond(x) } else { $name::value(x) })
                })*
                _ => None,
            }
        }
    };
}

/// As `maps`, for functions of two elements.
macro_rules! zips {
    ($($name:ident($x:ident, $y:ident) = $value:expr;)*) => {
        $(
            struct $name;

            impl<T: Real> Zip<T> for $name {
                type To = T;

                #[inline(always)]
                fn value($x: T, $y: T) -> T {
                    $value
                }
            }
        )*

        /// The loop of `f`, which also takes one element as its second operand; `None` where it
        /// does not give a float.
        pub(super) fn binary_loop<T: Real>(isa: Isa, f: Binary) -> Option<Loop> {
            match f {
                $(Binary::$name => Some(zip_or_one::<$name, T>(isa)),)*
                _ => None,
            }
        }

        /// Whether there is a loop of `f` here.
        pub(super) fn gives_float(f: Binary) -> bool {
            matches!(f, $(Binary::$name)|*)
        }

        /// The value of `f`; `None` where it is not a float.
        #[inline(always)]
        pub(super) fn binary_value<T: Real>(f: Binary, x: T, y: T) -> Option<T> {
            match f {
                $(Binary::$name => Some($name::value(x, y)),)*
                _ => None,
            }
        }
    };
}

/// As `maps`, for functions that give truth values.
macro_rules! predicates {
    ($($name:ident($x:ident) = $value:expr;)*) => {
        $(
            struct $name;

            impl<T: Real> Map<T> for $name {
                type To = u8;

                #[inline(always)]
                fn value($x: T) -> u8 {
                    u8::from($value)
                }
            }
        )*

        /// The loop of `f`; `None` where floats have no such function.
        pub(super) fn unary_loop<T: Real>(isa: Isa, f: Unary) -> Option<Loop> {
            match f {
                $(Unary::$name => Some(map::<$name, T>(isa)),)*
                _ => map_loop::<T>(isa, f),
            }
        }

        /// The value of `f`, 1 for true and 0 for false; `None` where floats have no such function.
        #[inline(always)]
        pub(super) fn unary_value<T: Real>(f: Unary, x: T) -> Option<T> {
            match f {
                $(Unary::$name => Some(T::of(f64::from($name::value(x)))),)*
                _ => map_value(f, x),
            }
        }
    };
}

maps! {
    Neg(x) = -x;
    Abs(x) = x.abs();
    Sign(x) = sign(x);
    Square(x) = x * x;
    Reciprocal(x) = T::of(1.0) / x;
    Exp(x) = math::exp(x);
    Expm1(x) = math::expm1(x);
    Log(x) = math::log(x);
    Log1p(x) = math::log1p(x);
    Sqrt(x) = x.sqrt();
    Rsqrt(x) = T::of(1.0) / x.sqrt();
    Sin(x) = math::sin(x), beyond T::ANGLE_MAX => x.sin_cos_tan_of_large().0;
    Cos(x) = math::cos(x), beyond T::ANGLE_MAX => x.sin_cos_tan_of_large().1;
    Tan(x) = math::tan(x), beyond T::ANGLE_MAX => x.sin_cos_tan_of_large().2;
    Asin(x) = math::asin(x);
    Acos(x) = math::acos(x);
    Atan(x) = math::atan(x);
    Sinh(x) = math::sinh(x);
    Cosh(x) = math::cosh(x);
    Tanh(x) = math::tanh(x);
    Sigmoid(x) = math::sigmoid(x);
    Softplus(x) = math::softplus(x);
    Erf(x) = math::erf(x);
    Erfc(x) = math::erfc(x);
    Floor(x) = x.floor();
    Ceil(x) = x.ceil();
    Round(x) = x.round();
}

predicates! {
    IsNan(x) = x.is_nan();
    IsInf(x) = x.abs() == T::INFINITY;
    IsFinite(x) = x.abs() < T::INFINITY;
}

zips! {
    Add(x, y) = x + y;
    Sub(x, y) = x - y;
    Mul(x, y) = x * y;
    Div(x, y) = x / y;
    FloorDiv(x, y) = floor_div(x, y);
    FloorMod(x, y) = floor_mod(x, y);
    Pow(x, y) = math::pow(x, y);
    Maximum(x, y) = if x > y || x.is_nan() { x } else { y };
    Minimum(x, y) = if x < y || x.is_nan() { x } else { y };
    Atan2(x, y) = math::atan2(x, y);
}

#[inline(always)]
fn sign<T: Real>(x: T) -> T {
    let zero = T::of(0.0);
    let rest = if x == zero { zero } else { x };
    let above = if x > zero { T::of(1.0) } else { rest };
    if x < zero { T::of(-1.0) } else { above }
}

/// The remainder has the sign of `y`, also where it is 0.
#[inline(always)]
fn floor_mod<T: Real>(x: T, y: T) -> T {
    let zero = T::of(0.0);
    let rest = x.remainder(y);
    if rest == zero {
        zero.copysign(y)
    } else if (rest < zero) != (y < zero) {
        rest + y
    } else {
        rest
    }
}

/// The integer that leaves [`floor_mod`], as in Python and NumPy; IEEE's quotient by 0.
#[inline(always)]
fn floor_div<T: Real>(x: T, y: T) -> T {
    let quotient = x / y;
    if y == T::of(0.0) {
        return quotient;
    }
    let whole = (x - floor_mod(x, y)) / y;
    // The division is rounded: what is nearly an integer is one.
    let floor = whole.floor();
    let near = if whole - floor > T::of(0.5) { floor + T::of(1.0) } else { floor };
    if whole == T::of(0.0) { whole.copysign(quotient) } else { near }
}
