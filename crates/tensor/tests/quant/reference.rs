//! Random blocks, what they stand for, and inputs as kernels round them.

use ferrule_base::BlockKind;

/// A linear congruential generator: the same numbers on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Of both signs, and of sizes that differ.
    pub(crate) fn float(&mut self) -> f32 {
        let unit = self.next() as f32 / (1u64 << 31) as f32 * 2.0 - 1.0;
        unit * unit * unit * 4.0
    }

    pub(crate) fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float()).collect()
    }

    fn half(&mut self) -> [u8; 2] {
        // Both signs, exponents of -9 to -2.
        let bits = (self.next() % 8 + 6) << 10 | self.next() & 0x3FF | (self.next() & 1) << 15;
        (bits as u16).to_le_bytes()
    }
}

/// `len` weights of `kind`: any bytes, but scales of a moderate size.
pub(crate) fn blocks(kind: BlockKind, len: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..len / kind.block_len() {
        let start = bytes.len();
        bytes.extend((0..kind.block_bytes()).map(|_| random.next() as u8));
        let block = &mut bytes[start..];
        for at in halves(kind) {
            block[*at..at + 2].copy_from_slice(&random.half());
        }
        match kind {
            BlockKind::F32 => block.copy_from_slice(&random.float().to_le_bytes()),
            BlockKind::BF16 => block.copy_from_slice(&random.float().to_le_bytes()[2..]),
            _ => {}
        }
    }
    bytes
}

/// Where a block has halves.
fn halves(kind: BlockKind) -> &'static [usize] {
    match kind {
        BlockKind::F32 | BlockKind::BF16 => &[],
        BlockKind::F16 | BlockKind::Q4_0 | BlockKind::Q5_0 | BlockKind::Q8_0 => &[0],
        BlockKind::Q4_1 | BlockKind::Q5_1 | BlockKind::Q4_K | BlockKind::Q5_K => &[0, 2],
        BlockKind::Q2_K => &[80, 82],
        BlockKind::Q3_K => &[108],
        BlockKind::Q6_K => &[208],
    }
}

fn half(bytes: &[u8]) -> f32 {
    let bits = u16::from_le_bytes([bytes[0], bytes[1]]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 0x3FF));
    assert!((1..31).contains(&exponent), "normal halves only");
    let size = (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15);
    if bits >> 15 == 1 { -size } else { size }
}

/// The weights that `bytes` stand for.
pub(crate) fn dequantised(kind: BlockKind, bytes: &[u8]) -> Vec<f32> {
    let blocks = bytes.chunks_exact(kind.block_bytes());
    blocks.flat_map(|block| (0..kind.block_len()).map(move |i| weight(kind, block, i))).collect()
}

/// Weight `i` of a block, one at a time.
fn weight(kind: BlockKind, b: &[u8], i: usize) -> f32 {
    let nibble = |at: usize| b[at + i % 16] >> (i / 16 * 4) & 15;
    let fifth = |at: usize| (b[at + i / 8] >> (i % 8) & 1) << 4;
    match kind {
        BlockKind::F32 => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        BlockKind::F16 => half(b),
        BlockKind::BF16 => f32::from_le_bytes([0, 0, b[0], b[1]]),
        BlockKind::Q4_0 => half(b) * (f32::from(nibble(2)) - 8.0),
        BlockKind::Q4_1 => half(b) * f32::from(nibble(4)) + half(&b[2..]),
        BlockKind::Q5_0 => half(b) * (f32::from(nibble(6) | fifth(2)) - 16.0),
        BlockKind::Q5_1 => half(b) * f32::from(nibble(8) | fifth(4)) + half(&b[2..]),
        BlockKind::Q8_0 => half(b) * f32::from(b[2 + i] as i8),
        _ => weight_of_k(kind, b, i),
    }
}

fn weight_of_k(kind: BlockKind, b: &[u8], i: usize) -> f32 {
    // Half of 128, part of 32 within it, place within that.
    let (n, part, l) = (i / 128, i / 32 % 4, i % 32);
    match kind {
        BlockKind::Q2_K => {
            let two = b[16 + 32 * n + l] >> (2 * part) & 3;
            let scale = b[i / 16];
            let less = half(&b[82..]) * f32::from(scale >> 4);
            half(&b[80..]) * f32::from(scale & 15) * f32::from(two) - less
        }
        BlockKind::Q3_K => {
            let three = b[32 + 32 * n + l] >> (2 * part) & 3 | (b[l] >> (i / 32) & 1) << 2;
            let s = i / 16;
            let low = if s < 8 { b[96 + s] & 15 } else { b[96 + s - 8] >> 4 };
            let high = b[104 + s % 4] >> (2 * (s / 4)) & 3;
            let scale = half(&b[108..]) * (f32::from(low | high << 4) - 32.0);
            scale * (f32::from(three) - 4.0)
        }
        BlockKind::Q4_K | BlockKind::Q5_K => {
            let numbers = if kind == BlockKind::Q4_K { 16 } else { 48 };
            let nibble = b[numbers + i / 64 * 32 + l] >> (i / 32 % 2 * 4) & 15;
            let fifth = if numbers == 16 { 0 } else { (b[16 + l] >> (i / 32) & 1) << 4 };
            let (s, j) = (&b[4..16], i / 32);
            let (scale, less) = if j < 4 {
                (s[j] & 63, s[j + 4] & 63)
            } else {
                (s[j + 4] & 15 | s[j - 4] >> 6 << 4, s[j + 4] >> 4 | s[j] >> 6 << 4)
            };
            let less = half(&b[2..]) * f32::from(less);
            half(b) * f32::from(scale) * f32::from(nibble | fifth) - less
        }
        BlockKind::Q6_K => {
            let low = b[64 * n + part % 2 * 32 + l] >> (part / 2 * 4) & 15;
            let high = b[128 + 32 * n + l] >> (2 * part) & 3;
            let scale = half(&b[208..]) * f32::from(b[192 + i / 16] as i8);
            scale * (f32::from(low | high << 4) - 32.0)
        }
        _ => unreachable!("not a kind of 256 weights"),
    }
}

/// Inputs as kernels see them: multiples of a 127th of the largest of 32.
pub(crate) fn rounded(x: &[f32]) -> Vec<f32> {
    let round = |block: &[f32]| {
        let largest = block.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let (scale, factor) = (largest / 127.0, 127.0 / largest);
        block.iter().map(|x| (x * factor).round_ties_even() * scale).collect::<Vec<_>>()
    };
    x.chunks_exact(32).flat_map(round).collect()
}
