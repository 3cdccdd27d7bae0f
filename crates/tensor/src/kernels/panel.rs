//! Sums and bounds of a panel of rows (see [`super::candidates`]).

use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::view::Float;

/// Adds the rows of a panel to the sums that `slots` name, in row order and double precision.
///
/// `sums[slot * (d + 1)..]` holds the weighted sum of each of the `d` features, then the weight.
/// `slots` and `weights` (`None` = all 1) have an element for each row.
///
/// # Panics
/// Where lengths do not fit or a slot lies outside `sums`.
pub fn add_rows<T: Float>(
    isa: Isa,
    d: usize,
    panel: &[T],
    weights: Option<&[T]>,
    slots: &[u32],
    sums: &mut [f64],
) {
    assert_eq!(panel.len(), slots.len() * d, "one slot a row");
    assert!(weights.is_none_or(|weights| weights.len() == slots.len()), "one weight a row");
    dispatch(isa, AddRows { d, panel, weights, slots, sums });
}

struct AddRows<'a, T> {
    d: usize,
    panel: &'a [T],
    weights: Option<&'a [T]>,
    slots: &'a [u32],
    sums: &'a mut [f64],
}

impl<T: Float> Kernel for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.d {
            1 => self.add::<1, 2>(),
            2 => self.add::<2, 3>(),
            3 => self.add::<3, 4>(),
            4 => self.add::<4, 5>(),
            5 => self.add::<5, 6>(),
            6 => self.add::<6, 7>(),
            7 => self.add::<7, 8>(),
            _ => self.add::<8, 9>(),
        }
    }
}

impl<T: Float> AddRows<'_, T> {
    /// `WIDTH` is `D + 1`.
    #[inline(always)]
    fn add<const D: usize, const WIDTH: usize>(self) {
        let (sums, _) = self.sums.as_chunks_mut::<WIDTH>();
        let n_rows = self.slots.len();
        let mut features: [&[T]; D] = [&[]; D];
        for (f, feature) in features.iter_mut().enumerate() {
            *feature = &self.panel[f * n_rows..][..n_rows];
        }
        for (row, &slot) in self.slots.iter().enumerate() {
            let weight = self.weights.map_or(1.0, |weights| weights[row].to_f64());
            let sum = &mut sums[slot as usize];
            for f in 0..D {
                sum[f] += features[f][row].to_f64() * weight;
            }
            sum[D] += weight;
        }
    }
}
