//! From one precision to another, as NumPy's `astype` does it: rounded once, to the nearest, ties to
//! even; NaN stays NaN and what is too large becomes infinite.

use ferrule_base::DType;

use crate::cpu::Isa;
use crate::half::from_f16;

/// Converts this many elements from one place to another.
///
/// # Safety
/// Both places have room for as many elements, which need not be aligned; they do not overlap; the CPU
/// has the instruction set that [`converter`] was asked for.
pub(super) type Convert = unsafe fn(*const u8, *mut u8, usize);

/// An element that is converted by way of `f64`, which holds each of them exactly.
trait Value: Copy {
    fn widened(self) -> f64;
    fn narrowed(x: f64) -> Self;
}

/// IEEE 754 binary16.
#[derive(Clone, Copy)]
struct Half(u16);

impl Value for f64 {
    #[inline(always)]
    fn widened(self) -> f64 {
        self
    }
    #[inline(always)]
    fn narrowed(x: f64) -> Self {
        x
    }
}

impl Value for f32 {
    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn narrowed(x: f64) -> Self {
        x as f32
    }
}

const SIGN: u16 = 0x8000;
const HALF_INFINITY: u16 = 0x7C00;
const HALF_NAN: u16 = 0x7E00;
/// Half of the way from the largest finite half to the power of two above it.
const TOO_LARGE: f64 = 65_520.0;
const SMALLEST_NORMAL: f64 = 1.0 / 16_384.0;
/// Where doubles are as far apart as subnormal halves.
const SUBNORMAL_GRID: f64 = 268_435_456.0;
/// Bits of a double's fraction that a half has not.
const LOST_BITS: u32 = 42;
const BIAS_GAP: u64 = (1023 - 15) << 10;

impl Value for Half {
    #[inline(always)]
    fn widened(self) -> f64 {
        f64::from(from_f16(self.0))
    }

    #[inline(always)]
    fn narrowed(x: f64) -> Self {
        let sign = (x.to_bits() >> 48) as u16 & SIGN;
        let magnitude = x.abs();
        let bits = magnitude.to_bits();
        let odd = bits >> LOST_BITS & 1;
        let rounded = (bits + ((1 << (LOST_BITS - 1)) - 1) + odd) >> LOST_BITS;
        let normal = rounded.wrapping_sub(BIAS_GAP) as u16;
        let subnormal =
            (magnitude + SUBNORMAL_GRID).to_bits().wrapping_sub(SUBNORMAL_GRID.to_bits()) as u16;
        let finite = if magnitude < SMALLEST_NORMAL { subnormal } else { normal };
        let known = if magnitude >= TOO_LARGE { HALF_INFINITY } else { finite };
        Self(sign | if x.is_nan() { HALF_NAN } else { known })
    }
}

/// What converts from one precision to another on `isa`; none where they are the same.
///
/// # Panics
/// Where a dtype is no floating-point number of 16, 32 or 64 bits, or the CPU lacks `isa`.
pub(super) fn converter(from: DType, to: DType, isa: Isa) -> Option<Convert> {
    assert!(isa.is_available(), "this CPU has no {isa:?}");
    Some(match (from, to) {
        (DType::Fp16, DType::Fp32) => on::<Half, f32>(isa),
        (DType::Fp16, DType::Fp64) => on::<Half, f64>(isa),
        (DType::Fp32, DType::Fp16) => on::<f32, Half>(isa),
        (DType::Fp32, DType::Fp64) => on::<f32, f64>(isa),
        (DType::Fp64, DType::Fp16) => on::<f64, Half>(isa),
        (DType::Fp64, DType::Fp32) => on::<f64, f32>(isa),
        _ => {
            assert_eq!(from, to, "floating-point numbers of 16, 32 or 64 bits");
            return None;
        }
    })
}

fn on<S: Value, D: Value>(isa: Isa) -> Convert {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::<S, D>,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::<S, D>,
        _ => plain::<S, D>,
    }
}

/// # Safety
/// That of [`Convert`], and AVX-512 F, VL, DQ and BW.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
unsafe fn avx512<S: Value, D: Value>(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { plain::<S, D>(from, to, count) }
}

/// # Safety
/// That of [`Convert`], and AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<S: Value, D: Value>(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { plain::<S, D>(from, to, count) }
}

/// # Safety
/// That of [`Convert`].
#[inline(always)]
unsafe fn plain<S: Value, D: Value>(from: *const u8, to: *mut u8, count: usize) {
    for index in 0..count {
        // SAFETY: `index` is below `count`, for which the caller vouches.
        unsafe {
            let value = from.cast::<S>().add(index).read_unaligned();
            to.cast::<D>().add(index).write_unaligned(D::narrowed(value.widened()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_to_double_and_back() {
        for bits in 0..=u16::MAX {
            let wide = Half(bits).widened();
            let back = Half::narrowed(wide).0;
            let is_nan = bits & !SIGN > HALF_INFINITY;
            assert_eq!(wide.is_nan(), is_nan);
            assert!(is_nan && back & !SIGN == HALF_NAN || back == bits, "{bits:#x} {back:#x}");
        }
    }

    #[test]
    fn rounding_to_half_is_to_the_nearest_and_ties_go_to_even() {
        for bits in 0..HALF_INFINITY {
            let (low, high) = (Half(bits).widened(), Half(bits + 1).widened());
            let high = if high.is_infinite() { 65_536.0 } else { high };
            let middle = f64::midpoint(low, high);
            let (below, above) = (middle.next_down(), middle.next_up());
            assert_eq!(Half::narrowed(below).0, bits);
            assert_eq!(Half::narrowed(above).0, bits + 1);
            assert_eq!(Half::narrowed(middle).0, bits + (bits & 1));
            assert_eq!(Half::narrowed(-above).0, (bits + 1) | SIGN);
        }
    }
}
