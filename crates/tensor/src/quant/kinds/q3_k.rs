//! `Q3_K`: two bits and a third beside them, with scales of six bits.

use super::wide::WideParts;
use super::{Field, Kind, Place, Scales, field, load, low, with_high};
use crate::engine::Engine;

/// `d * (scale - 32) * (n - 4)`.
pub(in crate::quant) struct Q3K;

/// Scale `i` of 16: lower nibbles of 8 bytes, then upper ones; two bits of each of 4 bytes, four times.
#[inline(always)]
unsafe fn six<E: Engine>(words: *const u8, i: usize) -> E::B {
    // SAFETY: the caller vouches for 3 vectors.
    unsafe {
        let nibble = E::down(load::<E>(words, i / 4 % 2), (i % 4 * 8 + i / 8 * 4) as u32);
        let high = E::down(load::<E>(words, 2), (i % 4 * 8 + i / 4 * 2) as u32);
        let high = E::up(E::and(high, E::splat(3)), 4);
        let both = E::or(E::and(nibble, E::splat(15)), high);
        E::add(both, E::splat(-32i32 as u32))
    }
}

impl Kind for Q3K {
    const GROUP: usize = 8;
    const NUMBERS: usize = 1536;
    const SCALES: usize = 224;
    const PARTS: usize = 2;
    const BITS: u32 = 3;
    const CENTRE: Option<u32> = Some(2);
    const FIELDS: &[Field] = &[
        field(0, 8, Place::Words(1024)),
        field(32, 16, Place::Words(0)),
        field(96, 3, Place::ScaleWords(32)),
        field(108, 1, Place::ScaleHalves(0)),
    ];
    type Wide = WideParts;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe {
            let twos = low::<E>(load::<E>(numbers, j / 4 * 8 + k), j % 4 * 2, 2);
            with_high::<E>(twos, load::<E>(numbers, 16 + k), j, 1, 2)
        }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe {
            let d = E::load_f16(scales.cast::<u16>().add(lane));
            let words = scales.add(32 + lane * 4);
            let first = E::mul(d, E::float(six::<E>(words, 2 * j)));
            let scale = [first, E::mul(d, E::float(six::<E>(words, 2 * j + 1)))];
            Scales { scale, less: scale }
        }
    }
}
