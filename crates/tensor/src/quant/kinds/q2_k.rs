//! `Q2_K`: two bits, with a nibble as scale and one as what is taken off.

use super::wide::WidePartsLeast;
use super::{Field, Kind, Place, Scales, field, load, low};
use crate::engine::Engine;
use crate::quant::kinds::TILE;

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
            let bytes = scales.add(64 + 2 * j * TILE + lane);
            let (first, second) = (E::load_u8(bytes), E::load_u8(bytes.add(TILE)));
            let low = E::splat(15);
            let scale =
                [E::mul(d, E::float(E::and(first, low))), E::mul(d, E::float(E::and(second, low)))];
            let less = [
                E::mul(d_less, E::float(E::down(first, 4))),
                E::mul(d_less, E::float(E::down(second, 4))),
            ];
            Scales { scale, less }
        }
    }
}
