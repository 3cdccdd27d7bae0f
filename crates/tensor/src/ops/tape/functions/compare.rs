//! Comparisons, and functions of truth values. A truth value is a byte; any but 0 is true.

use super::super::loops::{Loop, Map, Zip, map, zip};
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};

macro_rules! comparisons {
    ($($name:ident $operator:tt;)*) => {
        $(
            struct $name;

            impl<T: PartialOrd + Copy> Zip<T> for $name {
                type To = u8;

                #[inline(always)]
                fn value(x: T, y: T) -> u8 {
                    u8::from(x $operator y)
                }
            }
        )*

        /// The loop of `f`; `None` where it is no comparison.
        pub(super) fn binary_loop<T: PartialOrd + Copy>(isa: Isa, f: Binary) -> Option<Loop> {
            match f {
                $(Binary::$name => Some(zip::<$name, T>(isa)),)*
                _ => None,
            }
        }

        /// Whether `f` holds; `None` where it is no comparison.
        #[inline(always)]
        pub(super) fn holds<T: PartialOrd>(f: Binary, x: T, y: T) -> Option<bool> {
            match f {
                $(Binary::$name => Some(x $operator y),)*
                _ => None,
            }
        }
    };
}

comparisons! {
    Equal ==;
    NotEqual !=;
    Less <;
    LessEqual <=;
    Greater >;
    GreaterEqual >=;
}

macro_rules! logic {
    ($($name:ident($x:ident, $y:ident) = $value:expr;)*) => {
        $(
            struct $name;

            impl Zip<u8> for $name {
                type To = u8;

                #[inline(always)]
                fn value(x: u8, y: u8) -> u8 {
                    let ($x, $y) = (x != 0, y != 0);
                    u8::from($value)
                }
            }
        )*

        /// The loop of `f` of truth values; `None` where they have no such function.
        pub(super) fn logic_loop(isa: Isa, f: Binary) -> Option<Loop> {
            match f {
                $(Binary::$name => Some(zip::<$name, u8>(isa)),)*
                _ => None,
            }
        }

        /// The value of `f` of truth values; `None` where they have no such function.
        #[inline(always)]
        pub(super) fn logic_value(f: Binary, x: bool, y: bool) -> Option<bool> {
            match f {
                $(Binary::$name => Some({
                    let ($x, $y) = (x, y);
                    $value
                }),)*
                _ => None,
            }
        }
    };
}

logic! {
    LogicalAnd(x, y) = x & y;
    LogicalOr(x, y) = x | y;
    LogicalXor(x, y) = x ^ y;
    Maximum(x, y) = x | y;
    Minimum(x, y) = x & y;
}

struct Not;

impl Map<u8> for Not {
    type To = u8;

    #[inline(always)]
    fn value(x: u8) -> u8 {
        u8::from(x == 0)
    }
}

/// The loop of `f` of truth values; `None` where they have no such function.
pub(super) fn not_loop(isa: Isa, f: Unary) -> Option<Loop> {
    (f == Unary::LogicalNot).then(|| map::<Not, u8>(isa))
}
