//! Floats of 16 bits, widened.

/// The value of an IEEE 754 binary16. Every one of them is a float; NaN stays NaN.
#[inline(always)]
pub(crate) fn from_f16(bits: u16) -> f32 {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7FFF));
    // The bits of a half in a single's place, 2^112 too small; exact for subnormals as well.
    let finite = f32::from_bits(rest << 13) * f32::from_bits(0x7780_0000);
    let special = f32::from_bits(rest << 13 | 0x7F80_0000);
    let magnitude = if rest >= 0x7C00 { special } else { finite };
    f32::from_bits(magnitude.to_bits() | sign)
}

/// The value of a bfloat16: the upper half of a float.
#[inline(always)]
pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
