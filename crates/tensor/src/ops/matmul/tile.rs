//! Tiles of a product, whose sums stay in registers.

use crate::kernels::simd::Simd;
use crate::view::Float;

/// The left factor: element (i, k) is at `at + i * row + k * step`.
#[derive(Clone, Copy)]
pub(super) struct Left<T> {
    pub(super) at: *const T,
    pub(super) row: usize,
    pub(super) step: usize,
}

/// The right factor: vector v of row k is at `at + v * vector + k * step`.
#[derive(Clone, Copy)]
pub(super) struct Right<T> {
    pub(super) at: *const T,
    pub(super) vector: usize,
    pub(super) step: usize,
}

/// The product: row i starts at `at + i * row`; its vectors are adjacent.
#[derive(Clone, Copy)]
pub(super) struct Product<T> {
    pub(super) at: *mut T,
    pub(super) row: usize,
    pub(super) sums: Sums<T>,
}

/// What becomes of the sums of a tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sums<T> {
    /// They start from 0 and are written.
    Written,
    /// They go on from what is there.
    Added,
    /// They start from 0; times this, they are taken from what is there. Each step is rounded.
    Subtracted(T),
}

impl<T: Float> Sums<T> {
    /// What is written over the vector `old`.
    #[inline(always)]
    pub(super) unsafe fn end<S: Simd<T>>(self, sum: S::V, old: impl FnOnce() -> S::V) -> S::V {
        match self {
            // SAFETY: the caller vouches for the instruction set.
            Self::Subtracted(factor) => unsafe { S::sub(old(), S::mul(S::splat(factor), sum)) },
            _ => sum,
        }
    }
}

impl<T> Left<T> {
    /// From row `i` on.
    #[inline(always)]
    pub(super) fn rows_from(self, i: usize) -> Self {
        Self { at: self.at.wrapping_add(i * self.row), ..self }
    }
}

impl<T> Right<T> {
    /// From vector `v` on.
    #[inline(always)]
    pub(super) fn vectors_from(self, v: usize) -> Self {
        Self { at: self.at.wrapping_add(v * self.vector), ..self }
    }
}

impl<T> Product<T> {
    /// From row `i` and column `j` on.
    #[inline(always)]
    pub(super) fn part(self, i: usize, j: usize) -> Self {
        Self { at: self.at.wrapping_add(i * self.row + j), ..self }
    }
}

/// `MR` rows by `NV` vectors: each element is one chain of fused multiply-adds over `depth`.
///
/// # Safety
/// The CPU has `S`, and the factors and the product have the elements.
#[inline(always)]
pub(super) unsafe fn tile<T: Float, S: Simd<T>, const MR: usize, const NV: usize>(
    depth: usize,
    a: Left<T>,
    b: Right<T>,
    c: Product<T>,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [[S::splat(T::ZERO); NV]; MR];
        if matches!(c.sums, Sums::Subtracted(_)) {
            // What is read at the end is on its way while the sums are made.
            for i in 0..MR {
                for v in 0..NV {
                    S::prefetch_to_write(c.at.wrapping_add(i * c.row + v * S::LANES));
                }
            }
        }
        if c.sums == Sums::Added {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(c.at.add(i * c.row + v * S::LANES));
                }
            }
        }
        let (mut left, mut right) = (a.at, b.at);
        for _ in 0..depth {
            let columns: [S::V; NV] = std::array::from_fn(|v| S::load(right.add(v * b.vector)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = S::splat(*left.add(i * a.row));
                for v in 0..NV {
                    sums[v] = S::mul_add(x, columns[v], sums[v]);
                }
            }
            left = left.wrapping_add(a.step);
            right = right.wrapping_add(b.step);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let at = c.at.add(i * c.row + v * S::LANES);
                S::store(at, c.sums.end::<S>(sum, || S::load(at)));
            }
        }
    }
}

/// As [`tile`], of the first `count` lanes of one vector.
///
/// # Safety
/// As [`tile`]'s, for those lanes.
#[inline(always)]
pub(super) unsafe fn narrow_tile<T: Float, S: Simd<T>, const MR: usize>(
    depth: usize,
    a: Left<T>,
    b: Right<T>,
    c: Product<T>,
    count: usize,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [S::splat(T::ZERO); MR];
        if c.sums == Sums::Added {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = S::load_partial(c.at.add(i * c.row), count);
            }
        }
        let (mut left, mut right) = (a.at, b.at);
        for _ in 0..depth {
            let columns = S::load_partial(right, count);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = S::mul_add(S::splat(*left.add(i * a.row)), columns, *sum);
            }
            left = left.wrapping_add(a.step);
            right = right.wrapping_add(b.step);
        }
        for (i, &sum) in sums.iter().enumerate() {
            let at = c.at.add(i * c.row);
            S::store_partial(at, c.sums.end::<S>(sum, || S::load_partial(at, count)), count);
        }
    }
}

/// `MR` rows by `width` columns, in tiles of at most `NV` vectors.
///
/// # Safety
/// As [`tile`]'s.
#[inline(always)]
pub(super) unsafe fn band<T: Float, S: Simd<T>, const MR: usize, const NV: usize>(
    depth: usize,
    a: Left<T>,
    b: Right<T>,
    c: Product<T>,
    width: usize,
) {
    let vectors = width / S::LANES;
    let mut v = 0;
    // SAFETY: as the caller promises; the vectors from `v` on lie within `width`.
    unsafe {
        while v + NV <= vectors {
            tile::<T, S, MR, NV>(depth, a, b.vectors_from(v), c.part(0, v * S::LANES));
            v += NV;
        }
        while NV > 4 && v + 4 <= vectors {
            tile::<T, S, MR, 4>(depth, a, b.vectors_from(v), c.part(0, v * S::LANES));
            v += 4;
        }
        while NV > 2 && v + 2 <= vectors {
            tile::<T, S, MR, 2>(depth, a, b.vectors_from(v), c.part(0, v * S::LANES));
            v += 2;
        }
        while v < vectors {
            tile::<T, S, MR, 1>(depth, a, b.vectors_from(v), c.part(0, v * S::LANES));
            v += 1;
        }
        let (b, c, rest) = (b.vectors_from(v), c.part(0, v * S::LANES), width % S::LANES);
        if rest > 0 {
            narrow_tile::<T, S, MR>(depth, a, b, c, rest);
        }
    }
}
