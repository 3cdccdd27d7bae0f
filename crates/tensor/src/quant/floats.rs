//! Weights that are floats: products with inputs as they are, summed over the columns in order.

use super::kinds::TILE;
use super::product::Out;
use crate::engine::Engine;
use crate::half::{from_bf16, from_f16};

/// A float as it is stored. A tile has column 0 of its 16 rows, column 1, …
///
/// # Safety
/// The CPU has the engine's instruction set, and a vector is there.
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub(super) trait Stored {
    /// Its bytes.
    const BYTES: usize;

    /// A float a lane.
    unsafe fn load<E: Engine>(from: *const u8) -> E::F;

    /// The float that `bytes` are.
    fn value(bytes: &[u8]) -> f32;
}

/// Singles.
pub(super) struct F32;
/// IEEE's halves.
pub(super) struct F16;
/// Upper halves of singles.
pub(super) struct Bf16;

impl Stored for F32 {
    const BYTES: usize = 4;

    #[inline(always)]
    unsafe fn load<E: Engine>(from: *const u8) -> E::F {
        // SAFETY: as the caller promises.
        unsafe { E::load_f32(from.cast()) }
    }

    fn value(bytes: &[u8]) -> f32 {
        f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

impl Stored for F16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn load<E: Engine>(from: *const u8) -> E::F {
        // SAFETY: as the caller promises.
        unsafe { E::load_f16(from.cast()) }
    }

    fn value(bytes: &[u8]) -> f32 {
        from_f16(u16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

impl Stored for Bf16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn load<E: Engine>(from: *const u8) -> E::F {
        // SAFETY: as the caller promises.
        unsafe { E::load_bf16(from.cast()) }
    }

    fn value(bytes: &[u8]) -> f32 {
        from_bf16(u16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

/// Neighbouring tiles.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    pub(super) at: *const u8,
    pub(super) columns: usize,
    pub(super) count: usize,
}

/// Rows of inputs: column `k` of row `r` is at `at + k * step + r`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) at: *const f32,
    pub(super) step: usize,
    pub(super) count: usize,
}

/// The products of all `rows` with `tiles`; the width of `out` is that of all tiles.
///
/// # Safety
/// The CPU has the engine's instruction set; the tiles are of `S`, `rows` have their columns, and `out` has
/// room.
#[inline(always)]
pub(super) unsafe fn multiply<E: Engine, S: Stored>(tiles: Tiles, rows: Rows, out: Out) {
    let mut row = 0;
    while row < rows.count {
        let rest = Rows { at: rows.at.wrapping_add(row), count: rows.count - row, ..rows };
        let to = out.from(row);
        // SAFETY: as the caller promises; no more rows than there are. Sums fill the registers, or are at
        // least as many as multiplications take cycles.
        row += unsafe {
            match rest.count {
                12.. if E::ROWS >= 12 => all_tiles::<E, S, 12, 2>(tiles, rest, to),
                6.. if E::ROWS >= 12 => all_tiles::<E, S, 6, 4>(tiles, rest, to),
                4.. if E::ROWS >= 4 => all_tiles::<E, S, 4, 2>(tiles, rest, to),
                2.. if E::ROWS >= 2 => all_tiles::<E, S, 2, 4>(tiles, rest, to),
                _ => all_tiles::<E, S, 1, 8>(tiles, rest, to),
            }
        };
    }
}

/// The products of the first `R` rows, which it returns the number of, `T` tiles at a time.
#[inline(always)]
unsafe fn all_tiles<E: Engine, S: Stored, const R: usize, const T: usize>(
    tiles: Tiles,
    rows: Rows,
    out: Out,
) -> usize {
    let bytes = tiles.columns * TILE * S::BYTES;
    let mut tile = 0;
    while tile < tiles.count {
        let at = tiles.at.wrapping_add(tile * bytes);
        let rest = Tiles { at, count: tiles.count - tile, ..tiles };
        let at = out.at.wrapping_add(tile * TILE);
        let to = Out { at, width: out.width - tile * TILE, ..out };
        // SAFETY: as the caller promises; no more tiles than there are.
        tile += unsafe {
            if rest.count >= T {
                some_tiles::<E, S, R, T>(rest, rows, to)
            } else {
                some_tiles::<E, S, R, 1>(rest, rows, to)
            }
        };
    }
    R
}

/// The products of `R` rows with `T` tiles, which it returns the number of.
#[inline(always)]
unsafe fn some_tiles<E: Engine, S: Stored, const R: usize, const T: usize>(
    tiles: Tiles,
    rows: Rows,
    out: Out,
) -> usize {
    let bytes = tiles.columns * TILE * S::BYTES;
    for lane in (0..TILE).step_by(E::LANES) {
        // SAFETY: as `multiply`'s caller promises; `write` writes what lies within the width.
        unsafe {
            let mut sums = [[E::splat_f32(0.0); T]; R];
            let (mut weights, mut inputs) = (tiles.at.add(lane * S::BYTES), rows.at);
            for _ in 0..tiles.columns {
                let mut vectors = [E::splat_f32(0.0); T];
                for (t, vector) in vectors.iter_mut().enumerate() {
                    *vector = S::load::<E>(weights.add(t * bytes));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let input = E::splat_f32(*inputs.add(r));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = E::mul_add(vector, input, *sum);
                    }
                }
                weights = weights.add(TILE * S::BYTES);
                inputs = inputs.add(rows.step);
            }
            for (r, sums) in sums.iter().enumerate() {
                for (t, &sum) in sums.iter().enumerate() {
                    out.from(r).write::<E>(t * TILE + lane, sum);
                }
            }
        }
    }
    T
}
