//! Nearest centres for few features: squared distances summed directly, one row a lane.

use std::ops::Range;

use super::accumulate::Sums;
use super::pack::{BLOCK_ROWS, pack_columns};
use super::simd::{Kernel, LANES_MAX, Simd, dispatch};
use super::{DIRECT_COLS_MAX, Scratch};
use crate::cpu::Isa;
use crate::view::{Float, MatrixView};

/// Most clusters whose sums are taken lane by lane under masks, rather than row by row.
const MASKED_CLUSTERS_MAX: usize = 8;

/// Row-major centres and their indices as bits.
#[derive(Clone, Copy)]
pub(super) struct Centers<'a, T> {
    pub(super) values: &'a [T],
    pub(super) indices: &'a [T],
}

/// Where a pass over rows leaves its results.
pub(super) enum Output<'a, T> {
    /// The label of each row, and the squared distance where asked.
    Labels(&'a mut [i32], Option<&'a mut [T]>),
    /// The sums of the rows by label; weights are for all rows of the matrix.
    Sums(&'a mut Sums, Option<&'a [T]>),
}

/// Finds the nearest centre of each row of `rows`.
pub(super) fn nearest<T: Float>(
    isa: Isa,
    x: MatrixView<T>,
    rows: Range<usize>,
    centers: Centers<T>,
    output: Output<T>,
    scratch: &mut Scratch<T>,
) {
    macro_rules! by_features {
        ($($d:literal)*) => {
            match x.cols() {
                $($d => dispatch(isa, Direct::<T, $d> { x, rows, centers, output, scratch }),)*
                d => unreachable!("{d} features are more than {DIRECT_COLS_MAX}"),
            }
        };
    }
    by_features!(1 2 3 4 5 6 7 8)
}

struct Direct<'a, T, const D: usize> {
    x: MatrixView<'a, T>,
    rows: Range<usize>,
    centers: Centers<'a, T>,
    output: Output<'a, T>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Float, const D: usize> Kernel<T> for Direct<'_, T, D> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            // Wide register files hold more rows at a time.
            if NR >= 8 && D <= 4 { self.run_blocks::<S, 4>() } else { self.run_blocks::<S, 2>() }
        }
    }
}

impl<T: Float, const D: usize> Direct<'_, T, D> {
    #[inline(always)]
    unsafe fn run_blocks<S: Simd<T>, const R: usize>(self) {
        let Self { x, rows, centers, output, scratch } = self;
        let columns = scratch.columns.slice(D * BLOCK_ROWS);
        let mut buffer = Buffer::new();
        let blocks = |rows: Range<usize>| {
            let end = rows.end;
            rows.step_by(BLOCK_ROWS).map(move |start| start..(start + BLOCK_ROWS).min(end))
        };
        // SAFETY: the caller vouches for the instruction set; `columns` and `buffer` have the size
        // that the functions ask for.
        unsafe {
            match output {
                Output::Labels(labels, mut sq_dist) => {
                    for block in blocks(rows.clone()) {
                        pack_columns::<T, S, D>(x, block.clone(), columns);
                        buffer.fill::<S, D, R>(columns, block.len(), centers);
                        let at = block.start - rows.start..block.end - rows.start;
                        labels[at.clone()].copy_from_slice(&buffer.labels[..block.len()]);
                        if let Some(sq_dist) = sq_dist.as_deref_mut() {
                            sq_dist[at].copy_from_slice(&buffer.sq_dist[..block.len()]);
                        }
                    }
                }
                Output::Sums(sums, None) if sums.weights.len() <= MASKED_CLUSTERS_MAX => {
                    let mut lanes = LaneSums::<T, D>::new();
                    for block in blocks(rows) {
                        pack_columns::<T, S, D>(x, block.clone(), columns);
                        lanes.add_block::<S, R>(columns, block.len(), centers);
                    }
                    lanes.add_to(sums);
                }
                Output::Sums(sums, weights) => {
                    for block in blocks(rows) {
                        pack_columns::<T, S, D>(x, block.clone(), columns);
                        buffer.fill::<S, D, R>(columns, block.len(), centers);
                        scatter::<T, D>(columns, block, &buffer.labels, weights, sums);
                    }
                }
            }
        }
    }
}

/// Labels and squared distances of a block.
struct Buffer<T> {
    labels: [i32; BLOCK_ROWS],
    sq_dist: [T; BLOCK_ROWS],
}

impl<T: Float> Buffer<T> {
    fn new() -> Self {
        Self { labels: [0; BLOCK_ROWS], sq_dist: [T::ZERO; BLOCK_ROWS] }
    }

    #[inline(always)]
    unsafe fn fill<S: Simd<T>, const D: usize, const R: usize>(
        &mut self,
        columns: &[T],
        count: usize,
        centers: Centers<T>,
    ) {
        for start in (0..count).step_by(R * S::LANES) {
            // SAFETY: `start` and the R vectors from there lie in a block.
            unsafe {
                let rows = load::<T, S, D, R>(columns, start);
                let (best, index) = nearest_of::<T, S, D, R>(&rows, centers);
                for r in 0..R {
                    let at = start + r * S::LANES;
                    S::store(self.sq_dist.as_mut_ptr().add(at), best[r]);
                    S::store_index(self.labels.as_mut_ptr().add(at), index[r]);
                }
            }
        }
    }
}

/// `R` vectors of each of `D` columns, from row `start` of a block on.
#[inline(always)]
unsafe fn load<T: Float, S: Simd<T>, const D: usize, const R: usize>(
    columns: &[T],
    start: usize,
) -> [[S::V; R]; D] {
    debug_assert!(columns.len() >= D * BLOCK_ROWS && start + R * S::LANES <= BLOCK_ROWS);
    std::array::from_fn(|col| {
        std::array::from_fn(|r| {
            // SAFETY: a block has D columns of BLOCK_ROWS elements; start + R * LANES is within.
            unsafe { S::load(columns.as_ptr().add(col * BLOCK_ROWS + start + r * S::LANES)) }
        })
    })
}

