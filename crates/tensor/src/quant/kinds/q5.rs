//! `Q5_0` and `Q5_1`: nibbles, and a fifth bit beside them.

use super::q4::{nibbles, scale_and_less};
use super::wide::{WideCentred, WideLeast};
use super::{Field, Kind, Place, Scales, field, load, with_high};
use crate::engine::Engine;

/// `d * (n - 16)`.
pub(in crate::quant) struct Q5_0;

/// `d * n + least`.
pub(in crate::quant) struct Q5_1;

/// Vector `k` of a block of 32.
#[inline(always)]
unsafe fn fives<E: Engine>(numbers: *const u8, k: usize) -> E::B {
    // SAFETY: the caller vouches for five vectors.
    unsafe { with_high::<E>(nibbles::<E>(numbers, k), load::<E>(numbers, 4), k, 1, 4) }
}

impl Kind for Q5_0 {
    const GROUP: usize = 1;
    const NUMBERS: usize = 320;
    const SCALES: usize = 32;
    const PARTS: usize = 1;
    const BITS: u32 = 5;
    const CENTRE: Option<u32> = Some(4);
    const FIELDS: &[Field] = &[
        field(0, 1, Place::ScaleHalves(0)),
        field(2, 1, Place::Bits(256)),
        field(6, 4, Place::Words(0)),
    ];
    type Wide = WideCentred;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { fives::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { Scales::one(E::load_f16(scales.cast::<u16>().add(lane))) }
    }
}

impl Kind for Q5_1 {
    const GROUP: usize = 1;
    const NUMBERS: usize = 320;
    const SCALES: usize = 64;
    const PARTS: usize = 1;
    const BITS: u32 = 5;
    const CENTRE: Option<u32> = None;
    const FIELDS: &[Field] = &[
        field(0, 1, Place::ScaleHalves(0)),
        field(2, 1, Place::ScaleHalves(32)),
        field(4, 1, Place::Bits(256)),
        field(8, 4, Place::Words(0)),
    ];
    type Wide = WideLeast;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { fives::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { scale_and_less(scales, lane) }
    }
}
