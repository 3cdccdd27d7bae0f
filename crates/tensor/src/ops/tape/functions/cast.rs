//! Conversions between the types. From float to integer they go towards 0 and saturate, NaN to 0; to a
//! truth value they say whether it is not 0, as NaN is not.

use ferrule_base::DType;

use super::super::loops::{Loop, Map, map};
use crate::cpu::Isa;

/// A conversion to `U`.
struct To<U>(std::marker::PhantomData<U>);

/// A conversion to a truth value.
struct Truth;

macro_rules! conversions {
    ($($from:ident: $($to:ident)*;)*) => {$(
        $(
            impl Map<$from> for To<$to> {
                type To = $to;

                #[inline(always)]
                fn value(x: $from) -> $to {
                    x as $to
                }
            }
        )*

        impl Map<$from> for Truth {
            type To = u8;

            #[inline(always)]
            fn value(x: $from) -> u8 {
                u8::from(x != 0 as $from)
            }
        }
    )*};
}

conversions! {
    f32: f32 f64;
    f64: f32 f64;
    i32: f32 f64 i32 i64 u8;
    i64: f32 f64 i32 i64 u8;
    u8: f32 f64 i32 i64 u8;
}

/// Conversions of floats to integers: as `as` does it, in a form that becomes vector instructions.
/// The bound is the greatest float that the integer type holds.
macro_rules! truncations {
    ($($from:ident to $to:ident up to $most:expr;)*) => {$(
        impl Map<$from> for To<$to> {
            type To = $to;

            #[inline(always)]
            fn value(x: $from) -> $to {
                const LEAST: $from = $to::MIN as $from;
                const MOST: $from = $most;
                let number = if x.is_nan() { 0.0 } else { x };
                let bounded = if number < LEAST { LEAST } else { number };
                let bounded = if bounded > MOST { MOST } else { bounded };
                // SAFETY: a number between the bounds, which the type holds.
                let whole = unsafe { bounded.to_int_unchecked::<$to>() };
                if x > MOST { $to::MAX } else { whole }
            }
        }
    )*};
}

truncations! {
    f32 to i32 up to (i32::MAX as f32).next_down();
    f32 to i64 up to (i64::MAX as f32).next_down();
    f32 to u8 up to 255.0;
    f64 to i32 up to 2_147_483_647.0;
    f64 to i64 up to (i64::MAX as f64).next_down();
    f64 to u8 up to 255.0;
}

/// The loop that converts `from` to `to`; `None` where one is no type of the engine.
pub(super) fn cast_loop(isa: Isa, from: DType, to: DType) -> Option<Loop> {
    match from {
        DType::Fp32 => to_loop::<f32>(isa, to),
        DType::Fp64 => to_loop::<f64>(isa, to),
        DType::Int32 => to_loop::<i32>(isa, to),
        DType::Int64 => to_loop::<i64>(isa, to),
        DType::Uint8 | DType::Bool => to_loop::<u8>(isa, to),
        _ => None,
    }
}

fn to_loop<T: Copy>(isa: Isa, to: DType) -> Option<Loop>
where
    To<f32>: Map<T>,
    To<f64>: Map<T>,
    To<i32>: Map<T>,
    To<i64>: Map<T>,
    To<u8>: Map<T>,
    Truth: Map<T>,
{
    Some(match to {
        DType::Fp32 => map::<To<f32>, T>(isa),
        DType::Fp64 => map::<To<f64>, T>(isa),
        DType::Int32 => map::<To<i32>, T>(isa),
        DType::Int64 => map::<To<i64>, T>(isa),
        DType::Uint8 => map::<To<u8>, T>(isa),
        DType::Bool => map::<Truth, T>(isa),
        _ => return None,
    })
}
