//! Floats of 16 bits, widened.

/// The value of an IEEE 754 binary16. Every one of them is a float; NaN stays NaN.
#[inline(always)]
pub(crate) fn from_f16(bits: u16) -> f32 {
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

/// The value of a bfloat16: the upper half of a float.
#[inline(always)]
pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
