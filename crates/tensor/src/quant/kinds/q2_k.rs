//! `Q2_K`: two bits, with scales and least values of a nibble.

use super::wide::WidePartsLeast;
use super::{Field, Kind, Place, Scales, field, load, low};
use crate::quant::engine::{Engine, TILE};

/// `d * scale * n - d_less * less`.
pub(in crate::quant) struct Q2K;

impl Kind for Q2K {
    const GROUP: usize = 8;
    const NUMBERS: usize = 1024;
    const SCALES: usize = 320;
    const PARTS: usize = 2;
    const BITS: u32 = 2;
    const CENTRE: Option<u32> = None;
    const FIELDS: &[Field] = &[
        field(0, 16, Place::ScaleBytes(64)),
        field(16, 16, Place::Words(0)),
        field(80, 1, Place::ScaleHalves(0)),
        field(82, 1, Place::ScaleHalves(32)),
    ];
    type Wide = WidePartsLeast;

    #[inline(always)]
    unsafe fn vector<E: Engine>(numbers: *const u8, j: usize, k: usize) -> E::B {
        // SAFETY: as the caller promises.
        unsafe { low::<E>(load::<E>(numbers, j / 4 * 8 + k), j % 4 * 2, 2) }
    }

    #[inline(always)]
    unsafe fn scales<E: Engine>(scales: *const u8, j: usize, lane: usize) -> Scales<E> {
        let halves = scales.cast::<u16>().wrapping_add(lane);
        // SAFETY: as the caller promises.
        unsafe {
            let d = E::load_f16(halves);
            let d_less = E::load_f16(halves.add(16));
            let bytes = |part| E::load_u8(scales.add(64 + (2 * j + part) * TILE + lane));
            let times = |d, b| E::mul(d, E::float(b));
            Scales {
                scale: std::array::from_fn(|i| times(d, E::and(bytes(i), E::splat(15)))),
                less: std::array::from_fn(|i| times(d_less, E::down(bytes(i), 4))),
            }
        }
    }
}
