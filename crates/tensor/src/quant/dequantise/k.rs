//! Blocks of 256 weights in parts of 16 or 32, whose scales are small integers times the block's.

use super::scale;

/// 16 bytes of nibbles (scales; least values), 64 bytes of twos, scale, scale of the least values.
#[inline(always)]
pub(super) fn q2(block: &[u8; 84], out: &mut [f32; 256]) {
    let (d, d_least) = (scale(block, 80), scale(block, 82));
    for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (step, least) =
            (d * f32::from(block[part] & 15), d_least * f32::from(block[part] >> 4));
        let (at, shift) = twos(part);
        for (out, byte) in out.iter_mut().zip(&block[16 + at..]) {
            *out = step * f32::from(byte >> shift & 3) - least;
        }
    }
}

/// 32 bytes of third bits, 64 bytes of twos, 12 bytes of scales, scale. The numbers stand for -4 to 3.
#[inline(always)]
pub(super) fn q3(block: &[u8; 110], out: &mut [f32; 256]) {
    let d = scale(block, 108);
    for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let low = block[96 + part % 8] >> (part / 8 * 4) & 15;
        let high = block[104 + part % 4] >> (part / 4 * 2) & 3;
        let step = d * f32::from((low | high << 4) as i8 - 32);
        let (at, shift) = twos(part);
        let thirds = &block[part % 2 * 16..];
        for ((out, byte), third) in out.iter_mut().zip(&block[32 + at..]).zip(thirds) {
            let three = byte >> shift & 3 | (third >> (part / 2) & 1) << 2;
            *out = step * f32::from(three as i8 - 4);
        }
    }
}

/// Scale, scale of the least values, 12 bytes of both as numbers of six bits, 128 bytes of nibbles.
#[inline(always)]
pub(super) fn q4(block: &[u8; 144], out: &mut [f32; 256]) {
    let (d, d_least) = (scale(block, 0), scale(block, 2));
    for (part, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (step, least) = sixes(&block[4..16], part);
        let (step, least) = (d * f32::from(step), d_least * f32::from(least));
        let nibbles = &block[16 + part / 2 * 32..];
        for (out, byte) in out.iter_mut().zip(nibbles) {
            *out = step * f32::from(byte >> (part % 2 * 4) & 15) - least;
        }
    }
}

/// As [`q4`], with 32 bytes of fifth bits in front of the nibbles.
#[inline(always)]
pub(super) fn q5(block: &[u8; 176], out: &mut [f32; 256]) {
    let (d, d_least) = (scale(block, 0), scale(block, 2));
    for (part, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (step, least) = sixes(&block[4..16], part);
        let (step, least) = (d * f32::from(step), d_least * f32::from(least));
        let nibbles = &block[48 + part / 2 * 32..];
        for ((out, byte), fifth) in out.iter_mut().zip(nibbles).zip(&block[16..48]) {
            let five = byte >> (part % 2 * 4) & 15 | (fifth >> part & 1) << 4;
            *out = step * f32::from(five) - least;
        }
    }
}

/// 128 bytes of nibbles, 64 bytes of the two bits above them, 16 signed scales, scale. The numbers
/// stand for -32 to 31.
#[inline(always)]
pub(super) fn q6(block: &[u8; 210], out: &mut [f32; 256]) {
    let d = scale(block, 208);
    for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let step = d * f32::from(block[192 + part] as i8);
        let (at, shift) = twos(part);
        let nibbles = &block[part / 8 * 64 + part % 4 * 16..];
        for ((out, byte), two) in out.iter_mut().zip(nibbles).zip(&block[128 + at..]) {
            let low = byte >> (part / 4 % 2 * 4) & 15;
            *out = step * f32::from((low | (two >> shift & 3) << 4) as i8 - 32);
        }
    }
}

/// Where the twos of a part of 16 begin, and how far up in their bytes they are: 32 bytes hold 128 of them.
#[inline(always)]
fn twos(part: usize) -> (usize, usize) {
    (part / 8 * 32 + part % 2 * 16, part / 2 % 4 * 2)
}

/// The scale and the least value of part `part` of eight, six bits each: four bytes of scales, four of least
/// values, and four of the nibbles of both of the other parts, whose upper two bits top the first eight bytes.
#[inline(always)]
fn sixes(packed: &[u8], part: usize) -> (u8, u8) {
    let (first, second) = (packed[part % 4], packed[4 + part % 4]);
    if part < 4 {
        return (first & 63, second & 63);
    }
    let nibbles = packed[4 + part];
    (nibbles & 15 | first >> 6 << 4, nibbles >> 4 | second >> 6 << 4)
}
