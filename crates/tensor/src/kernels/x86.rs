//! The vector operations on AVX2 + FMA and on AVX-512.

use std::arch::x86_64::*;

use super::simd::{Arithmetic, Kernel, LANES_MAX, Simd};
use crate::view::Float;

/// 256-bit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Avx2;

/// 512-bit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Avx512;

/// # Safety
/// The CPU has AVX2, FMA and POPCNT.
#[target_feature(enable = "avx2,fma,popcnt")]
pub(super) unsafe fn run_avx2<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: the caller's promise. 12 sums, 3 vectors of rows and a centre fill 16 registers.
    unsafe { kernel.run::<T::Avx2, 3, 4>() }
}

/// # Safety
/// The CPU has AVX2, FMA, POPCNT and AVX-512 F, VL, DQ and BW.
#[target_feature(enable = "avx2,fma,popcnt,avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) unsafe fn run_avx512<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    // SAFETY: the caller's promise. 24 sums, 3 vectors of rows and a centre fit 32 registers.
    unsafe { kernel.run::<T::Avx512, 3, 8>() }
}

/// Defines trait functions that only wrap intrinsics.
macro_rules! operations {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)? = $body:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($arg: $type),*) $(-> $out)? {
            // SAFETY: the trait's contract: the instruction set is there, pointers are valid.
            #[allow(unused_unsafe, reason = "some are plain")]
            unsafe {
                $body
            }
        }
    )*};
}

/// The first `count` lanes of a 16-lane or 8-lane mask.
#[inline(always)]
fn first_lanes(count: usize) -> u16 {
    ((1u32 << count) - 1) as u16
}

/// For each of `D` columns: which element of one vector, or of the first two, each lane takes,
/// and which lanes take it from each vector, when rows of `D` are taken apart.
struct Deinterleave<const D: usize, const LANES: usize>;

impl<const D: usize, const LANES: usize> Deinterleave<D, LANES> {
    const MASKS: [[u16; D]; D] = {
        let mut masks = [[0; D]; D];
        let mut element = 0;
        while element < D * LANES {
            masks[element % D][element / LANES] |= 1 << (element / D);
            element += 1;
        }
        masks
    };
    const PICKS: [[i64; LANES]; D] = {
        let mut picks = [[0; LANES]; D];
        let mut element = 0;
        while element < D * LANES {
            // Two-source permutes read the low bits of (vector, lane); one-source ones only the
            // lane's, so one table serves both.
            picks[element % D][element / D] = (element % (2 * LANES)) as i64;
            element += 1;
        }
        picks
    };
}

impl Simd<f32> for Avx512 {
    const LANES: usize = 16;
    type V = __m512;
    type M = __mmask16;
    type W = (__m512d, __m512d);

    operations! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        load(from: *const f32) -> __m512 = _mm512_loadu_ps(from);
        load_partial(from: *const f32, count: usize) -> __m512 =
            _mm512_maskz_loadu_ps(first_lanes(count), from);
        store(to: *mut f32, v: __m512) = _mm512_storeu_ps(to, v);
        store_partial(to: *mut f32, v: __m512, count: usize) =
            _mm512_mask_storeu_ps(to, first_lanes(count), v);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fnmadd_ps(a, b, c);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        ne(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b);
        select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 =
            _mm512_mask_blend_ps(mask, no, yes);
        any(mask: __mmask16) -> bool = mask != 0;
        count(mask: __mmask16) -> u32 = mask.count_ones();
        bits(mask: __mmask16) -> u32 = mask.into();
        index_is(v: __m512, index: __m512) -> __mmask16 =
            _mm512_cmpeq_epi32_mask(_mm512_castps_si512(v), _mm512_castps_si512(index));
        store_index(to: *mut i32, v: __m512) = _mm512_storeu_epi32(to, _mm512_castps_si512(v));
        add_to(sums: *mut f64, v: __m512) = {
            let (low, high) = widen_512(v);
            <Self as Simd<f64>>::add_to(sums, low);
            <Self as Simd<f64>>::add_to(sums.add(8), high);
        };
        load_sums(from: *const f64) -> (__m512d, __m512d) =
            (_mm512_loadu_pd(from), _mm512_loadu_pd(from.add(8)));
        store_sums(to: *mut f64, sums: (__m512d, __m512d)) = {
            _mm512_storeu_pd(to, sums.0);
            _mm512_storeu_pd(to.add(8), sums.1);
        };
        add_where(mask: __mmask16, sums: (__m512d, __m512d), v: __m512) -> (__m512d, __m512d) = {
            let ((low, high), above) = (widen_512(v), (mask >> 8) as __mmask8);
            (
                _mm512_mask_add_pd(sums.0, mask as __mmask8, sums.0, low),
                _mm512_mask_add_pd(sums.1, above, sums.1, high),
            )
        };
        prefetch(address: *const f32) = _mm_prefetch::<_MM_HINT_T1>(address.cast());
        prefetch_to_write(address: *const f32) = prefetch_to_write(address.cast());
        zip(a: __m512, b: __m512) -> (__m512, __m512) = {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_or_si512(low, _mm512_set1_epi32(8));
            (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
        };
    }

