//! Nearest centres for many features: a matrix product whose sums never leave the registers.
//!
//! Rows are packed in panels, one row a lane, and centres in groups of `NR`. The product of a panel
//! and a group stays in `MV × NR` registers until the running minimum of each row has seen it.

use std::ops::Range;

use super::Scratch;
use super::aligned::Aligned;
use super::pack::pack_panel;
use super::simd::{Kernel, LANES_MAX, Simd, dispatch, group_centers};
use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Most rows that are taken one by one rather than as a panel.
const FEW_ROWS: usize = 8;
/// Most vectors of rows in a panel.
const PANEL_VECTORS_MAX: usize = 3;
/// Most centres in a group.
const GROUP_MAX: usize = 8;
/// Centres of the last group for which the products with its filling are left out.
const GROUP_TAIL: usize = 4;
/// Features between two looks ahead.
const STEP: usize = 16;
/// Most cache lines asked for at once: more than the CPU can have under way only stalls it.
const LINES_MAX: usize = 12;

/// Centres in groups: `[group][feature][centre]`, the last group filled up.
pub(super) struct Packed<T> {
    pub(super) values: Aligned<T>,
    /// What each centre's sum starts from; infinite for those that fill up.
    pub(super) starts: Vec<T>,
    indices: Vec<T>,
    n_clusters: usize,
    pub(super) n_features: usize,
}

impl<T: Float> Packed<T> {
    /// Packs row-major `centers` whose sums start from `starts`.
    pub(super) fn new(centers: &[T], starts: &[T], isa: Isa) -> Self {
        let (n_clusters, n_features) = (starts.len(), centers.len() / starts.len());
        let group = group_centers(isa);
        let padded = n_clusters.next_multiple_of(group);
        let mut values = Aligned::default();
        let to = values.slice(padded * n_features);
        for (cluster, center) in centers.chunks_exact(n_features).enumerate() {
            let at = cluster / group * group * n_features + cluster % group;
            for (col, &c) in center.iter().enumerate() {
                to[at + col * group] = c;
            }
        }
        let mut starts = starts.to_vec();
        starts.resize(padded, T::INFINITY);
        let indices = (0..padded).map(|index| T::from_index(index as u32)).collect();
        Self { values, starts, indices, n_clusters, n_features }
    }
}

/// Finds the centre with the least `start - (x - shift)·c` for each row of `rows`; `labels` is for
/// `rows` alone.
pub(super) fn nearest<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    shift: &[T],
    centers: &Packed<T>,
    labels: &mut [i32],
    scratch: &mut Scratch<T>,
) {
    dispatch(isa, Nearest { x, rows, shift, centers, labels, gaps: None, scratch });
}

/// As [`nearest`]; also writes to `gaps`, one a row, how much the second least is above the least.
#[allow(clippy::too_many_arguments, reason = "those of `nearest` and one more result")]
pub(super) fn nearest_with_gaps<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    shift: &[T],
    centers: &Packed<T>,
    labels: &mut [i32],
    gaps: &mut [T],
    scratch: &mut Scratch<T>,
) {
    assert_eq!(gaps.len(), labels.len(), "one gap a row");
    dispatch(isa, Nearest { x, rows, shift, centers, labels, gaps: Some(gaps), scratch });
}

struct Nearest<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    shift: &'a [T],
    centers: &'a Packed<T>,
    labels: &'a mut [i32],
    gaps: Option<&'a mut [T]>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Float> Kernel<T> for Nearest<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        assert!(self.x.cols() == self.centers.n_features && self.rows.end <= self.x.rows());
        assert_eq!(self.labels.len(), self.rows.len(), "one label a row");
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            if self.gaps.is_some() {
                self.run_panels_with_gaps::<S, MV, NR>();
            } else if self.rows.len() <= FEW_ROWS {
                self.run_rows::<NR>();
            } else {
                self.run_panels::<S, MV, NR>();
            }
        }
    }
}

