//! AVX2 with FMA and F16C: products of bytes, summed in twos as 16 bits.

use std::arch::x86_64::*;

use super::{Code, Engine};
use crate::cpu::Isa;

/// 256-bit vectors: half a tile.
#[derive(Clone, Copy)]
pub(super) struct Avx2;

/// Whether this CPU has all of it.
pub(super) fn is_available() -> bool {
    Isa::Avx2.is_available() && is_x86_feature_detected!("f16c")
}

/// # Safety
/// [`is_available`], and what `C` demands of `args`.
#[target_feature(enable = "avx2,fma,f16c,popcnt")]
pub(super) unsafe fn run<C: Code<A>, A>(args: A) -> C::Output {
    // SAFETY: as the caller promises.
    unsafe { C::run::<Avx2>(args) }
}

impl Engine for Avx2 {
    const LANES: usize = 8;
    const ROWS: usize = 4;
    const CENTRES_BYTES: bool = true;
    type B = __m256i;
    type F = __m256;

    operations! {
        load(from: *const u8) -> __m256i = _mm256_loadu_si256(from.cast());
        store(to: *mut u8, b: __m256i) = _mm256_storeu_si256(to.cast(), b);
        splat(x: u32) -> __m256i = _mm256_set1_epi32(x as i32);
        and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
        add(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        down(b: __m256i, n: u32) -> __m256i = _mm256_srlv_epi32(b, _mm256_set1_epi32(n as i32));
        up(b: __m256i, n: u32) -> __m256i = _mm256_sllv_epi32(b, _mm256_set1_epi32(n as i32));
        max(a: __m256i, b: __m256i) -> __m256i = _mm256_max_epu32(a, b);
        greatest(b: __m256i) -> u32 = {
            let (low, high) = (_mm256_castsi256_si128(b), _mm256_extracti128_si256::<1>(b));
            let b = _mm_max_epu32(low, high);
            let b = _mm_max_epu32(b, _mm_shuffle_epi32::<0b01_00_11_10>(b));
            let b = _mm_max_epu32(b, _mm_shuffle_epi32::<0b10_11_00_01>(b));
            _mm_cvtsi128_si32(b) as u32
        };
        sum(b: __m256i) -> i32 = {
            let (low, high) = (_mm256_castsi256_si128(b), _mm256_extracti128_si256::<1>(b));
            let b = _mm_add_epi32(low, high);
            let b = _mm_add_epi32(b, _mm_shuffle_epi32::<0b01_00_11_10>(b));
            _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32::<0b10_11_00_01>(b)))
        };
        store_i8(to: *mut i8, b: __m256i) = {
            let (low, high) = (_mm256_castsi256_si128(b), _mm256_extracti128_si256::<1>(b));
            let words = _mm_packs_epi32(low, high);
            _mm_storel_epi64(to.cast(), _mm_packs_epi16(words, words));
        };
        bits(v: __m256) -> __m256i = _mm256_castps_si256(v);
        round(v: __m256) -> __m256i = _mm256_cvtps_epi32(v);
        load_i8(from: *const u8) -> __m256i = _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast()));
        load_u8(from: *const u8) -> __m256i = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
        float(b: __m256i) -> __m256 = _mm256_cvtepi32_ps(b);
        splat_f32(x: f32) -> __m256 = _mm256_set1_ps(x);
        load_f32(from: *const f32) -> __m256 = _mm256_loadu_ps(from);
        load_f16(from: *const u16) -> __m256 = _mm256_cvtph_ps(_mm_loadu_si128(from.cast()));
        load_bf16(from: *const u16) -> __m256 = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(
            _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast())),
        ));
        store_f32(to: *mut f32, v: __m256) = _mm256_storeu_ps(to, v);
        store_some_f32(to: *mut f32, v: __m256, count: usize) = {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes);
            _mm256_maskstore_ps(to, mask, v);
        };
        add_f32(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        max_f32(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        sum_f32(v: __m256) -> f32 = {
            let (low, high) = (_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let v = _mm_add_ps(low, high);
            let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
            _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
        };
        greatest_f32(v: __m256) -> f32 = {
            let (low, high) = (_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let v = _mm_max_ps(low, high);
            let v = _mm_max_ps(v, _mm_movehl_ps(v, v));
            _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)))
        };
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        prefetch(address: *const u8) = _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }

    #[inline(always)]
    unsafe fn dot(sum: __m256i, weights: [__m256i; 4], inputs: *const i8, bits: u32) -> __m256i {
        // SAFETY: the trait's contract.
        unsafe {
            let inputs = inputs.cast::<i32>();
            let ones = _mm256_set1_epi16(1);
            let mut pairs = weights;
            for (k, pairs) in pairs.iter_mut().enumerate() {
                let input = _mm256_set1_epi32(inputs.add(k).read_unaligned());
                *pairs = if bits < 8 {
                    _mm256_maddubs_epi16(*pairs, input)
                } else {
                    // Of bytes, pairs would not fit 16 bits: 2 * 128 * 127 of signed ones do.
                    let signed = _mm256_xor_si256(*pairs, _mm256_set1_epi8(-128));
                    let input = _mm256_sign_epi8(input, signed);
                    _mm256_maddubs_epi16(_mm256_abs_epi8(signed), input)
                };
            }
            let [a, b, c, d] = pairs;
            if bits > 6 {
                let ab = _mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
                let cd = _mm256_add_epi32(_mm256_madd_epi16(c, ones), _mm256_madd_epi16(d, ones));
                return _mm256_add_epi32(sum, _mm256_add_epi32(ab, cd));
            }
            // 16 bits hold 4 products of 63 * 127, or 8 of 31 * 127.
            let (low, high) = (_mm256_add_epi16(a, b), _mm256_add_epi16(c, d));
            if bits == 6 {
                let (low, high) = (_mm256_madd_epi16(low, ones), _mm256_madd_epi16(high, ones));
                return _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
            }
            _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(low, high), ones))
        }
    }
}
