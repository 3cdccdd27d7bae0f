//! Functions of integers, which wrap around.

use super::super::loops::{DIVISION_BY_ZERO, Faults, Loop, Map, NEGATIVE_EXPONENT, Zip, map, zip};
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};

/// What the functions need of an integer type.
pub(super) trait Int: Copy + Ord + Default + 'static {
    const ONE: Self;

    fn negate(self) -> Self;
    fn size(self) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Towards 0; 0 for the divisor 0.
    fn over(self, divisor: Self) -> Self;
    /// What [`Int::over`] leaves; 0 for the divisor 0.
    fn rest(self, divisor: Self) -> Self;
    /// By an exponent from 0 on.
    fn power(self, exponent: Self) -> Self;
}

macro_rules! int {
    ($($type:ident: $size:ident;)*) => {$(
        impl Int for $type {
            const ONE: Self = 1;

            #[inline(always)]
            fn negate(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn size(self) -> Self {
                $size!(self)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn over(self, divisor: Self) -> Self {
                if divisor == 0 { 0 } else { self.wrapping_div(divisor) }
            }
            #[inline(always)]
            fn rest(self, divisor: Self) -> Self {
                if divisor == 0 { 0 } else { self.wrapping_rem(divisor) }
            }
            #[inline(always)]
            fn power(self, exponent: Self) -> Self {
                let (mut product, mut square, mut left) = (1, self, exponent);
                while left > 0 {
                    if left & 1 != 0 {
                        product = square.wrapping_mul(product);
                    }
                    square = square.wrapping_mul(square);
                    left >>= 1;
                }
                product
            }
        }
    )*};
}

macro_rules! wrapping_abs {
    ($x:expr) => {
        $x.wrapping_abs()
    };
}

macro_rules! itself {
    ($x:expr) => {
        $x
    };
}

int! {
    i32: wrapping_abs;
    i64: wrapping_abs;
    u8: itself;
}

macro_rules! maps {
    ($($name:ident($x:ident) = $value:expr;)*) => {
        $(
            struct $name;

            impl<T: Int> Map<T> for $name {
                type To = T;

                #[inline(always)]
                fn value($x: T) -> T {
                    $value
                }
            }
        )*

        /// The loop of `f`; `None` where integers have no such function.
        pub(super) fn unary_loop<T: Int>(isa: Isa, f: Unary) -> Option<Loop> {
            match f {
                $(Unary::$name => Some(map::<$name, T>(isa)),)*
                _ => None,
            }
        }
    };
}

macro_rules! zips {
    ($($name:ident($x:ident, $y:ident) = $value:expr $(, unless $wrong:expr => $fault:expr)?;)*) => {
        $(
            struct $name;

            impl<T: Int> Zip<T> for $name {
                type To = T;

                #[inline(always)]
                fn value($x: T, $y: T) -> T {
                    $value
                }
                $(
                    #[inline(always)]
                    fn faults($y: T) -> Faults {
                        if $wrong { $fault } else { 0 }
                    }
                )?
            }
        )*

        /// The loop of `f`; `None` where it does not give an integer.
        pub(super) fn binary_loop<T: Int>(isa: Isa, f: Binary) -> Option<Loop> {
            match f {
                $(Binary::$name => Some(zip::<$name, T>(isa)),)*
                _ => None,
            }
        }
    };
}

maps! {
    Neg(x) = x.negate();
    Abs(x) = x.size();
    Sign(x) = sign(x);
    Square(x) = x.times(x);
}

zips! {
    Add(x, y) = x.plus(y);
    Sub(x, y) = x.minus(y);
    Mul(x, y) = x.times(y);
    Div(x, y) = x.over(y), unless y == T::default() => DIVISION_BY_ZERO;
    FloorDiv(x, y) = floor_div(x, y), unless y == T::default() => DIVISION_BY_ZERO;
    FloorMod(x, y) = floor_mod(x, y), unless y == T::default() => DIVISION_BY_ZERO;
    Pow(x, y) = x.power(y), unless y < T::default() => NEGATIVE_EXPONENT;
    Maximum(x, y) = if x > y { x } else { y };
    Minimum(x, y) = if x < y { x } else { y };
}

#[inline(always)]
fn sign<T: Int>(x: T) -> T {
    let zero = T::default();
    let above = if x > zero { T::ONE } else { zero };
    if x < zero { zero.minus(T::ONE) } else { above }
}

/// Whether the quotient towards 0 leaves something on the wrong side.
#[inline(always)]
fn rounds_up<T: Int>(rest: T, y: T) -> bool {
    rest != T::default() && (rest < T::default()) != (y < T::default())
}

#[inline(always)]
fn floor_div<T: Int>(x: T, y: T) -> T {
    let quotient = x.over(y);
    if rounds_up(x.rest(y), y) { quotient.minus(T::ONE) } else { quotient }
}

#[inline(always)]
fn floor_mod<T: Int>(x: T, y: T) -> T {
    let rest = x.rest(y);
    if rounds_up(rest, y) { rest.plus(y) } else { rest }
}
