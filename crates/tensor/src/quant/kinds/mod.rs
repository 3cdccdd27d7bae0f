//! How each kind's weights lie in a tile, and how they are read from there.
//!
//! A tile is 16 rows. Its columns come in groups of a kind's block, 32 or 256, and within them in blocks
//! of 32. A vector has four bytes (or fields of bytes) of each row: vector `k` of a block stands for the
//! columns `4 k` to `4 k + 3`, row `r` at byte `4 r`. First come the numbers of all groups, then their
//! scales:
//!
//! ```text
//! tile:   numbers of group 0, 1, … | scales of group 0, 1, …
//! Q4_0    4 vectors (vector k in the lower nibbles, k + 4 in the upper) | d
//! Q4_1    as Q4_0 | d, least
//! Q5_0    as Q4_0, 1 vector (fifth bit of vector k at bit k of each byte) | d
//! Q5_1    as Q5_0 | d, least
//! Q8_0    8 vectors, + 128 | d
//! Q4_K    8 vectors a pair of blocks (the even in the lower nibbles) | d, d_less, 3 words
//! Q5_K    as Q4_K, 8 vectors (fifth bit of block j at bit j) | as Q4_K
//! Q6_K    twice 16 vectors: blocks j and j + 2 of four in the nibbles; twice 8: bits 5 and 6 of block j
//!         of four at bits 2 j | d, 16 times 16 signed bytes
//! Q3_K    twice 8 vectors: block j of four at bits 2 j; 8 vectors (third bit of block j at bit j) | d, 3 words
//! Q2_K    as Q3_K without third bits | d, d_less, 16 times 16 bytes (scale below, less above)
//! d: 16 halves, one a row; 3 words: 3 times 16 words, the 12 bytes of scales as ggml packs them
//! ```
//!
//! That is as many bits as in the source, and for all but two a mere transposition of its words.

mod q2_k;
mod q3_k;
mod q4;
mod q45_k;
mod q5;
mod q6_k;
mod q8;
mod wide;

pub(super) use q2_k::Q2K;
pub(super) use q3_k::Q3K;
pub(super) use q4::{Q4_0, Q4_1};
pub(super) use q5::{Q5_0, Q5_1};
pub(super) use q6_k::Q6K;
pub(super) use q8::Q8_0;
pub(super) use q45_k::{Q4K, Q5K};
pub(super) use wide::widen;

use crate::engine::Engine;

/// Rows of weights in a tile.
pub(super) const TILE: usize = 16;

/// Columns of a block of numbers.
pub(super) const BLOCK: usize = 32;

/// Bytes of a tile's vector: 4 of each row.
const VECTOR: usize = 64;

/// A way to store weights, each of which is `scale * number`, or `scale * number - less`.
///
/// # Safety
/// Functions demand the engine's instruction set, and pointers to a group of a tile (its numbers from
/// lane `lane` on, its scales) whose block is less than `GROUP`.
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub(super) trait Kind {
    /// Blocks of a group.
    const GROUP: usize;
    /// Bytes of a group's numbers.
    const NUMBERS: usize;
    /// Bytes of a group's scales.
    const SCALES: usize;
    /// Scales of a block: of 32 numbers, or of 16 each.
    const PARTS: usize;
    /// Numbers are less than `1 << BITS`.
    const BITS: u32;
    /// They stand for `number - (1 << CENTRE)`; `None` where something is taken from each weight instead.
    const CENTRE: Option<u32>;
    /// Where each field of the source's block goes; of those that are packed.
    const FIELDS: &[Field] = &[];
    /// The kind with a byte for each number, for many rows of inputs; itself where it is such.
    type Wide: Kind;
    /// Whether it is such.
    const IS_WIDE: bool = Self::NUMBERS == Self::GROUP * 8 * VECTOR;

    /// The numbers of columns `4 k` to `4 k + 3` of block `j`.
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B;

    /// What the numbers of block `j` are multiplied by, and what is added, in rows from `lane` on.
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E>;
}

/// Of a block, for its 32 columns, or for 16 each.
pub(super) struct Scales<E: Engine> {
    pub(super) scale: [E::F; 2],
    /// What is taken from each weight, of kinds that have no centre.
    pub(super) less: [E::F; 2],
}

impl<E: Engine> Scales<E> {
    /// One for all, and nothing taken.
    #[inline(always)]
    fn one(scale: E::F) -> Self {
        Self { scale: [scale; 2], less: [scale; 2] }
    }

    /// One of each.
    #[inline(always)]
    fn with_less(scale: E::F, less: E::F) -> Self {
        Self { scale: [scale; 2], less: [less; 2] }
    }
}

/// A part of a source's block, and where it goes.
pub(super) struct Field {
    /// Its first byte.
    pub(super) from: usize,
    /// Items: words, halves or bytes.
    pub(super) count: usize,
    pub(super) to: Place,
}

/// Where in its group, from which byte on, item `i` of row `r` goes: to place `16 i + r`.
pub(super) enum Place {
    /// Words among the numbers.
    Words(usize),
    /// Words among the numbers, 128 added to each byte.
    Signed(usize),
    /// A word among the numbers whose bit `4 k + i` becomes bit `k` of byte `i`.
    Bits(usize),
    /// Words among the scales.
    ScaleWords(usize),
    /// Halves among the scales.
    ScaleHalves(usize),
    /// Bytes among the scales.
    ScaleBytes(usize),
}

const fn field(from: usize, count: usize, to: Place) -> Field {
    Field { from, count, to }
}

/// Vector `index` of those from `at` on.
#[inline(always)]
unsafe fn load<E: Engine>(at: *const u8, index: usize) -> E::B {
    // SAFETY: the caller vouches for the vector.
    unsafe { E::load(at.add(index * VECTOR)) }
}

/// The `bits` lowest of each byte, of what lies `down` above.
#[inline(always)]
unsafe fn low<E: Engine>(b: E::B, down: usize, bits: u32) -> E::B {
    let mask = ((1 << bits) - 1) * 0x0101_0101;
    // SAFETY: the caller vouches for the instruction set.
    unsafe { E::and(E::down(b, down as u32), E::splat(mask)) }
}

/// `b` with the lowest `bits` of each byte of `high`, of what lies `down` above, from bit `to` on.
#[inline(always)]
unsafe fn with_high<E: Engine>(b: E::B, high: E::B, down: usize, bits: u32, to: u32) -> E::B {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { E::or(b, E::up(low::<E>(high, down, bits), to)) }
}