    /// Quarters of rows go to their place as they are loaded, which halves the shuffles.
    #[inline(always)]
    unsafe fn load_transposed(rows: &[*const f32; LANES_MAX]) -> [__m512; LANES_MAX] {
        // SAFETY: the trait's contract: 16 rows of 16 elements.
        unsafe {
            let mut columns = [_mm512_setzero_ps(); LANES_MAX];
            for (quarter, columns) in columns.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *columns = four_columns(rows, 4 * quarter);
            }
            columns
        }
    }

    #[inline(always)]
    unsafe fn store_where(to: *mut f32, mask: Self::M, v: Self::V) -> usize {
        // SAFETY: the trait's contract: room for a vector.
        unsafe { _mm512_storeu_ps(to, _mm512_maskz_compress_ps(mask, v)) };
        mask.count_ones() as usize
    }

    #[inline(always)]
    unsafe fn deinterleave<const D: usize>(from: *const f32, to: *mut f32, stride: usize) {
        let (masks, picks) = (Deinterleave::<D, 16>::MASKS, Deinterleave::<D, 16>::PICKS);
        // SAFETY: the trait's contract: D vectors to read, D columns of a vector to write.
        unsafe {
            let rows: [__m512; D] = std::array::from_fn(|i| _mm512_loadu_ps(from.add(16 * i)));
            for col in 0..D {
                let pick = std::array::from_fn::<i32, 16, _>(|lane| picks[col][lane] as i32);
                let pick = _mm512_loadu_epi32(pick.as_ptr());
                let mut column = _mm512_permutex2var_ps(rows[0], pick, rows[1.min(D - 1)]);
                for i in 2..D {
                    column = _mm512_mask_permutexvar_ps(column, masks[col][i], pick, rows[i]);
                }
                _mm512_storeu_ps(to.add(col * stride), column);
            }
        }
    }
}

impl Simd<f64> for Avx512 {
    const LANES: usize = 8;
    type V = __m512d;
    type M = __mmask8;
    type W = __m512d;

    operations! {
        splat(x: f64) -> __m512d = _mm512_set1_pd(x);
        load(from: *const f64) -> __m512d = _mm512_loadu_pd(from);
        load_partial(from: *const f64, count: usize) -> __m512d =
            _mm512_maskz_loadu_pd(first_lanes(count) as __mmask8, from);
        store(to: *mut f64, v: __m512d) = _mm512_storeu_pd(to, v);
        store_partial(to: *mut f64, v: __m512d, count: usize) =
            _mm512_mask_storeu_pd(to, first_lanes(count) as __mmask8, v);
        sub(a: __m512d, b: __m512d) -> __m512d = _mm512_sub_pd(a, b);
        mul(a: __m512d, b: __m512d) -> __m512d = _mm512_mul_pd(a, b);
        mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d = _mm512_fmadd_pd(a, b, c);
        neg_mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d = _mm512_fnmadd_pd(a, b, c);
        min(a: __m512d, b: __m512d) -> __m512d = _mm512_min_pd(a, b);
        lt(a: __m512d, b: __m512d) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b);
        eq(a: __m512d, b: __m512d) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b);
        ne(a: __m512d, b: __m512d) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(a, b);
        select(mask: __mmask8, yes: __m512d, no: __m512d) -> __m512d =
            _mm512_mask_blend_pd(mask, no, yes);
        any(mask: __mmask8) -> bool = mask != 0;
        count(mask: __mmask8) -> u32 = mask.count_ones();
        bits(mask: __mmask8) -> u32 = mask.into();
        index_is(v: __m512d, index: __m512d) -> __mmask8 =
            _mm512_cmpeq_epi64_mask(_mm512_castpd_si512(v), _mm512_castpd_si512(index));
        store_index(to: *mut i32, v: __m512d) =
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi64_epi32(_mm512_castpd_si512(v)));
        add_to(sums: *mut f64, v: __m512d) =
            _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), v));
        load_sums(from: *const f64) -> __m512d = _mm512_loadu_pd(from);
        store_sums(to: *mut f64, sums: __m512d) = _mm512_storeu_pd(to, sums);
        add_where(mask: __mmask8, sums: __m512d, v: __m512d) -> __m512d =
            _mm512_mask_add_pd(sums, mask, sums, v);
        prefetch(address: *const f64) = _mm_prefetch::<_MM_HINT_T1>(address.cast());
        prefetch_to_write(address: *const f64) = prefetch_to_write(address.cast());
        zip(a: __m512d, b: __m512d) -> (__m512d, __m512d) = {
            let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
            let high = _mm512_or_si512(low, _mm512_set1_epi64(4));
            (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
        };
    }

    #[inline(always)]
    unsafe fn store_where(to: *mut f64, mask: Self::M, v: Self::V) -> usize {
        // SAFETY: the trait's contract: room for a vector.
        unsafe { _mm512_storeu_pd(to, _mm512_maskz_compress_pd(mask, v)) };
        mask.count_ones() as usize
    }

    #[inline(always)]
    unsafe fn deinterleave<const D: usize>(from: *const f64, to: *mut f64, stride: usize) {
        let (masks, picks) = (Deinterleave::<D, 8>::MASKS, Deinterleave::<D, 8>::PICKS);
        // SAFETY: the trait's contract: D vectors to read, D columns of a vector to write.
        unsafe {
            let rows: [__m512d; D] = std::array::from_fn(|i| _mm512_loadu_pd(from.add(8 * i)));
            for col in 0..D {
                let pick = _mm512_loadu_epi64(picks[col].as_ptr());
                let mut column = _mm512_permutex2var_pd(rows[0], pick, rows[1.min(D - 1)]);
                for i in 2..D {
                    let mask = masks[col][i] as __mmask8;
                    column = _mm512_mask_permutexvar_pd(column, mask, pick, rows[i]);
                }
                _mm512_storeu_pd(to.add(col * stride), column);
            }
        }
    }
}

