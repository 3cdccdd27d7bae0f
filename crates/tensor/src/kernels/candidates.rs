//! A few candidate centres against a panel of rows, or against the box around them: the kernels of
//! the spatial algorithm.
//!
//! A panel holds up to [`PANEL_ROWS`] rows feature by feature, `panel[f * n_rows + row]`, so that
//! each instruction works on neighbouring rows. Distances are Σ (x − c)², one fused multiply-add a
//! feature in feature order, as [`super::Assigner`] takes them at d ≤ 8; hence equal bits.

use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::view::Float;

/// Rows a panel holds.
pub const PANEL_ROWS: usize = 128;
/// The most features that a panel has.
pub const PANEL_FEATURES_MAX: usize = 8;
/// Rows, or candidates, worked on at a time: one AVX-512 register of `f32`, two of `f64`.
const LANES: usize = 16;

/// Centres that may be the nearest of some region, with their ids in ascending order.
#[derive(Clone, Debug)]
pub struct CandidateList<T> {
    ids: Vec<i32>,
    /// `coords[f * stride + slot]`; past the last candidate there are infinities.
    coords: Vec<T>,
    stride: usize,
    d: usize,
}

impl<T: Float> CandidateList<T> {
    /// An empty list with room for `capacity` candidates of `d` features.
    ///
    /// # Panics
    /// Where `d` is not in 1..=8.
    pub fn with_capacity(capacity: usize, d: usize) -> Self {
        assert!((1..=PANEL_FEATURES_MAX).contains(&d), "a candidate has 1 to 8 features, got {d}");
        let stride = capacity.next_multiple_of(LANES);
        Self { ids: Vec::with_capacity(stride), coords: vec![T::INFINITY; stride * d], stride, d }
    }

    /// The list of all of `centers`, row-major with `d` features, with ids from 0.
    pub fn of_all(centers: &[T], d: usize) -> Self {
        let mut list = Self::with_capacity(centers.len() / d, d);
        for (id, center) in centers.chunks_exact(d).enumerate() {
            list.push(id as i32, center);
        }
        list
    }

    /// The candidates' ids.
    pub fn ids(&self) -> &[i32] {
        &self.ids
    }

    /// Gives the candidates their positions as ids.
    pub fn renumber(&mut self) {
        for (position, id) in self.ids.iter_mut().enumerate() {
            *id = position as i32;
        }
    }

    /// Takes every candidate out.
    pub fn clear(&mut self) {
        let used = self.ids.len();
        for lane in self.coords.chunks_exact_mut(self.stride.max(1)) {
            lane[..used].fill(T::INFINITY);
        }
        self.ids.clear();
    }

    /// Adds a candidate at the end.
    ///
    /// # Panics
    /// Where the list is full.
    pub fn push(&mut self, id: i32, center: &[T]) {
        let slot = self.ids.len();
        assert!(slot < self.stride, "a candidate list of {} is full", self.stride);
        for (f, &value) in center.iter().enumerate() {
            self.coords[f * self.stride + slot] = value;
        }
        self.ids.push(id);
    }

    /// Keeps in `out` the candidates that can be the nearest centre of a point in the box from
    /// `low` to `high`.
    ///
    /// One candidate is the pivot; another is dropped where even the corner of the box that
    /// favours it most is closer to the pivot, by more than distances can be off by rounding. So no
    /// candidate that computed distances would choose, ties included, is dropped.
    ///
    /// # Panics
    /// Where `out` has less room than this list, or a bound lacks a feature.
    pub fn filter_into(&self, isa: Isa, low: &[T], high: &[T], out: &mut Self) {
        assert!(out.stride >= self.stride && out.d == self.d);
        out.clear();
        // Half-width vectors take 0.6 of the time of full ones here.
        dispatch(isa.min(Isa::Avx2), Filter { list: self, low, high, out });
    }

    /// Writes to `winners` which candidate of the list is nearest to each row of `panel`, the first
    /// of equals, as the index of a position in
    /// [`Self::ids`] (see [`Float::from_index`]). Only the first `n_rows` winners mean anything.
    ///
    /// # Panics
    /// Where `panel` is not `n_rows` × d or the list is empty.
    pub fn nearest(&self, isa: Isa, panel: &[T], n_rows: usize, winners: &mut [T; PANEL_ROWS]) {
        assert!(!self.ids.is_empty() && n_rows <= PANEL_ROWS && panel.len() == n_rows * self.d);
        dispatch(isa, Nearest { list: self, panel, n_rows, winners });
    }
}

