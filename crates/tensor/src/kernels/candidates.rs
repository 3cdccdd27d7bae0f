//! A few candidate centres against a panel of rows: the kernels of the spatial filter and of
//! k-means++ in low dimension.
//!
//! A panel holds up to [`PANEL_ROWS`] rows feature by feature, `panel[f * PANEL_ROWS + row]`, so
//! that each instruction works on neighbouring rows. Distances are Σ (x − c)², one fused
//! multiply-add a feature in feature order, as [`super::Assigner`] takes them at d ≤ 8; hence equal
//! bits. What lies past the last row of a panel is never read into a result.

use super::dispatch::{Kernel, dispatch};
use crate::cpu::Isa;
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
    /// `low` to `high`: those whose least distance is within the smallest greatest distance.
    ///
    /// Both distances are rounded as the distance of a point is, and rounding is monotonic, so no
    /// candidate that a computed distance would choose, ties included, is dropped.
    pub fn filter_into(&self, isa: Isa, low: &[T], high: &[T], out: &mut Self) {
        let (d, count) = (self.d, self.ids.len());
        out.clear();
        let mut nearest = [T::ZERO; FILTER_CHUNK];
        let bound = (0..count).step_by(FILTER_CHUNK).fold(T::INFINITY, |bound, start| {
            let bounds = BoxBounds { list: self, start, low, high, nearest: &mut nearest };
            least(bound, dispatch(isa, bounds))
        });
        for start in (0..count).step_by(FILTER_CHUNK) {
            if count > FILTER_CHUNK {
                dispatch(isa, BoxBounds { list: self, start, low, high, nearest: &mut nearest });
            }
            for slot in start..count.min(start + FILTER_CHUNK) {
                if nearest[slot - start] <= bound {
                    let at = out.ids.len();
                    for f in 0..d {
                        out.coords[f * out.stride + at] = self.coords[f * self.stride + slot];
                    }
                    out.ids.push(self.ids[slot]);
                }
            }
        }
    }

    /// Writes to `slots` which candidate of the list is nearest to each row of `panel`, the first
    /// of equals, as a position in [`Self::ids`].
    ///
    /// # Panics
    /// Where `panel` is not [`PANEL_ROWS`] × d or the list is empty.
    pub fn nearest(&self, isa: Isa, panel: &[T], slots: &mut [T; PANEL_ROWS]) {
        assert!(!self.ids.is_empty() && panel.len() == PANEL_ROWS * self.d);
        dispatch(isa, Nearest { list: self, panel, slots });
    }
}

/// Candidates whose box distances are taken in one go.
const FILTER_CHUNK: usize = 512;

fn least<T: PartialOrd>(a: T, b: T) -> T {
    if b < a { b } else { a }
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

/// The smallest greatest distance to the box, and each candidate's least distance to it.
struct BoxBounds<'a, T> {
    list: &'a CandidateList<T>,
    start: usize,
    low: &'a [T],
    high: &'a [T],
    nearest: &'a mut [T; FILTER_CHUNK],
}

impl<T: Float> Kernel for BoxBounds<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        by_features!(self.list.d, box_bounds(self))
    }
}

#[inline(always)]
fn box_bounds<T: Float, const D: usize>(args: BoxBounds<'_, T>) -> T {
    let BoxBounds { list, start, low, high, nearest } = args;
    let end = list.ids.len().next_multiple_of(LANES).min(start + FILTER_CHUNK);
    let mut bounds = [T::INFINITY; LANES];
    for slot in (start..end).step_by(LANES) {
        let (mut near, mut far) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        for f in 0..D {
            let coords = &list.coords[f * list.stride + slot..][..LANES];
            for lane in 0..LANES {
                let (below, above) = (low[f] - coords[lane], coords[lane] - high[f]);
                let inside = if below > above { below } else { above };
                let gap = if inside > T::ZERO { inside } else { T::ZERO };
                near[lane] = gap.mul_add(gap, near[lane]);
                // The farther face: the box's extent beyond the nearer one, either sign.
                let (to_low, to_high) = (coords[lane] - low[f], high[f] - coords[lane]);
                let reach = if to_low > to_high { to_low } else { to_high };
                far[lane] = reach.mul_add(reach, far[lane]);
            }
        }
        nearest[slot - start..][..LANES].copy_from_slice(&near);
        for lane in 0..LANES {
            bounds[lane] = if far[lane] < bounds[lane] { far[lane] } else { bounds[lane] };
        }
    }
    bounds.into_iter().fold(T::INFINITY, least)
}

struct Nearest<'a, T> {
    list: &'a CandidateList<T>,
    panel: &'a [T],
    slots: &'a mut [T; PANEL_ROWS],
}

impl<T: Float> Kernel for Nearest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        by_features!(self.list.d, nearest(self.list, self.panel, self.slots))
    }
}

#[inline(always)]
fn nearest<T: Float, const D: usize>(
    list: &CandidateList<T>,
    panel: &[T],
    slots: &mut [T; PANEL_ROWS],
) {
    let count = list.ids.len();
    let coords: [&[T]; D] = std::array::from_fn(|f| &list.coords[f * list.stride..][..count]);
    let center = |slot: usize| -> [T; D] { std::array::from_fn(|f| coords[f][slot]) };
    for start in (0..PANEL_ROWS).step_by(LANES) {
        let rows: [[T; LANES]; D] = std::array::from_fn(|f| load(panel, f * PANEL_ROWS + start));
        let (mut best, mut winner) = ([T::INFINITY; LANES], [T::ZERO; LANES]);
        let mut name = T::ZERO;
        for slot in 0..count {
            let distance = squared_distances(&rows, &center(slot));
            for lane in 0..LANES {
                let closer = distance[lane] < best[lane];
                best[lane] = if closer { distance[lane] } else { best[lane] };
                winner[lane] = if closer { name } else { winner[lane] };
            }
            name += T::from_f64(1.0);
        }
        slots[start..start + LANES].copy_from_slice(&winner);
    }
}

#[inline(always)]
fn load<T: Float>(panel: &[T], at: usize) -> [T; LANES] {
    let source = &panel[at..at + LANES];
    std::array::from_fn(|lane| source[lane])
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
