//! A byte for each number and floats as scales: what tiles are widened to where many rows of inputs
//! make up for it.

use super::{BLOCK, Kind, Scales, VECTOR, load};
use crate::engine::Engine;
use crate::quant::kinds::TILE;

/// 8 vectors of bytes below `1 << BITS`, then `PARTS` vectors of scales, and where `CENTRE` is 0 as many of
/// what is taken off; else numbers stand for `n - (1 << CENTRE)`.
pub(in crate::quant) struct Wide<const BITS: u32, const CENTRE: u32, const PARTS: usize>;

/// One scale a block.
pub(super) type WideCentred = Wide<5, 4, 1>;
/// One scale a block, and what is taken off.
pub(super) type WideLeast = Wide<5, 0, 1>;
/// A scale for 16 numbers.
pub(super) type WideParts = Wide<6, 5, 2>;
/// A scale for 16 numbers, and what is taken off.
pub(super) type WidePartsLeast = Wide<2, 0, 2>;

impl<const BITS: u32, const CENTRE: u32, const PARTS: usize> Kind for Wide<BITS, CENTRE, PARTS> {
    const GROUP: usize = 1;
    const NUMBERS: usize = 8 * VECTOR;
    const SCALES: usize = PARTS * VECTOR * if CENTRE == 0 { 2 } else { 1 };
    const PARTS: usize = PARTS;
    const BITS: u32 = BITS;
    const CENTRE: Option<u32> = if CENTRE == 0 { None } else { Some(CENTRE) };
    type Wide = Self;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { load::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        let floats = scales.cast::<f32>().wrapping_add(lane);
        // SAFETY: as the caller promises.
        unsafe {
            let second = (PARTS - 1) * TILE;
            let scale = [E::load_f32(floats), E::load_f32(floats.add(second))];
            if CENTRE != 0 {
                return Scales { scale, less: scale };
            }
            let floats = floats.add(PARTS * TILE);
            Scales { scale, less: [E::load_f32(floats), E::load_f32(floats.add(second))] }
        }
    }
}

/// Writes a tile of `columns` columns of kind `K`, from `tile` on, as one of its wide kind.
///
/// # Safety
/// The CPU has the engine's instruction set; `tile` and `to` are such tiles.
#[inline(always)]
pub(in crate::quant) unsafe fn widen<E: Engine, K: Kind>(
    tile: *const u8,
    columns: usize,
    to: *mut u8,
) {
    let n_groups = columns / BLOCK / K::GROUP;
    // Numbers are moved to the centre of the wide kind, whose bytes have room for them.
    let shift = match (K::CENTRE, K::Wide::CENTRE) {
        (Some(narrow), Some(wide)) => ((1u32 << wide) - (1 << narrow)) * 0x0101_0101,
        _ => 0,
    };
    // SAFETY: as the caller promises.
    unsafe {
        let mut scales_to = to.add(n_groups * K::GROUP * K::Wide::NUMBERS);
        let (mut numbers, mut numbers_to) = (tile, to);
        let mut scales = tile.add(n_groups * K::NUMBERS);
        for index in 0..n_groups * K::GROUP {
            let j = index % K::GROUP;
            for lane in (0..TILE).step_by(E::LANES) {
                for k in 0..8 {
                    let vector = K::vector::<E>(numbers.add(4 * lane), j, k);
                    let vector = E::add(vector, E::splat(shift));
                    E::store(numbers_to.add(k * VECTOR + 4 * lane), vector);
                }
                let Scales { scale, less } = K::scales::<E>(scales, j, lane);
                let floats = scales_to.cast::<f32>().add(lane);
                for part in 0..K::PARTS {
                    E::store_f32(floats.add(part * TILE), scale[part]);
                    if K::CENTRE.is_none() {
                        E::store_f32(floats.add((K::PARTS + part) * TILE), less[part]);
                    }
                }
            }
            numbers_to = numbers_to.add(K::Wide::NUMBERS);
            scales_to = scales_to.add(K::Wide::SCALES);
            if j + 1 == K::GROUP {
                numbers = numbers.add(K::NUMBERS);
                scales = scales.add(K::SCALES);
            }
        }
    }
}
