//! `Q6_K`: nibbles and two bits beside them, with signed scales of a byte.

use super::wide::WideParts;
use super::{Field, Kind, Place, Scales, field, load, low, with_high};
use crate::engine::Engine;
use crate::quant::kinds::TILE;

/// `d * scale * (n - 32)`.
pub(in crate::quant) struct Q6K;

impl Kind for Q6K {
    const GROUP: usize = 8;
    const NUMBERS: usize = 3072;
    const SCALES: usize = 288;
    const PARTS: usize = 2;
    const BITS: u32 = 6;
    const CENTRE: Option<u32> = Some(5);
    const FIELDS: &[Field] = &[
        field(0, 32, Place::Words(0)),
        field(128, 16, Place::Words(2048)),
        field(192, 16, Place::ScaleBytes(32)),
        field(208, 1, Place::ScaleHalves(0)),
    ];
    type Wide = WideParts;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
        let (half, j) = (j / 4, j % 4);
        // SAFETY: as the caller promises.
        unsafe {
            let nibbles = load::<E>(numbers, half * 16 + j % 2 * 8 + k);
            let high = load::<E>(numbers, 32 + half * 8 + k);
            with_high::<E>(low::<E>(nibbles, j / 2 * 4, 4), high, 2 * j, 2, 4)
        }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe {
            let d = E::load_f16(scales.cast::<u16>().add(lane));
            let bytes = scales.add(32 + 2 * j * TILE + lane);
            let first = E::mul(d, E::float(E::load_i8(bytes)));
            let scale = [first, E::mul(d, E::float(E::load_i8(bytes.add(TILE))))];
            Scales { scale, less: scale }
        }
    }
}