/// Asks for a cache line to write to. `_mm_prefetch` does so only where the compiler knows that the CPU has
/// the instruction, which others ignore.
#[inline(always)]
fn prefetch_to_write(address: *const u8) {
    // SAFETY: any address will do.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
}

/// Elements `col..col + 4` of 16 rows as four columns.
#[inline(always)]
unsafe fn four_columns(rows: &[*const f32; LANES_MAX], col: usize) -> [__m512; 4] {
    // SAFETY: called only where AVX-512 F is there, with 16 rows of col + 4 elements.
    unsafe {
        let mut parts = [_mm512_setzero_ps(); 4];
        for (i, part) in parts.iter_mut().enumerate() {
            let first = _mm512_castps128_ps512(_mm_loadu_ps(rows[i].add(col)));
            let two = _mm512_insertf32x4::<1>(first, _mm_loadu_ps(rows[i + 4].add(col)));
            let three = _mm512_insertf32x4::<2>(two, _mm_loadu_ps(rows[i + 8].add(col)));
            *part = _mm512_insertf32x4::<3>(three, _mm_loadu_ps(rows[i + 12].add(col)));
        }
        let [a, b, c, d] = parts;
        let low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
        let low_below = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
        let high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
        let high_below = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
        [
            _mm512_castpd_ps(_mm512_unpacklo_pd(low, low_below)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(low, low_below)),
            _mm512_castpd_ps(_mm512_unpacklo_pd(high, high_below)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(high, high_below)),
        ]
    }
}

#[inline(always)]
unsafe fn widen_512(v: __m512) -> (__m512d, __m512d) {
    // SAFETY: called only where AVX-512 F is there.
    unsafe {
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
        (_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(high))
    }
}

