//! `Q4_0` and `Q4_1`: nibbles.

use super::wide::{WideCentred, WideLeast};
use super::{Field, Kind, Place, Scales, field, load, low};
use crate::engine::Engine;

/// `d * (n - 8)`.
pub(in crate::quant) struct Q4_0;

/// `d * n + least`.
pub(in crate::quant) struct Q4_1;

/// Vector `k` of a block of 32.
#[inline(always)]
pub(super) unsafe fn nibbles<E: Engine>(numbers: *const u8, k: usize) -> E::B {
    // SAFETY: the caller vouches for four vectors.
    unsafe { low::<E>(load::<E>(numbers, k % 4), k / 4 * 4, 4) }
}

/// A scale and a least value, as halves.
#[inline(always)]
pub(super) unsafe fn scale_and_less<E: Engine>(scales: *const u8, lane: usize) -> Scales<E> {
    let halves = scales.cast::<u16>().wrapping_add(lane);
    // SAFETY: the caller vouches for 32 halves.
    unsafe {
        let less = E::mul(E::load_f16(halves.add(16)), E::splat_f32(-1.0));
        Scales::with_less(E::load_f16(halves), less)
    }
}

impl Kind for Q4_0 {
    const GROUP: usize = 1;
    const NUMBERS: usize = 256;
    const SCALES: usize = 32;
    const PARTS: usize = 1;
    const BITS: u32 = 4;
    const CENTRE: Option<u32> = Some(3);
    const FIELDS: &[Field] = &[field(0, 1, Place::ScaleHalves(0)), field(2, 4, Place::Words(0))];
    type Wide = WideCentred;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { nibbles::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { Scales::one(E::load_f16(scales.cast::<u16>().add(lane))) }
    }
}

impl Kind for Q4_1 {
    const GROUP: usize = 1;
    const NUMBERS: usize = 256;
    const SCALES: usize = 64;
    const PARTS: usize = 1;
    const BITS: u32 = 4;
    const CENTRE: Option<u32> = None;
    const FIELDS: &[Field] = &[
        field(0, 1, Place::ScaleHalves(0)),
        field(2, 1, Place::ScaleHalves(32)),
        field(4, 4, Place::Words(0)),
    ];
    type Wide = WideLeast;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { nibbles::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { scale_and_less(scales, lane) }
    }
}
