//! AVX-512 with VNNI: products of bytes, summed in fours.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::{Code, Engine};
use crate::cpu::Isa;

/// 512-bit vectors: a whole tile.
#[derive(Clone, Copy)]
pub(super) struct Avx512;

/// Whether this CPU has all of it.
pub(super) fn is_available() -> bool {
    Isa::Avx512.is_available()
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("f16c")
}

/// # Safety
/// [`is_available`], and what `C` demands of `args`.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx2,fma,f16c,popcnt")]
pub(super) unsafe fn run<C: Code<A>, A>(args: A) -> C::Output {
    // SAFETY: as the caller promises.
    unsafe { C::run::<Avx512>(args) }
}

impl Engine for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 12;
    const CENTRES_BYTES: bool = false;
    type B = __m512i;
    type F = __m512;

    operations! {
        load(from: *const u8) -> __m512i = _mm512_loadu_si512(from.cast());
        store(to: *mut u8, b: __m512i) = _mm512_storeu_si512(to.cast(), b);
        splat(x: u32) -> __m512i = _mm512_set1_epi32(x as i32);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        add(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        down(b: __m512i, n: u32) -> __m512i = _mm512_srlv_epi32(b, _mm512_set1_epi32(n as i32));
        up(b: __m512i, n: u32) -> __m512i = _mm512_sllv_epi32(b, _mm512_set1_epi32(n as i32));
        max(a: __m512i, b: __m512i) -> __m512i = _mm512_max_epu32(a, b);
        greatest(b: __m512i) -> u32 = {
            let high = _mm512_extracti64x4_epi64::<1>(b);
            Avx2::greatest(_mm256_max_epu32(_mm512_castsi512_si256(b), high))
        };
        sum(b: __m512i) -> i32 = {
            let high = _mm512_extracti64x4_epi64::<1>(b);
            Avx2::sum(_mm256_add_epi32(_mm512_castsi512_si256(b), high))
        };
        store_i8(to: *mut i8, b: __m512i) = _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(b));
        bits(v: __m512) -> __m512i = _mm512_castps_si512(v);
        round(v: __m512) -> __m512i = _mm512_cvtps_epi32(v);
        load_i8(from: *const u8) -> __m512i = _mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()));
        load_u8(from: *const u8) -> __m512i = _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()));
        float(b: __m512i) -> __m512 = _mm512_cvtepi32_ps(b);
        splat_f32(x: f32) -> __m512 = _mm512_set1_ps(x);
        load_f32(from: *const f32) -> __m512 = _mm512_loadu_ps(from);
        load_f16(from: *const u16) -> __m512 = _mm512_cvtph_ps(_mm256_loadu_si256(from.cast()));
        load_bf16(from: *const u16) -> __m512 = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(
            _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast())),
        ));
        store_f32(to: *mut f32, v: __m512) = _mm512_storeu_ps(to, v);
        store_some_f32(to: *mut f32, v: __m512, count: usize) =
            _mm512_mask_storeu_ps(to, (1u16 << count) - 1, v);
        add_f32(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        max_f32(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        sum_f32(v: __m512) -> f32 = {
            let high = _mm512_extractf32x8_ps::<1>(v);
            Avx2::sum_f32(_mm256_add_ps(_mm512_castps512_ps256(v), high))
        };
        greatest_f32(v: __m512) -> f32 = {
            let high = _mm512_extractf32x8_ps::<1>(v);
            Avx2::greatest_f32(_mm256_max_ps(_mm512_castps512_ps256(v), high))
        };
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        prefetch(address: *const u8) = _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }

    #[inline(always)]
    unsafe fn dot(sum: __m512i, weights: [__m512i; 4], inputs: *const i8, _: u32) -> __m512i {
        // SAFETY: the trait's contract.
        unsafe {
            let inputs = inputs.cast::<i32>();
            let mut sum = sum;
            for (k, weights) in weights.into_iter().enumerate() {
                let input = _mm512_set1_epi32(inputs.add(k).read_unaligned());
                sum = _mm512_dpbusd_epi32(sum, weights, input);
            }
            sum
        }
    }
}
