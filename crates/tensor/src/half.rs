//! Floats of 16 bits, in plain code that becomes vector instructions.

/// The value of an IEEE 754 binary16. Every one of them is a float; NaN stays NaN.
#[inline(always)]
pub fn from_f16(bits: u16) -> f32 {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7FFF) << 13);
    // A subnormal becomes the fraction of 2^-14, which is then taken off: arithmetic on subnormal
    // floats would take the slow way through the CPU.
    let least = 113 << 23;
    let magnitude = match bits & 0x7C00 {
        0 => (f32::from_bits(rest + least) - f32::from_bits(least)).to_bits(),
        0x7C00 => rest | 0x7F80_0000,
        _ => rest + (112 << 23),
    };
    f32::from_bits(magnitude | sign)
}

/// The bits of the nearest number, ties to even; the greatest finite one for what lies beyond it, so
/// that a sum of products stays finite.
#[inline(always)]
pub fn to_f16(x: f32) -> u16 {
    const MOST: f32 = 65504.0;
    /// Adding and taking away half of this leaves multiples of binary16's least number.
    const LEAST_STEP: f32 = 0.5;
    let sign = (x.to_bits() >> 16) as u16 & 0x8000;
    let size = if x.abs() > MOST { MOST } else { x.abs() };
    let bits = size.to_bits();
    let carried = bits + 0xfff + ((bits >> 13) & 1);
    let normal = (carried >> 13).wrapping_sub((127 - 15) << 10) as u16;
    let small = ((size + LEAST_STEP).to_bits() - LEAST_STEP.to_bits()) as u16;
    let tiny = size < f32::from_bits((127 - 14) << 23);
    let rounded = if tiny { small } else { normal };
    sign | if x.is_nan() { 0x7e00 } else { rounded }
}

/// The value of a bfloat16: the upper half of a float.
#[inline(always)]
pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::{from_f16, to_f16};

    #[test]
    fn every_half_is_widened_and_found_again() {
        for bits in 0..=u16::MAX {
            let wide = from_f16(bits);
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
            let size = match exponent {
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                0 => fraction * 2f64.powi(-24),
                _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
            };
            let expected = if bits & 0x8000 == 0 { size } else { -size };
            if size.is_nan() {
                assert!(wide.is_nan() && from_f16(to_f16(wide)).is_nan(), "{bits:#x}");
            } else {
                assert_eq!(f64::from(wide), expected, "{bits:#x}");
                assert_eq!(wide.is_sign_negative(), bits & 0x8000 != 0, "{bits:#x}");
            }
            if size.is_finite() {
                assert_eq!(to_f16(wide), bits, "{bits:#x}");
            }
        }
    }

    #[test]
    fn a_number_between_two_halves_goes_to_the_nearer_or_the_even_one() {
        for bits in 0..0x7bff_u16 {
            let (low, high) = (f64::from(from_f16(bits)), f64::from(from_f16(bits + 1)));
            let middle = ((low + high) / 2.0) as f32;
            let even = if bits % 2 == 0 { bits } else { bits + 1 };
            assert_eq!(to_f16(middle), even, "{bits:#x}");
            assert_eq!(to_f16(middle.next_down()), bits, "{bits:#x}");
            assert_eq!(to_f16(middle.next_up()), bits + 1, "{bits:#x}");
            assert_eq!(to_f16(-middle.next_up()), (bits + 1) | 0x8000, "{bits:#x}");
        }
        assert_eq!(to_f16(1e9), 0x7bff);
        assert_eq!(to_f16(f32::NEG_INFINITY), 0xfbff);
    }
}