impl<T: Float> Nearest<'_, T> {
    #[inline(always)]
    unsafe fn run_panels<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, rows, shift, centers, labels, gaps: _, scratch } = self;
        let width = MV * S::LANES;
        let panel = scratch.panel.slice(x.cols() * width);
        let mut found = [0; PANEL_VECTORS_MAX * LANES_MAX];
        for (i, labels) in labels.chunks_mut(width).enumerate() {
            let start = rows.start + i * width;
            let n_groups = centers.starts.len() / NR;
            let mut ahead = Ahead::panel(x, start + width, width, n_groups);
            // SAFETY: the caller vouches for the instruction set; the panel has the size asked
            // for, and `found` room for MV vectors of indices.
            unsafe {
                pack_panel::<T, S>(x, start..start + labels.len(), shift, panel, width);
                let index = nearest_of_panel::<T, S, MV, NR>(panel, centers, &mut ahead);
                for (v, &index) in index.iter().enumerate() {
                    S::store_index(found.as_mut_ptr().add(v * S::LANES), index);
                }
            }
            labels.copy_from_slice(&found[..labels.len()]);
        }
    }

    #[inline(always)]
    unsafe fn run_panels_with_gaps<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, rows, shift, centers, labels, gaps, scratch } = self;
        let width = MV * S::LANES;
        let panel = scratch.panel.slice(x.cols() * width);
        let mut found = [0; PANEL_VECTORS_MAX * LANES_MAX];
        let mut found_gaps = [T::ZERO; PANEL_VECTORS_MAX * LANES_MAX];
        let gaps = gaps.into_iter().flat_map(|gaps| gaps.chunks_mut(width));
        for ((i, labels), gaps) in labels.chunks_mut(width).enumerate().zip(gaps) {
            let start = rows.start + i * width;
            // SAFETY: the caller vouches for the instruction set; the panel has the size asked
            // for, both results have room for MV vectors.
            unsafe {
                pack_panel::<T, S>(x, start..start + labels.len(), shift, panel, width);
                let (index, gap) = nearest_two_of_panel::<T, S, MV, NR>(panel, centers);
                for v in 0..MV {
                    S::store_index(found.as_mut_ptr().add(v * S::LANES), index[v]);
                    S::store(found_gaps.as_mut_ptr().add(v * S::LANES), gap[v]);
                }
            }
            labels.copy_from_slice(&found[..labels.len()]);
            gaps.copy_from_slice(&found_gaps[..gaps.len()]);
        }
    }

    #[inline(always)]
    fn run_rows<const NR: usize>(self) {
        let Self { x, rows, shift, centers, labels, gaps: _, scratch } = self;
        let shifted = scratch.panel.slice(x.cols());
        for (row, label) in rows.zip(labels) {
            for (col, (to, &s)) in shifted.iter_mut().zip(shift).enumerate() {
                *to = x.get(row, col) - s;
            }
            *label = nearest_of_row::<T, NR>(shifted, centers);
        }
    }
}

/// The indices of the nearest centres of a panel's rows.
///
/// A group of centres passes through the first-level cache once a panel. Taking the features in parts,
/// so that those of a wide panel stay there too, was measured and gains nothing.
#[inline(always)]
unsafe fn nearest_of_panel<T: Float, S: Simd<T>, const MV: usize, const NR: usize>(
    panel: &[T],
    centers: &Packed<T>,
    ahead: &mut Ahead<T>,
) -> [S::V; MV] {
    let d = centers.n_features;
    assert!(panel.len() >= d * MV * S::LANES);
    // SAFETY: the caller vouches for the instruction set; the panel has d rows of MV vectors; a
    // group has d rows of NR centres, NR starts and NR indices.
    unsafe {
        let mut best: Best<S::V, MV> =
            Best { least: [S::splat(T::INFINITY); MV], index: [S::splat(T::from_index(0)); MV] };
        for first in (0..centers.starts.len()).step_by(NR) {
            if NR > GROUP_TAIL && centers.n_clusters - first <= GROUP_TAIL {
                best.take_group::<T, S, NR, GROUP_TAIL>(panel, centers, first, ahead);
            } else {
                best.take_group::<T, S, NR, NR>(panel, centers, first, ahead);
            }
        }
        best.index
    }
}