/// Calls `$function::<T, D>` for the run-time `$d` in 1..=8.
macro_rules! by_features {
    ($d:expr, $function:ident ( $($argument:expr),* )) => {
        match $d {
            1 => $function::<T, 1>($($argument),*),
            2 => $function::<T, 2>($($argument),*),
            3 => $function::<T, 3>($($argument),*),
            4 => $function::<T, 4>($($argument),*),
            5 => $function::<T, 5>($($argument),*),
            6 => $function::<T, 6>($($argument),*),
            7 => $function::<T, 7>($($argument),*),
            _ => $function::<T, 8>($($argument),*),
        }
    };
}

struct Filter<'a, T> {
    list: &'a CandidateList<T>,
    low: &'a [T],
    high: &'a [T],
    out: &'a mut CandidateList<T>,
}

impl<T: Float> Kernel for Filter<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        by_features!(self.list.d, filter(self))
    }
}

#[inline(always)]
fn filter<T: Float, const D: usize>(args: Filter<'_, T>) {
    let Filter { list, low, high, out } = args;
    let (low, high) = (corner::<T, D>(low), corner::<T, D>(high));
    let (slot, reach) = pivot::<T, D>(list, &low, &high);
    let mut pivot = low;
    for (f, value) in pivot.iter_mut().enumerate() {
        *value = list.coords[f * list.stride + slot];
    }
    for start in (0..list.ids.len()).step_by(LANES) {
        let dropped = dominated(list, start, (&low, &high), &pivot, reach);
        let present = (1u32 << (list.ids.len() - start).min(LANES)) - 1;
        let mut mask = present & !dropped;
        while mask != 0 {
            let slot = start + mask.trailing_zeros() as usize;
            let at = out.ids.len();
            for f in 0..D {
                out.coords[f * out.stride + at] = list.coords[f * list.stride + slot];
            }
            out.ids.push(list.ids[slot]);
            mask &= mask - 1;
        }
    }
}

#[inline(always)]
fn corner<T: Float, const D: usize>(values: &[T]) -> [T; D] {
    let mut corner = [T::ZERO; D];
    corner.copy_from_slice(&values[..D]);
    corner
}

/// The candidate whose greatest squared distance to the box is least, and that distance.
#[inline(always)]
fn pivot<T: Float, const D: usize>(
    list: &CandidateList<T>,
    low: &[T; D],
    high: &[T; D],
) -> (usize, T) {
    let (mut least, mut slots) = ([T::INFINITY; LANES], [0u32; LANES]);
    for start in (0..list.ids.len()).step_by(LANES) {
        let far = greatest_distances(list, start, low, high);
        for lane in 0..LANES {
            let nearer = far[lane] < least[lane];
            least[lane] = if nearer { far[lane] } else { least[lane] };
            slots[lane] = if nearer { (start + lane) as u32 } else { slots[lane] };
        }
    }
    let mut folded = least;
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            let other = folded[lane + half];
            folded[lane] = if other < folded[lane] { other } else { folded[lane] };
        }
    }
    let mut bits = [0u32; LANES];
    for lane in 0..LANES {
        bits[lane] = if least[lane] <= folded[0] { 1 << lane } else { 0 };
    }
    let lane = any_bit(&bits).trailing_zeros() as usize % LANES;
    (slots[lane] as usize, folded[0])
}

#[inline(always)]
fn any_bit(bits: &[u32; LANES]) -> u32 {
    let mut folded = *bits;
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            folded[lane] |= folded[lane + half];
        }
    }
    folded[0]
}

/// Squared distances from candidates to the corner of the box that is farthest from each.
#[inline(always)]
fn greatest_distances<T: Float, const D: usize>(
    list: &CandidateList<T>,
    start: usize,
    low: &[T; D],
    high: &[T; D],
) -> [T; LANES] {
    let mut far = [T::ZERO; LANES];
    for f in 0..D {
        let coords = load(&list.coords, f * list.stride + start);
        for lane in 0..LANES {
            let (to_low, to_high) = (coords[lane] - low[f], high[f] - coords[lane]);
            let reach = if to_low > to_high { to_low } else { to_high };
            far[lane] = reach.mul_add(reach, far[lane]);
        }
    }
    far
}

