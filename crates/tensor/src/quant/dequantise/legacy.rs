//! Blocks of 32 weights: one scale, and perhaps a least value. The lower nibbles are the first 16
//! weights, the upper ones the others.

use super::scale;

/// Scale, 16 bytes of nibbles, which stand for -8 to 7.
#[inline(always)]
pub(super) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = scale(block, 0);
    for i in 0..16 {
        let byte = block[2 + i];
        out[i] = d * f32::from((byte & 15) as i8 - 8);
        out[16 + i] = d * f32::from((byte >> 4) as i8 - 8);
    }
}

/// Scale, least value, 16 bytes of nibbles.
#[inline(always)]
pub(super) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (d, least) = (scale(block, 0), scale(block, 2));
    for i in 0..16 {
        let byte = block[4 + i];
        out[i] = d * f32::from(byte & 15) + least;
        out[16 + i] = d * f32::from(byte >> 4) + least;
    }
}

/// Scale, 4 bytes of fifth bits, 16 bytes of nibbles, which stand for -16 to 15.
#[inline(always)]
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let d = scale(block, 0);
    let fives = fives([block[2], block[3], block[4], block[5]], &block[6..22]);
    for (out, five) in out.iter_mut().zip(fives) {
        *out = d * f32::from(five as i8 - 16);
    }
}

/// Scale, least value, 4 bytes of fifth bits, 16 bytes of nibbles.
#[inline(always)]
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (d, least) = (scale(block, 0), scale(block, 2));
    let fives = fives([block[4], block[5], block[6], block[7]], &block[8..24]);
    for (out, five) in out.iter_mut().zip(fives) {
        *out = d * f32::from(five) + least;
    }
}

/// Scale, 32 signed bytes.
#[inline(always)]
pub(super) fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = scale(block, 0);
    for (out, byte) in out.iter_mut().zip(&block[2..]) {
        *out = f32::from(*byte as i8) * d;
    }
}

/// Numbers of five bits: bit `i` of `high` over nibble `i`.
#[inline(always)]
fn fives(high: [u8; 4], nibbles: &[u8]) -> [u8; 32] {
    let high = u32::from_le_bytes(high);
    let mut fives = [0; 32];
    for i in 0..16 {
        fives[i] = nibbles[i] & 15 | ((high >> i) as u8 & 1) << 4;
        fives[16 + i] = nibbles[i] >> 4 | ((high >> (16 + i)) as u8 & 1) << 4;
    }
    fives
}