/// The least squared distance of each row and the index of its centre.
#[inline(always)]
unsafe fn nearest_of<T: Float, S: Simd<T>, const D: usize, const R: usize>(
    rows: &[[S::V; R]; D],
    centers: Centers<T>,
) -> ([S::V; R], [S::V; R]) {
    // SAFETY: the caller vouches for the instruction set; the chunks have D elements.
    unsafe {
        let mut best = [S::splat(T::INFINITY); R];
        let mut index = [S::splat(T::from_index(0)); R];
        for (center, &this) in centers.values.chunks_exact(D).zip(centers.indices) {
            let center: [S::V; D] = std::array::from_fn(|col| S::splat(center[col]));
            let this = S::splat(this);
            for r in 0..R {
                let mut sum = S::splat(T::ZERO);
                for col in 0..D {
                    let difference = S::sub(rows[col][r], center[col]);
                    sum = S::mul_add(difference, difference, sum);
                }
                let closer = S::lt(sum, best[r]);
                best[r] = S::min(sum, best[r]);
                index[r] = S::select(closer, this, index[r]);
            }
        }
        (best, index)
    }
}

/// Adds the rows of a block to their clusters, in row order.
#[inline(always)]
fn scatter<T: Float, const D: usize>(
    columns: &[T],
    rows: Range<usize>,
    labels: &[i32; BLOCK_ROWS],
    weights: Option<&[T]>,
    sums: &mut Sums,
) {
    for (i, row) in rows.enumerate() {
        let label = labels[i] as usize;
        let weight = weights.map_or(1.0, |weights| weights[row].to_f64());
        sums.weights[label] += weight;
        let sums = &mut sums.sums[label * D..][..D];
        for (col, sum) in sums.iter_mut().enumerate() {
            *sum += weight * columns[col * BLOCK_ROWS + i].to_f64();
        }
    }
}

/// Sums by cluster, column and lane: row `i` of a block goes to lane `i % WIDTH`, however many lanes
/// the CPU's vectors have.
struct LaneSums<T, const D: usize> {
    sums: [[[f64; LANES_MAX]; D]; MASKED_CLUSTERS_MAX],
    counts: [u64; MASKED_CLUSTERS_MAX],
    element: std::marker::PhantomData<T>,
}

impl<T: Float, const D: usize> LaneSums<T, D> {
    /// Lanes: those of the widest vectors.
    const WIDTH: usize = 64 / size_of::<T>();

    fn new() -> Self {
        Self {
            sums: [[[0.0; LANES_MAX]; D]; MASKED_CLUSTERS_MAX],
            counts: [0; MASKED_CLUSTERS_MAX],
            element: std::marker::PhantomData,
        }
    }

    #[inline(always)]
    unsafe fn add_block<S: Simd<T>, const R: usize>(
        &mut self,
        columns: &[T],
        count: usize,
        centers: Centers<T>,
    ) {
        let mut last = 0;
        for start in (0..count).step_by(R * S::LANES) {
            // SAFETY: the caller vouches for the instruction set; the R vectors from `start` on lie
            // in a block.
            unsafe {
                let rows = load::<T, S, D, R>(columns, start);
                let (_, index) = nearest_of::<T, S, D, R>(&rows, centers);
                for (cluster, &this) in centers.indices.iter().enumerate() {
                    let this = S::splat(this);
                    let masks: [S::M; R] = std::array::from_fn(|r| S::index_is(index[r], this));
                    let count: u32 = masks.iter().map(|&mask| S::count(mask)).sum();
                    self.counts[cluster] += u64::from(count);
                    for (sums, column) in self.sums[cluster].iter_mut().zip(&rows) {
                        add_lanes::<T, S, R>(&masks, column, &mut sums[..Self::WIDTH]);
                    }
                }
                let mut labels = [0; LANES_MAX];
                S::store_index(labels.as_mut_ptr(), index[R - 1]);
                last = labels[S::LANES - 1];
            }
        }
        // The rows that fill up the last vectors are zeros: they change no sum, and all have
        // the label of the very last.
        let filled = count.next_multiple_of(R * S::LANES) - count;
        self.counts[last as usize] -= filled as u64;
    }

    fn add_to(&self, to: &mut Sums) {
        for cluster in 0..to.weights.len() {
            to.weights[cluster] += self.counts[cluster] as f64;
            for col in 0..D {
                let lanes = &self.sums[cluster][col][..Self::WIDTH];
                to.sums[cluster * D + col] += lanes.iter().sum::<f64>();
            }
        }
    }
}

/// Adds `R` vectors of a column to its lanes, each row where its mask is true: vector `r` begins at
/// lane `r * LANES`, modulo the number of sums.
#[inline(always)]
unsafe fn add_lanes<T: Float, S: Simd<T>, const R: usize>(
    masks: &[S::M; R],
    column: &[S::V; R],
    sums: &mut [f64],
) {
    debug_assert!((R * S::LANES).is_multiple_of(sums.len()));
    for (i, sums) in sums.chunks_exact_mut(S::LANES).enumerate() {
        // SAFETY: the chunk has LANES sums.
        unsafe {
            let mut wide = S::load_sums(sums.as_ptr());
            for r in (i..R).step_by(64 / size_of::<T>() / S::LANES) {
                wide = S::add_where(masks[r], wide, column[r]);
            }
            S::store_sums(sums.as_mut_ptr(), wide);
        }
    }
}