/// A bit for each candidate that no point of the box prefers to `pivot`, whose
/// greatest distance is `reach`.
///
/// |x − c|² − |x − p|² is linear in x, so it is least at a corner: the one towards c from p. With unit
/// roundoff u a computed squared distance is off by less than (d + 3) u of itself; the slack is
/// several times what the four distances compared can be off together.
#[inline(always)]
fn dominated<T: Float, const D: usize>(
    list: &CandidateList<T>,
    start: usize,
    (low, high): (&[T; D], &[T; D]),
    pivot: &[T; D],
    reach: T,
) -> u32 {
    let far = greatest_distances(list, start, low, high);
    let (mut to_center, mut to_pivot) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for f in 0..D {
        let coords = load(&list.coords, f * list.stride + start);
        for lane in 0..LANES {
            let corner = if coords[lane] > pivot[f] { high[f] } else { low[f] };
            let (c, p) = (corner - coords[lane], corner - pivot[f]);
            to_center[lane] = c.mul_add(c, to_center[lane]);
            to_pivot[lane] = p.mul_add(p, to_pivot[lane]);
        }
    }
    let unit = T::EPSILON * T::from_f64((4 * (D + 3)) as f64);
    let mut bits = [0u32; LANES];
    for lane in 0..LANES {
        let slack = unit.mul_add(far[lane] + reach, T::MIN_POSITIVE);
        // What overflows compares as false, and is kept.
        let dominated = to_center[lane] - to_pivot[lane] > slack;
        bits[lane] = if dominated { 1 << lane } else { 0 };
    }
    any_bit(&bits)
}

struct Nearest<'a, T> {
    list: &'a CandidateList<T>,
    panel: &'a [T],
    n_rows: usize,
    winners: &'a mut [T; PANEL_ROWS],
}

impl<T: Float> Kernel for Nearest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        by_features!(self.list.d, nearest(self))
    }
}

#[inline(always)]
fn nearest<T: Float, const D: usize>(args: Nearest<'_, T>) {
    let Nearest { list, panel, n_rows, winners } = args;
    if n_rows < LANES {
        let mut padded = [T::ZERO; LANES * PANEL_FEATURES_MAX];
        for (f, values) in panel.chunks_exact(n_rows).enumerate() {
            padded[f * LANES..][..n_rows].copy_from_slice(values);
        }
        nearest_from::<T, D>(list, &padded, LANES, 0, winners);
        return;
    }
    for start in (0..n_rows).step_by(LANES) {
        // The last rows are taken together with some that have been before, not with padding.
        nearest_from::<T, D>(list, panel, n_rows, start.min(n_rows - LANES), winners);
    }
}

/// The winners of the rows from `start` on, of a panel of `stride` rows.
#[inline(always)]
fn nearest_from<T: Float, const D: usize>(
    list: &CandidateList<T>,
    panel: &[T],
    stride: usize,
    start: usize,
    winners: &mut [T; PANEL_ROWS],
) {
    let count = list.ids.len();
    let mut rows = [[T::ZERO; LANES]; D];
    let mut coords: [&[T]; D] = [&[]; D];
    for f in 0..D {
        rows[f] = load(panel, f * stride + start);
        coords[f] = &list.coords[f * list.stride..][..count];
    }
    let (mut best, mut winner) = ([T::INFINITY; LANES], [T::from_index(0); LANES]);
    for (slot, _) in list.ids.iter().enumerate() {
        let mut center = [T::ZERO; D];
        for f in 0..D {
            center[f] = coords[f][slot];
        }
        let distance = squared_distances(&rows, &center);
        let name = T::from_index(slot as u32);
        for lane in 0..LANES {
            let closer = distance[lane] < best[lane];
            best[lane] = if closer { distance[lane] } else { best[lane] };
            winner[lane] = if closer { name } else { winner[lane] };
        }
    }
    winners[start..start + LANES].copy_from_slice(&winner);
}

#[inline(always)]
fn load<T: Float>(panel: &[T], at: usize) -> [T; LANES] {
    let mut values = [T::ZERO; LANES];
    values.copy_from_slice(&panel[at..at + LANES]);
    values
}

#[inline(always)]
fn squared_distances<T: Float, const D: usize>(
    rows: &[[T; LANES]; D],
    center: &[T; D],
) -> [T; LANES] {
    let mut distance = [T::ZERO; LANES];
    for f in 0..D {
        for lane in 0..LANES {
            let difference = rows[f][lane] - center[f];
            distance[lane] = difference.mul_add(difference, distance[lane]);
        }
    }
    distance
}