/// The indices of the nearest centres of a panel's rows, and the gaps to the second nearest.
#[inline(always)]
unsafe fn nearest_two_of_panel<T: Float, S: Simd<T>, const MV: usize, const NR: usize>(
    panel: &[T],
    centers: &Packed<T>,
) -> ([S::V; MV], [S::V; MV]) {
    let d = centers.n_features;
    assert!(panel.len() >= d * MV * S::LANES);
    // SAFETY: as in `nearest_of_panel`.
    unsafe {
        let mut ahead = Ahead { at: panel.as_ptr(), lines: 0 };
        let mut index = [S::splat(T::from_index(0)); MV];
        let (mut least, mut second) = ([S::splat(T::INFINITY); MV], [S::splat(T::INFINITY); MV]);
        for first in (0..centers.starts.len()).step_by(NR) {
            let group = centers.values.as_slice().as_ptr().add(first * d);
            let starts = centers.starts.as_ptr().add(first);
            let sums: [[S::V; MV]; NR] = std::array::from_fn(|c| [S::splat(*starts.add(c)); MV]);
            let sums =
                subtract_products::<T, S, MV, NR, NR>(sums, panel.as_ptr(), group, d, &mut ahead);
            for (c, sums) in sums.iter().enumerate() {
                let this = S::splat(centers.indices[first + c]);
                for v in 0..MV {
                    let closer = S::lt(sums[v], least[v]);
                    second[v] = S::select(closer, least[v], S::min(sums[v], second[v]));
                    least[v] = S::min(sums[v], least[v]);
                    index[v] = S::select(closer, this, index[v]);
                }
            }
        }
        (index, std::array::from_fn(|v| S::sub(second[v], least[v])))
    }
}

/// Memory that will be needed next, asked for piece by piece.
struct Ahead<T> {
    at: *const T,
    /// Cache lines for each [`STEP`] features of a group.
    lines: usize,
}

impl<T: Float> Ahead<T> {
    /// The panel of `width` rows that starts with `row`, while `n_groups` pass: their reading from
    /// memory, a quarter of the time at 100 centres, hides behind the products.
    fn panel(x: MatrixView<T>, row: usize, width: usize, n_groups: usize) -> Self {
        let at = x.data().as_ptr().wrapping_add(row * x.row_stride());
        if x.col_stride() != 1 || row >= x.rows() {
            return Self { at, lines: 0 };
        }
        let lines = (width * x.row_stride() * size_of::<T>()).div_ceil(64);
        let lines = lines.div_ceil(n_groups * x.cols().div_ceil(STEP));
        Self { at, lines: lines.min(LINES_MAX) }
    }

    #[inline(always)]
    unsafe fn ask<S: Simd<T>>(&mut self) {
        for _ in 0..self.lines {
            // SAFETY: the caller vouches for the instruction set; any address will do.
            unsafe { S::prefetch(self.at) };
            self.at = self.at.wrapping_add(64 / size_of::<T>());
        }
    }
}

/// Subtracts from the sums of the first `COUNT` centres of a group of `NR` the products of `depth`
/// features: the kernel where the time goes.
#[inline(always)]
unsafe fn subtract_products<
    T: Float,
    S: Simd<T>,
    const MV: usize,
    const NR: usize,
    const COUNT: usize,
