//! `Q4_K` and `Q5_K`: nibbles, and for the latter a fifth bit, with six bits as scale and six as what is taken off.

use super::wide::WideLeast;
use super::{Field, Kind, Place, Scales, field, load, low, with_high};
use crate::engine::Engine;

/// `d * scale * n - d_less * less`, of nibbles.
pub(in crate::quant) struct Q4K;

/// The same of five bits.
pub(in crate::quant) struct Q5K;

/// Vector `k` of block `j` of eight.
#[inline(always)]
unsafe fn nibbles<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
    // SAFETY: the caller vouches for 32 vectors.
    unsafe { low::<E>(load::<E>(numbers, j / 2 * 8 + k), j % 2 * 4, 4) }
}

/// Of block `j` of eight: the first four have six bits of a byte, the others take their upper two from
/// where those have left room.
#[inline(always)]
unsafe fn scales_of_six<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
    let halves = scales.cast::<u16>().wrapping_add(lane);
    // SAFETY: the caller vouches for 32 halves and 3 vectors.
    unsafe {
        let words = scales.add(64 + lane * 4);
        let at = (j % 4 * 8) as u32;
        let a = E::down(load::<E>(words, 0), at);
        let b = E::down(load::<E>(words, 1), at);
        let c = E::down(load::<E>(words, 2), at);
        let (scale, less) = if j < 4 {
            (E::and(a, E::splat(63)), E::and(b, E::splat(63)))
        } else {
            let scale_high = E::and(E::down(a, 2), E::splat(0x30));
            let less_high = E::and(E::down(b, 2), E::splat(0x30));
            let less_low = E::and(E::down(c, 4), E::splat(15));
            (E::or(E::and(c, E::splat(15)), scale_high), E::or(less_low, less_high))
        };
        let (d, d_less) = (E::load_f16(halves), E::load_f16(halves.add(16)));
        Scales::with_less(E::mul(d, E::float(scale)), E::mul(d_less, E::float(less)))
    }
}

impl Kind for Q4K {
    const GROUP: usize = 8;
    const NUMBERS: usize = 2048;
    const SCALES: usize = 256;
    const PARTS: usize = 1;
    const BITS: u32 = 4;
    const CENTRE: Option<u32> = None;
    const FIELDS: &[Field] = &[
        field(0, 1, Place::ScaleHalves(0)),
        field(2, 1, Place::ScaleHalves(32)),
        field(4, 3, Place::ScaleWords(64)),
        field(16, 32, Place::Words(0)),
    ];
    type Wide = WideLeast;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { nibbles::<E>(numbers, j, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { scales_of_six(scales, j, lane) }
    }
}

impl Kind for Q5K {
    const GROUP: usize = 8;
    const NUMBERS: usize = 2560;
    const SCALES: usize = 256;
    const PARTS: usize = 1;
    const BITS: u32 = 5;
    const CENTRE: Option<u32> = None;
    const FIELDS: &[Field] = &[
        field(0, 1, Place::ScaleHalves(0)),
        field(2, 1, Place::ScaleHalves(32)),
        field(4, 3, Place::ScaleWords(64)),
        field(16, 8, Place::Words(2048)),
        field(48, 32, Place::Words(0)),
    ];
    type Wide = WideLeast;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { with_high::<E>(nibbles::<E>(numbers, j, k), load::<E>(numbers, 32 + k), j, 1, 4) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { scales_of_six(scales, j, lane) }
    }
}
