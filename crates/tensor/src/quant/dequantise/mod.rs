//! Stored weights back to floats, to the bits of ggml's reference.
//!
//! Each kind is a function from the bytes of one block to its weights. Products and sums are rounded one
//! by one, never fused, in the order of the reference; so results are the same on every machine.
//!
//! Source: ggml's `ggml-common.h` for the layout of the blocks.

mod k;
mod legacy;

use ferrule_base::BlockKind;

use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::half::{from_bf16, from_f16};

/// Writes the weights that `bytes` store in blocks of `kind` to `out`.
///
/// # Panics
/// Where `bytes` are not [`BlockKind::bytes_of`] as many weights as `out` holds.
///
/// # Examples
/// ```
/// use ferrule_base::BlockKind;
/// use ferrule_tensor::quant::dequantise;
///
/// let block: Vec<u8> = [0x00, 0x38].into_iter().chain(0..32).collect(); // scale 0.5
/// let mut weights = [0.0; 32];
/// dequantise(BlockKind::Q8_0, &block, &mut weights);
/// assert_eq!(weights[31], 15.5);
/// ```
pub fn dequantise(kind: BlockKind, bytes: &[u8], out: &mut [f32]) {
    dequantise_on(Isa::detect(), kind, bytes, out);
}

/// [`dequantise`] with the instructions of `isa`, or plain ones where this CPU lacks them.
///
/// # Panics
/// As [`dequantise`].
pub fn dequantise_on(isa: Isa, kind: BlockKind, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(
        kind.bytes_of(out.len()),
        Some(bytes.len()),
        "{} weights of kind {kind} in {} bytes",
        out.len(),
        bytes.len()
    );
    match kind {
        BlockKind::F32 => each(isa, bytes, out, |block: &[u8; 4], out| {
            *out = [f32::from_le_bytes(*block)];
        }),
        BlockKind::F16 => each(isa, bytes, out, |block: &[u8; 2], out| {
            *out = [from_f16(u16::from_le_bytes(*block))];
        }),
        BlockKind::BF16 => each(isa, bytes, out, |block: &[u8; 2], out| {
            *out = [from_bf16(u16::from_le_bytes(*block))];
        }),
        BlockKind::Q4_0 => each(isa, bytes, out, legacy::q4_0),
        BlockKind::Q4_1 => each(isa, bytes, out, legacy::q4_1),
        BlockKind::Q5_0 => each(isa, bytes, out, legacy::q5_0),
        BlockKind::Q5_1 => each(isa, bytes, out, legacy::q5_1),
        BlockKind::Q8_0 => each(isa, bytes, out, legacy::q8_0),
        BlockKind::Q2_K => each(isa, bytes, out, k::q2),
        BlockKind::Q3_K => each(isa, bytes, out, k::q3),
        BlockKind::Q4_K => each(isa, bytes, out, k::q4),
        BlockKind::Q5_K => each(isa, bytes, out, k::q5),
        BlockKind::Q6_K => each(isa, bytes, out, k::q6),
    }
}

/// Every block of `BYTES` bytes by `one` to its `LEN` weights.
fn each<const BYTES: usize, const LEN: usize>(
    isa: Isa,
    bytes: &[u8],
    out: &mut [f32],
    one: impl Fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    let (blocks, out) = (bytes.as_chunks().0, out.as_chunks_mut().0);
    dispatch(isa, Blocks { blocks, out, one });
}

struct Blocks<'a, const BYTES: usize, const LEN: usize, F> {
    blocks: &'a [[u8; BYTES]],
    out: &'a mut [[f32; LEN]],
    one: F,
}

impl<const BYTES: usize, const LEN: usize, F> Kernel for Blocks<'_, BYTES, LEN, F>
where
    F: Fn(&[u8; BYTES], &mut [f32; LEN]),
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (block, out) in self.blocks.iter().zip(self.out) {
            (self.one)(block, out);
        }
    }
}

/// The scale at `block[at..at + 2]`.
#[inline(always)]
fn scale(block: &[u8], at: usize) -> f32 {
    from_f16(u16::from_le_bytes([block[at], block[at + 1]]))
}