>(
    mut sums: [[S::V; MV]; COUNT],
    mut x: *const T,
    mut group: *const T,
    depth: usize,
    ahead: &mut Ahead<T>,
) -> [[S::V; MV]; COUNT] {
    let mut left = depth;
    while left > 0 {
        let steps = left.min(STEP);
        left -= steps;
        // SAFETY: the caller vouches for `depth` rows of MV vectors and of NR centres.
        unsafe {
            ahead.ask::<S>();
            for _ in 0..steps {
                let rows: [S::V; MV] = std::array::from_fn(|v| S::load(x.add(v * S::LANES)));
                for (c, sums) in sums.iter_mut().enumerate() {
                    let center = S::splat(*group.add(c));
                    for v in 0..MV {
                        sums[v] = S::neg_mul_add(rows[v], center, sums[v]);
                    }
                }
                x = x.add(MV * S::LANES);
                group = group.add(NR);
            }
        }
    }
    sums
}

/// The least value of each row so far, and the index of its centre.
struct Best<V, const MV: usize> {
    least: [V; MV],
    index: [V; MV],
}

impl<V: Copy, const MV: usize> Best<V, MV> {
    /// Takes in the first `COUNT` centres of the group of `NR` that starts with centre `first`.
    #[inline(always)]
    unsafe fn take_group<T: Float, S: Simd<T, V = V>, const NR: usize, const COUNT: usize>(
        &mut self,
        panel: &[T],
        centers: &Packed<T>,
        first: usize,
        ahead: &mut Ahead<T>,
    ) {
        let d = centers.n_features;
        // SAFETY: the caller vouches for the instruction set and the sizes (see
        // `nearest_of_panel`), and COUNT <= NR.
        unsafe {
            let group = centers.values.as_slice().as_ptr().add(first * d);
            let starts = centers.starts.as_ptr().add(first);
            let sums: [[V; MV]; COUNT] = std::array::from_fn(|c| [S::splat(*starts.add(c)); MV]);
            let panel = panel.as_ptr();
            let sums = subtract_products::<T, S, MV, NR, COUNT>(sums, panel, group, d, ahead);
            self.take::<T, S, COUNT>(&sums, centers.indices.as_ptr().add(first));
        }
    }

    /// Takes in the values of a group whose centres have the `NR` indices at `indices`.
    #[inline(always)]
    unsafe fn take<T: Float, S: Simd<T, V = V>, const NR: usize>(
        &mut self,
        sums: &[[V; MV]; NR],
        indices: *const T,
    ) {
        // SAFETY: the caller vouches for the instruction set and for NR indices.
        unsafe {
            for v in 0..MV {
                let mut least = self.least[v];
                for sums in sums {
                    least = S::min(sums[v], least);
                }
                let closer = S::lt(least, self.least[v]);
                if S::any(closer) {
                    // From the last to the first, so that the lowest index wins a tie.
                    let mut candidate = self.index[v];
                    for c in (0..NR).rev() {
                        let this = S::splat(*indices.add(c));
                        candidate = S::select(S::eq(sums[c][v], least), this, candidate);
                    }
                    self.index[v] = S::select(closer, candidate, self.index[v]);
                    self.least[v] = least;
                }
            }
        }
    }
}

/// The index of the nearest centre of a shifted row, by the same sums as a panel's.
#[inline(always)]
fn nearest_of_row<T: Float, const NR: usize>(row: &[T], centers: &Packed<T>) -> i32 {
    /// Groups at a time, to hide the latency of their chains.
    const GROUPS: usize = 4;
    let d = row.len();
    let values = centers.values.as_slice();
    let (mut best, mut nearest) = (T::INFINITY, 0);
    let n_groups = centers.starts.len() / NR;
    let mut first = 0;
    while first < n_groups {
        let count = GROUPS.min(n_groups - first);
        let mut sums = [[T::ZERO; NR]; GROUPS];
        let at = |g: usize| first + g.min(count - 1);
        for (g, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(&centers.starts[at(g) * NR..][..NR]);
        }
        let group: [&[T]; GROUPS] = std::array::from_fn(|g| &values[at(g) * NR * d..][..NR * d]);
        for (col, &x) in row.iter().enumerate() {
            for (sums, group) in sums.iter_mut().zip(&group) {
                let centers = &group[col * NR..][..NR];
                for (sum, &c) in sums.iter_mut().zip(centers) {
                    *sum = (-x).mul_add(c, *sum);
                }
            }
        }
        for (i, &sum) in sums[..count].as_flattened().iter().enumerate() {
            if sum < best {
                (best, nearest) = (sum, (first * NR + i) as i32);
            }
        }
        first += count;
    }
    nearest
}