/// All ones before the middle, zeros after: a load ending `count` before it is a mask.
static MASK_SOURCE: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Simd<f32> for Avx2 {
    const LANES: usize = 8;
    type V = __m256;
    type M = __m256;
    type W = (__m256d, __m256d);

    operations! {
        splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        load(from: *const f32) -> __m256 = _mm256_loadu_ps(from);
        load_partial(from: *const f32, count: usize) -> __m256 = {
            let mask = _mm256_loadu_si256(MASK_SOURCE.as_ptr().add(8 - count).cast());
            _mm256_maskload_ps(from, mask)
        };
        store(to: *mut f32, v: __m256) = _mm256_storeu_ps(to, v);
        store_partial(to: *mut f32, v: __m256, count: usize) = {
            let mask = _mm256_loadu_si256(MASK_SOURCE.as_ptr().add(8 - count).cast());
            _mm256_maskstore_ps(to, mask, v)
        };
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fnmadd_ps(a, b, c);
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        ne(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b);
        select(mask: __m256, yes: __m256, no: __m256) -> __m256 = _mm256_blendv_ps(no, yes, mask);
        any(mask: __m256) -> bool = _mm256_movemask_ps(mask) != 0;
        count(mask: __m256) -> u32 = _mm256_movemask_ps(mask).count_ones();
        bits(mask: __m256) -> u32 = _mm256_movemask_ps(mask) as u32;
        index_is(v: __m256, index: __m256) -> __m256 = {
            let equal = _mm256_cmpeq_epi32(_mm256_castps_si256(v), _mm256_castps_si256(index));
            _mm256_castsi256_ps(equal)
        };
        store_index(to: *mut i32, v: __m256) =
            _mm256_storeu_si256(to.cast(), _mm256_castps_si256(v));
        add_to(sums: *mut f64, v: __m256) = {
            let (low, high) = widen_256(v);
            <Self as Simd<f64>>::add_to(sums, low);
            <Self as Simd<f64>>::add_to(sums.add(4), high);
        };
        load_sums(from: *const f64) -> (__m256d, __m256d) =
            (_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4)));
        store_sums(to: *mut f64, sums: (__m256d, __m256d)) = {
            _mm256_storeu_pd(to, sums.0);
            _mm256_storeu_pd(to.add(4), sums.1);
        };
        // Adding +0 where the mask is false keeps the bits: a sum that starts at +0 never is -0.
        add_where(mask: __m256, sums: (__m256d, __m256d), v: __m256) -> (__m256d, __m256d) = {
            let (low, high) = widen_256(_mm256_and_ps(mask, v));
            (_mm256_add_pd(sums.0, low), _mm256_add_pd(sums.1, high))
        };
        prefetch(address: *const f32) = _mm_prefetch::<_MM_HINT_T1>(address.cast());
        prefetch_to_write(address: *const f32) = prefetch_to_write(address.cast());
        zip(a: __m256, b: __m256) -> (__m256, __m256) = {
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            (
                _mm256_permute2f128_ps::<0x20>(low, high),
                _mm256_permute2f128_ps::<0x31>(low, high),
            )
        };
    }
}

impl Simd<f64> for Avx2 {
    const LANES: usize = 4;
    type V = __m256d;
    type M = __m256d;
    type W = __m256d;

    operations! {
        splat(x: f64) -> __m256d = _mm256_set1_pd(x);
        load(from: *const f64) -> __m256d = _mm256_loadu_pd(from);
        load_partial(from: *const f64, count: usize) -> __m256d = {
            let mask = _mm256_loadu_si256(MASK_SOURCE.as_ptr().add(8 - 2 * count).cast());
            _mm256_maskload_pd(from, mask)
        };
        store(to: *mut f64, v: __m256d) = _mm256_storeu_pd(to, v);
        store_partial(to: *mut f64, v: __m256d, count: usize) = {
            let mask = _mm256_loadu_si256(MASK_SOURCE.as_ptr().add(8 - 2 * count).cast());
            _mm256_maskstore_pd(to, mask, v)
        };
        sub(a: __m256d, b: __m256d) -> __m256d = _mm256_sub_pd(a, b);
        mul(a: __m256d, b: __m256d) -> __m256d = _mm256_mul_pd(a, b);
        mul_add(a: __m256d, b: __m256d, c: __m256d) -> __m256d = _mm256_fmadd_pd(a, b, c);
        neg_mul_add(a: __m256d, b: __m256d, c: __m256d) -> __m256d = _mm256_fnmadd_pd(a, b, c);
        min(a: __m256d, b: __m256d) -> __m256d = _mm256_min_pd(a, b);
        lt(a: __m256d, b: __m256d) -> __m256d = _mm256_cmp_pd::<_CMP_LT_OQ>(a, b);
        eq(a: __m256d, b: __m256d) -> __m256d = _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b);
        ne(a: __m256d, b: __m256d) -> __m256d = _mm256_cmp_pd::<_CMP_NEQ_UQ>(a, b);
        select(mask: __m256d, yes: __m256d, no: __m256d) -> __m256d =
            _mm256_blendv_pd(no, yes, mask);
        any(mask: __m256d) -> bool = _mm256_movemask_pd(mask) != 0;
        count(mask: __m256d) -> u32 = _mm256_movemask_pd(mask).count_ones();
        bits(mask: __m256d) -> u32 = _mm256_movemask_pd(mask) as u32;
        index_is(v: __m256d, index: __m256d) -> __m256d = {
            let equal = _mm256_cmpeq_epi64(_mm256_castpd_si256(v), _mm256_castpd_si256(index));
            _mm256_castsi256_pd(equal)
        };
        store_index(to: *mut i32, v: __m256d) = {
            let even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
            let packed = _mm256_permutevar8x32_epi32(_mm256_castpd_si256(v), even);
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        };
        add_to(sums: *mut f64, v: __m256d) =
            _mm256_storeu_pd(sums, _mm256_add_pd(_mm256_loadu_pd(sums), v));
        load_sums(from: *const f64) -> __m256d = _mm256_loadu_pd(from);
        store_sums(to: *mut f64, sums: __m256d) = _mm256_storeu_pd(to, sums);
        add_where(mask: __m256d, sums: __m256d, v: __m256d) -> __m256d =
            _mm256_add_pd(sums, _mm256_and_pd(mask, v));
        prefetch(address: *const f64) = _mm_prefetch::<_MM_HINT_T1>(address.cast());
        prefetch_to_write(address: *const f64) = prefetch_to_write(address.cast());
        zip(a: __m256d, b: __m256d) -> (__m256d, __m256d) = {
            let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            (
                _mm256_permute2f128_pd::<0x20>(low, high),
                _mm256_permute2f128_pd::<0x31>(low, high),
            )
        };
    }
}

