//! `Q8_0`: bytes.

use super::{Field, Kind, Place, Scales, field, load};
use crate::engine::Engine;

/// `d * (n - 128)`.
pub(in crate::quant) struct Q8_0;

impl Kind for Q8_0 {
    const GROUP: usize = 1;
    const NUMBERS: usize = 512;
    const SCALES: usize = 32;
    const PARTS: usize = 1;
    const BITS: u32 = 8;
    const CENTRE: Option<u32> = Some(7);
    const FIELDS: &[Field] = &[field(0, 1, Place::ScaleHalves(0)), field(2, 8, Place::Signed(0))];
    type Wide = Self;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, _: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { load::<E>(numbers, k) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, _: usize, lane: usize) -> Scales<E> {
        // SAFETY: as the caller promises.
        unsafe { Scales::one(E::load_f16(scales.cast::<u16>().add(lane))) }
    }
}