/// Writes the squared distances `Σ (x - c)²` of each row of `rows` to all centres to `out`, row-major.
pub(super) fn distances<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    centers: &Packed<T>,
    out: &mut [T],
    scratch: &mut Scratch<T>,
) {
    dispatch(isa, Distances { x, rows, centers, out, scratch });
}

struct Distances<'a, T> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    centers: &'a Packed<T>,
    out: &'a mut [T],
    scratch: &'a mut Scratch<T>,
}

impl<T: Float> Kernel<T> for Distances<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { x, rows, centers, out, scratch } = self;
        let k = centers.n_clusters;
        assert!(x.cols() == centers.n_features && rows.end <= x.rows());
        assert_eq!(out.len(), rows.len() * k, "one distance a row and centre");
        let width = MV * S::LANES;
        let panel = scratch.panel.slice(x.cols() * width);
        let no_shift = scratch.columns.slice(x.cols());
        no_shift.fill(T::ZERO);
        let mut tile = [[T::ZERO; PANEL_VECTORS_MAX * LANES_MAX]; GROUP_MAX];
        for (i, out) in out.chunks_mut(width * k).enumerate() {
            let start = rows.start + i * width;
            let count = out.len() / k;
            // SAFETY: the caller vouches for the instruction set; the panel has the size asked
            // for; a group has the values that `distances_of_panel` reads.
            unsafe {
                pack_panel::<T, S>(x, start..start + count, no_shift, panel, width);
                for first in (0..k).step_by(NR) {
                    let group = centers.values.as_slice().as_ptr().add(first * x.cols());
                    distances_of_panel::<T, S, MV, NR>(panel, group, x.cols(), &mut tile);
                    for (row, out) in out.chunks_exact_mut(k).enumerate() {
                        for (to, tile) in out[first..].iter_mut().zip(&tile[..NR]) {
                            *to = tile[row];
                        }
                    }
                }
            }
        }
    }
}

/// The squared distances of a panel's rows to a group of centres, a row of the tile for each.
#[inline(always)]
unsafe fn distances_of_panel<T: Float, S: Simd<T>, const MV: usize, const NR: usize>(
    panel: &[T],
    mut group: *const T,
    d: usize,
    tile: &mut [[T; PANEL_VECTORS_MAX * LANES_MAX]; GROUP_MAX],
) {
    // SAFETY: the panel has d rows of MV vectors, the group d rows of NR centres, the tile at least
    // NR rows of MV vectors.
    unsafe {
        let mut sums = [[S::splat(T::ZERO); MV]; NR];
        let mut x = panel.as_ptr();
        for _ in 0..d {
            let rows: [S::V; MV] = std::array::from_fn(|v| S::load(x.add(v * S::LANES)));
            for (c, sums) in sums.iter_mut().enumerate() {
                let center = S::splat(*group.add(c));
                for v in 0..MV {
                    let difference = S::sub(rows[v], center);
                    sums[v] = S::mul_add(difference, difference, sums[v]);
                }
            }
            x = x.add(MV * S::LANES);
            group = group.add(NR);
        }
        for (sums, tile) in sums.iter().zip(tile) {
            for (v, &sums) in sums.iter().enumerate() {
                S::store(tile.as_mut_ptr().add(v * S::LANES), sums);
            }
        }
    }
}