#[inline(always)]
unsafe fn widen_256(v: __m256) -> (__m256d, __m256d) {
    // SAFETY: called only where AVX2 is there.
    unsafe {
        let high = _mm256_extractf128_ps::<1>(v);
        (_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(high))
    }
}

impl Arithmetic<f32> for Avx512 {
    operations! {
        neg(a: __m512) -> __m512 = _mm512_xor_ps(a, _mm512_set1_ps(-0.0));
        abs(a: __m512) -> __m512 = _mm512_abs_ps(a);
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        maximum(a: __m512, b: __m512) -> __m512 =
            _mm512_mask_max_ps(a, _mm512_cmp_ps_mask::<_CMP_ORD_Q>(a, a), a, b);
        minimum(a: __m512, b: __m512) -> __m512 =
            _mm512_mask_min_ps(a, _mm512_cmp_ps_mask::<_CMP_ORD_Q>(a, a), a, b);
    }
}

impl Arithmetic<f64> for Avx512 {
    operations! {
        neg(a: __m512d) -> __m512d = _mm512_xor_pd(a, _mm512_set1_pd(-0.0));
        abs(a: __m512d) -> __m512d = _mm512_abs_pd(a);
        sqrt(a: __m512d) -> __m512d = _mm512_sqrt_pd(a);
        add(a: __m512d, b: __m512d) -> __m512d = _mm512_add_pd(a, b);
        div(a: __m512d, b: __m512d) -> __m512d = _mm512_div_pd(a, b);
        maximum(a: __m512d, b: __m512d) -> __m512d =
            _mm512_mask_max_pd(a, _mm512_cmp_pd_mask::<_CMP_ORD_Q>(a, a), a, b);
        minimum(a: __m512d, b: __m512d) -> __m512d =
            _mm512_mask_min_pd(a, _mm512_cmp_pd_mask::<_CMP_ORD_Q>(a, a), a, b);
    }
}

impl Arithmetic<f32> for Avx2 {
    operations! {
        neg(a: __m256) -> __m256 = _mm256_xor_ps(a, _mm256_set1_ps(-0.0));
        abs(a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        maximum(a: __m256, b: __m256) -> __m256 =
            _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
        minimum(a: __m256, b: __m256) -> __m256 =
            _mm256_blendv_ps(_mm256_min_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
    }
}

impl Arithmetic<f64> for Avx2 {
    operations! {
        neg(a: __m256d) -> __m256d = _mm256_xor_pd(a, _mm256_set1_pd(-0.0));
        abs(a: __m256d) -> __m256d = _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
        sqrt(a: __m256d) -> __m256d = _mm256_sqrt_pd(a);
        add(a: __m256d, b: __m256d) -> __m256d = _mm256_add_pd(a, b);
        div(a: __m256d, b: __m256d) -> __m256d = _mm256_div_pd(a, b);
        maximum(a: __m256d, b: __m256d) -> __m256d =
            _mm256_blendv_pd(_mm256_max_pd(a, b), a, _mm256_cmp_pd::<_CMP_UNORD_Q>(a, a));
        minimum(a: __m256d, b: __m256d) -> __m256d =
            _mm256_blendv_pd(_mm256_min_pd(a, b), a, _mm256_cmp_pd::<_CMP_UNORD_Q>(a, a));
    }
}
