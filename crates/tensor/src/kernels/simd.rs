//! The vector operations that kernels are written in, once for all instruction sets.
//!
//! A kernel is generic over [`Simd`] and is entered through [`dispatch`], which calls it inside a
//! function compiled for the instruction set. All of it inlines there, so every operation
//! becomes its instruction.

use crate::cpu::Isa;
use crate::view::Float;

/// Most lanes of any vector.
pub(crate) const LANES_MAX: usize = 16;

/// Vectors of `T` on one instruction set.
///
/// # Safety
/// Every function demands that the CPU has the instruction set, and pointers that are valid for
/// the elements named.
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub trait Simd<T>: Copy {
    /// Elements of a vector.
    const LANES: usize;
    /// A vector.
    type V: Copy;
    /// One truth value a lane.
    type M: Copy;
    /// One `f64` a lane.
    type W: Copy;

    /// `x` in each lane.
    unsafe fn splat(x: T) -> Self::V;
    /// `LANES` elements from `from`.
    unsafe fn load(from: *const T) -> Self::V;
    /// `count <= LANES` elements from `from`; zeros beyond.
    unsafe fn load_partial(from: *const T, count: usize) -> Self::V;
    /// `LANES` elements to `to`.
    unsafe fn store(to: *mut T, v: Self::V);
    /// The first `count <= LANES` lanes to `to`.
    unsafe fn store_partial(to: *mut T, v: Self::V, count: usize);
    /// `a - b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once.
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a < b ? a : b`, so `b` where either is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `a < b`
    unsafe fn lt(a: Self::V, b: Self::V) -> Self::M;
    /// `a == b`
    unsafe fn eq(a: Self::V, b: Self::V) -> Self::M;
    /// `a != b`, true where either is NaN.
    unsafe fn ne(a: Self::V, b: Self::V) -> Self::M;
    /// `mask ? yes : no`; bits are kept, whatever they mean.
    unsafe fn select(mask: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// Whether any lane is true.
    unsafe fn any(mask: Self::M) -> bool;
    /// How many lanes are true.
    unsafe fn count(mask: Self::M) -> u32;
    /// One bit a lane, the first lane's the lowest.
    unsafe fn bits(mask: Self::M) -> u32;
    /// Whether each lane's bits, as an integer, are `index`'s (see [`Float::from_index`]).
    unsafe fn index_is(v: Self::V, index: Self::V) -> Self::M;
    /// Each lane's bits, as an integer, to `LANES` integers at `to`.
    unsafe fn store_index(to: *mut i32, v: Self::V);
    /// Adds each lane to the `LANES` sums at `sums`.
    unsafe fn add_to(sums: *mut f64, v: Self::V);
    /// `LANES` sums from `from`.
    unsafe fn load_sums(from: *const f64) -> Self::W;
    /// `LANES` sums to `to`.
    unsafe fn store_sums(to: *mut f64, sums: Self::W);
    /// Adds each true lane to its sum.
    unsafe fn add_where(mask: Self::M, sums: Self::W, v: Self::V) -> Self::W;
    /// `a` and `b` interleaved: `a0 b0 a1 b1 …`, as two vectors.
    unsafe fn zip(a: Self::V, b: Self::V) -> (Self::V, Self::V);

    /// `LANES` elements from each of the first `LANES` rows, transposed: vector `j` has element `j`
    /// of every row.
    #[inline(always)]
    unsafe fn load_transposed(rows: &[*const T; LANES_MAX]) -> [Self::V; LANES_MAX] {
        // SAFETY: the caller vouches for the instruction set and LANES rows of LANES elements.
        unsafe {
            let mut tile = [Self::load(rows[0]); LANES_MAX];
            for (row, &from) in tile.iter_mut().zip(rows).take(Self::LANES) {
                *row = Self::load(from);
            }
            transpose::<T, Self>(&mut tile);
            tile
        }
    }

    /// The true lanes to `to`, one after the other; returns how many. There is room for `LANES`.
    #[inline(always)]
    unsafe fn store_where(to: *mut T, mask: Self::M, v: Self::V) -> usize
    where
        T: Copy,
    {
        // SAFETY: the caller vouches for the instruction set and the room; no more lanes are true than
        // there are.
        unsafe {
            let mut lanes = [std::mem::MaybeUninit::<T>::uninit(); LANES_MAX];
            Self::store(lanes.as_mut_ptr().cast(), v);
            let (mut bits, mut count) = (Self::bits(mask), 0);
            while bits != 0 {
                *to.add(count) = lanes[bits.trailing_zeros() as usize].assume_init();
                bits &= bits - 1;
                count += 1;
            }
            count
        }
    }

    /// Asks for the cache line at `address`, which need not be valid.
    #[inline(always)]
    unsafe fn prefetch(address: *const T) {
        let _ = address;
    }

    /// As [`prefetch`](Self::prefetch), to the first level of caches and out of all others'.
    #[inline(always)]
    unsafe fn prefetch_to_write(address: *const T) {
        let _ = address;
    }

    /// Takes `LANES` rows of `D` adjacent elements apart: column `j` goes to `to + j * stride`.
    #[inline(always)]
    unsafe fn deinterleave<const D: usize>(from: *const T, to: *mut T, stride: usize)
    where
        T: Copy,
    {
        for lane in 0..Self::LANES {
            for col in 0..D {
                // SAFETY: the caller vouches for LANES * D elements and D columns of LANES.
                unsafe { *to.add(col * stride + lane) = *from.add(lane * D + col) };
            }
        }
    }
}

/// The rest of arithmetic, on vectors wide enough that a chain of it is worth keeping in registers.
///
/// # Safety
/// As [`Simd`].
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub trait Arithmetic<T>: Simd<T> {
    /// `-a`
    unsafe fn neg(a: Self::V) -> Self::V;
    /// `a`, its sign bit cleared.
    unsafe fn abs(a: Self::V) -> Self::V;
    /// The square root.
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`, and `a` where that is NaN: NaN where either is.
    unsafe fn maximum(a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`, and `a` where that is NaN: NaN where either is.
    unsafe fn minimum(a: Self::V, b: Self::V) -> Self::V;
}

/// Transposes the square of the first `LANES` vectors: each perfect shuffle of the halves rotates the
/// bits of the element's address (row, lane) by one, so that as many as a lane has bits swap them.
///
/// # Safety
/// The CPU has `S`.
#[inline(always)]
pub(crate) unsafe fn transpose<T, S: Simd<T>>(tile: &mut [S::V; LANES_MAX]) {
    let half = S::LANES / 2;
    for _ in 0..S::LANES.trailing_zeros() {
        let old = *tile;
        for i in 0..half {
            // SAFETY: the caller vouches for the instruction set.
            (tile[2 * i], tile[2 * i + 1]) = unsafe { S::zip(old[i], old[i + half]) };
        }
    }
}

/// A computation that [`dispatch`] enters.
pub(crate) trait Kernel<T> {
    /// What it gives.
    type Output;

    /// Runs it, with `MV` vectors of rows and `NR` centres at a time where it blocks both.
    ///
    /// # Safety
    /// The CPU has the instruction set `S`.
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) -> Self::Output;
}

/// Centres of a group of the blocked kernels.
pub(super) const fn group_centers(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 => 8,
        Isa::Avx2 | Isa::Scalar => 4,
    }
}

/// Runs `kernel` on `isa`.
///
/// # Panics
/// Where this CPU does not have `isa`.
pub(crate) fn dispatch<T: Float, K: Kernel<T>>(isa: Isa, kernel: K) -> K::Output {
    assert!(isa.is_available(), "this CPU has no {isa:?}");
    match isa {
        // SAFETY: plain code needs no instruction set.
        Isa::Scalar => unsafe { kernel.run::<T::Scalar, 2, 4>() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU has it, as checked above.
        Isa::Avx2 => unsafe { super::x86::run_avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU has it, as checked above.
        Isa::Avx512 => unsafe { super::x86::run_avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("not available here"),
    }
}

/// The vectors of an element type.
pub trait Vectors: Sized {
    /// Plain code.
    type Scalar: Simd<Self>;
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Arithmetic<Self>;
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Arithmetic<Self>;
}

impl Vectors for f32 {
    type Scalar = super::scalar::Scalar;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = super::x86::Avx2;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = super::x86::Avx512;
}

impl Vectors for f64 {
    type Scalar = super::scalar::Scalar;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = super::x86::Avx2;
    #[cfg(target_arch = "x86_64")]
    type Avx512 = super::x86::Avx512;
}
