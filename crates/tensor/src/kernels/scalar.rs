//! The vector operations in plain code, for any CPU.

use super::simd::Simd;
use crate::view::Float;

/// Vectors of 8, element by element.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

const LANES: usize = 8;

#[inline(always)]
fn lanes<R>(f: impl FnMut(usize) -> R) -> [R; LANES] {
    std::array::from_fn(f)
}

impl<T: Float> Simd<T> for Scalar {
    const LANES: usize = LANES;
    type V = [T; LANES];
    type M = [bool; LANES];
    type W = [f64; LANES];

    #[inline(always)]
    unsafe fn splat(x: T) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self::V {
        // SAFETY: the trait's contract.
        lanes(|lane| unsafe { *from.add(lane) })
    }
    #[inline(always)]
    unsafe fn load_partial(from: *const T, count: usize) -> Self::V {
        // SAFETY: the trait's contract.
        lanes(|lane| if lane < count { unsafe { *from.add(lane) } } else { T::ZERO })
    }
    #[inline(always)]
    unsafe fn store(to: *mut T, v: Self::V) {
        // SAFETY: the trait's contract.
        unsafe { to.cast::<Self::V>().write_unaligned(v) };
    }
    #[inline(always)]
    unsafe fn store_partial(to: *mut T, v: Self::V, count: usize) {
        for (lane, &x) in v.iter().enumerate().take(count) {
            // SAFETY: the trait's contract.
            unsafe { *to.add(lane) = x };
        }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        lanes(|lane| a[lane] - b[lane])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        lanes(|lane| a[lane] * b[lane])
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lanes(|lane| a[lane].mul_add(b[lane], c[lane]))
    }
    #[inline(always)]
    unsafe fn neg_mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lanes(|lane| (-a[lane]).mul_add(b[lane], c[lane]))
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        lanes(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }
    #[inline(always)]
    unsafe fn lt(a: Self::V, b: Self::V) -> Self::M {
        lanes(|lane| a[lane] < b[lane])
    }
    #[inline(always)]
    unsafe fn eq(a: Self::V, b: Self::V) -> Self::M {
        lanes(|lane| a[lane] == b[lane])
    }
    #[inline(always)]
    unsafe fn ne(a: Self::V, b: Self::V) -> Self::M {
        lanes(|lane| a[lane] != b[lane])
    }
    #[inline(always)]
    unsafe fn select(mask: Self::M, yes: Self::V, no: Self::V) -> Self::V {
        lanes(|lane| if mask[lane] { yes[lane] } else { no[lane] })
    }
    #[inline(always)]
    unsafe fn any(mask: Self::M) -> bool {
        mask.contains(&true)
    }
    #[inline(always)]
    unsafe fn count(mask: Self::M) -> u32 {
        mask.into_iter().map(u32::from).sum()
    }
    #[inline(always)]
    unsafe fn bits(mask: Self::M) -> u32 {
        mask.into_iter().rev().fold(0, |bits, is| bits << 1 | u32::from(is))
    }
    #[inline(always)]
    unsafe fn index_is(v: Self::V, index: Self::V) -> Self::M {
        lanes(|lane| v[lane].to_index() == index[lane].to_index())
    }
    #[inline(always)]
    unsafe fn store_index(to: *mut i32, v: Self::V) {
        // SAFETY: the trait's contract.
        unsafe { to.cast::<[i32; LANES]>().write_unaligned(v.map(T::to_index)) };
    }
    #[inline(always)]
    unsafe fn add_to(sums: *mut f64, v: Self::V) {
        for (lane, x) in v.into_iter().enumerate() {
            // SAFETY: the trait's contract.
            unsafe { *sums.add(lane) += x.to_f64() };
        }
    }
    #[inline(always)]
    unsafe fn load_sums(from: *const f64) -> Self::W {
        // SAFETY: the trait's contract.
        lanes(|lane| unsafe { *from.add(lane) })
    }
    #[inline(always)]
    unsafe fn store_sums(to: *mut f64, sums: Self::W) {
        // SAFETY: the trait's contract.
        unsafe { to.cast::<Self::W>().write_unaligned(sums) };
    }
    #[inline(always)]
    unsafe fn add_where(mask: Self::M, sums: Self::W, v: Self::V) -> Self::W {
        lanes(|lane| if mask[lane] { sums[lane] + v[lane].to_f64() } else { sums[lane] })
    }
    #[inline(always)]
    unsafe fn zip(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        let from = |start: usize| {
            lanes(|lane| if lane % 2 == 0 { a[start + lane / 2] } else { b[start + lane / 2] })
        };
        (from(0), from(LANES / 2))
    }
}
