//! Small square transpositions in registers, for elements of 2, 4 and 8 bytes.
//!
//! Only an element's size matters: nothing here computes, so bits are kept, those of NaN included.

/// The longest side of a tile.
pub(super) const TILE_MAX: usize = 16;

/// Transposes squares of `N` x `N` elements.
///
/// # Safety
/// [`transpose`](Self::transpose) demands that the CPU has the instruction set, `N` elements readable
/// at each of the `N` pointers in `from`, `offset` elements on, and that the `N` rows at
/// `to + row * stride` are writable for `N` elements each; nothing needs to be aligned.
pub(super) trait Tile<E>: Copy {
    /// Elements of a side.
    const N: usize;

    /// Writes element `i` of column `j` to `to + i * stride + j`, the rows in order: where `stride`
    /// is below `N`, a row overwrites what the one before wrote past its end.
    #[allow(clippy::missing_safety_doc, reason = "one contract, above")]
    unsafe fn transpose(from: *const *const E, offset: usize, to: *mut E, stride: usize);
}

/// Any CPU.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl<E: Copy> Tile<E> for Plain {
    const N: usize = 8;

    #[inline(always)]
    unsafe fn transpose(from: *const *const E, offset: usize, to: *mut E, stride: usize) {
        for row in 0..8 {
            for column in 0..8 {
                // SAFETY: the trait's contract.
                unsafe {
                    let value = (*from.add(column)).add(offset + row).read_unaligned();
                    to.add(row * stride + column).write_unaligned(value);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::Tile;
    use std::arch::x86_64::*;

    /// AVX2.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2;

    /// AVX-512 F.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512;

    /// Loads `$n` vectors, one a column.
    macro_rules! columns {
        ($load:ident, $from:ident, $offset:ident, $zero:expr, $n:literal) => {{
            let mut columns = [$zero; $n];
            let mut column = 0;
            while column < $n {
                columns[column] = $load((*$from.add(column)).add($offset).cast());
                column += 1;
            }
            columns
        }};
    }

    impl Tile<u64> for Avx512 {
        const N: usize = 8;

        #[inline(always)]
        unsafe fn transpose(from: *const *const u64, offset: usize, to: *mut u64, stride: usize) {
            // SAFETY: the trait's contract.
            unsafe {
                let c = columns!(_mm512_loadu_si512, from, offset, _mm512_setzero_si512(), 8);
                let even = [
                    _mm512_unpacklo_epi64(c[0], c[1]),
                    _mm512_unpacklo_epi64(c[2], c[3]),
                    _mm512_unpacklo_epi64(c[4], c[5]),
                    _mm512_unpacklo_epi64(c[6], c[7]),
                ];
                let odd = [
                    _mm512_unpackhi_epi64(c[0], c[1]),
                    _mm512_unpackhi_epi64(c[2], c[3]),
                    _mm512_unpackhi_epi64(c[4], c[5]),
                    _mm512_unpackhi_epi64(c[6], c[7]),
                ];
                let (even, odd) = (quarters(even), quarters(odd));
                let mut pair = 0;
                while pair < 4 {
                    _mm512_storeu_si512(to.add(2 * pair * stride).cast(), even[pair]);
                    _mm512_storeu_si512(to.add((2 * pair + 1) * stride).cast(), odd[pair]);
                    pair += 1;
                }
            }
        }
    }

    impl Tile<u32> for Avx512 {
        const N: usize = 16;

        #[inline(always)]
        unsafe fn transpose(from: *const *const u32, offset: usize, to: *mut u32, stride: usize) {
            // SAFETY: the trait's contract.
            unsafe {
                let c = columns!(_mm512_loadu_si512, from, offset, _mm512_setzero_si512(), 16);
                // fours[k][g]: of columns 4g to 4g + 3, rows k, 4 + k, 8 + k and 12 + k.
                let mut fours = [[_mm512_setzero_si512(); 4]; 4];
                let mut g = 0;
                while g < 4 {
                    let low = _mm512_unpacklo_epi32(c[4 * g], c[4 * g + 1]);
                    let high = _mm512_unpackhi_epi32(c[4 * g], c[4 * g + 1]);
                    let next_low = _mm512_unpacklo_epi32(c[4 * g + 2], c[4 * g + 3]);
                    let next_high = _mm512_unpackhi_epi32(c[4 * g + 2], c[4 * g + 3]);
                    fours[0][g] = _mm512_unpacklo_epi64(low, next_low);
                    fours[1][g] = _mm512_unpackhi_epi64(low, next_low);
                    fours[2][g] = _mm512_unpacklo_epi64(high, next_high);
                    fours[3][g] = _mm512_unpackhi_epi64(high, next_high);
                    g += 1;
                }
                let rows = [
                    quarters(fours[0]),
                    quarters(fours[1]),
                    quarters(fours[2]),
                    quarters(fours[3]),
                ];
                let mut row = 0;
                while row < 16 {
                    _mm512_storeu_si512(to.add(row * stride).cast(), rows[row % 4][row / 4]);
                    row += 1;
                }
            }
        }
    }

    /// Transposes 4 x 4 quarters of registers: quarter `i` of `v[j]` becomes quarter `j` of `i`.
    ///
    /// # Safety
    /// The CPU has AVX-512 F.
    #[inline(always)]
    unsafe fn quarters(v: [__m512i; 4]) -> [__m512i; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let low = _mm512_shuffle_i64x2::<0x44>(v[0], v[1]);
            let high = _mm512_shuffle_i64x2::<0xEE>(v[0], v[1]);
            let next_low = _mm512_shuffle_i64x2::<0x44>(v[2], v[3]);
            let next_high = _mm512_shuffle_i64x2::<0xEE>(v[2], v[3]);
            [
                _mm512_shuffle_i64x2::<0x88>(low, next_low),
                _mm512_shuffle_i64x2::<0xDD>(low, next_low),
                _mm512_shuffle_i64x2::<0x88>(high, next_high),
                _mm512_shuffle_i64x2::<0xDD>(high, next_high),
            ]
        }
    }

    impl Tile<u64> for Avx2 {
        const N: usize = 4;

        #[inline(always)]
        unsafe fn transpose(from: *const *const u64, offset: usize, to: *mut u64, stride: usize) {
            // SAFETY: the trait's contract.
            unsafe {
                let c = columns!(_mm256_loadu_si256, from, offset, _mm256_setzero_si256(), 4);
                let even = [_mm256_unpacklo_epi64(c[0], c[1]), _mm256_unpacklo_epi64(c[2], c[3])];
                let odd = [_mm256_unpackhi_epi64(c[0], c[1]), _mm256_unpackhi_epi64(c[2], c[3])];
                let rows = [
                    _mm256_permute2x128_si256::<0x20>(even[0], even[1]),
                    _mm256_permute2x128_si256::<0x20>(odd[0], odd[1]),
                    _mm256_permute2x128_si256::<0x31>(even[0], even[1]),
                    _mm256_permute2x128_si256::<0x31>(odd[0], odd[1]),
                ];
                let mut row = 0;
                while row < 4 {
                    _mm256_storeu_si256(to.add(row * stride).cast(), rows[row]);
                    row += 1;
                }
            }
        }
    }

    impl Tile<u32> for Avx2 {
        const N: usize = 8;

        #[inline(always)]
        unsafe fn transpose(from: *const *const u32, offset: usize, to: *mut u32, stride: usize) {
            // SAFETY: the trait's contract.
            unsafe {
                let c = columns!(_mm256_loadu_si256, from, offset, _mm256_setzero_si256(), 8);
                // fours[k][g]: of columns 4g to 4g + 3, rows k and 4 + k.
                let mut fours = [[_mm256_setzero_si256(); 2]; 4];
                let mut g = 0;
                while g < 2 {
                    let low = _mm256_unpacklo_epi32(c[4 * g], c[4 * g + 1]);
                    let high = _mm256_unpackhi_epi32(c[4 * g], c[4 * g + 1]);
                    let next_low = _mm256_unpacklo_epi32(c[4 * g + 2], c[4 * g + 3]);
                    let next_high = _mm256_unpackhi_epi32(c[4 * g + 2], c[4 * g + 3]);
                    fours[0][g] = _mm256_unpacklo_epi64(low, next_low);
                    fours[1][g] = _mm256_unpackhi_epi64(low, next_low);
                    fours[2][g] = _mm256_unpacklo_epi64(high, next_high);
                    fours[3][g] = _mm256_unpackhi_epi64(high, next_high);
                    g += 1;
                }
                let mut row = 0;
                while row < 4 {
                    let [low, high] = fours[row];
                    let first = _mm256_permute2x128_si256::<0x20>(low, high);
                    _mm256_storeu_si256(to.add(row * stride).cast(), first);
                    row += 1;
                }
                while row < 8 {
                    let [low, high] = fours[row - 4];
                    let second = _mm256_permute2x128_si256::<0x31>(low, high);
                    _mm256_storeu_si256(to.add(row * stride).cast(), second);
                    row += 1;
                }
            }
        }
    }

    impl Tile<u16> for Avx2 {
        const N: usize = 8;

        #[inline(always)]
        unsafe fn transpose(from: *const *const u16, offset: usize, to: *mut u16, stride: usize) {
            // SAFETY: the trait's contract.
            unsafe {
                let c = columns!(_mm_loadu_si128, from, offset, _mm_setzero_si128(), 8);
                // halves[g][p]: of columns 4g to 4g + 3, rows 2p and 2p + 1.
                let mut halves = [[_mm_setzero_si128(); 4]; 2];
                let mut g = 0;
                while g < 2 {
                    let low = _mm_unpacklo_epi16(c[4 * g], c[4 * g + 1]);
                    let high = _mm_unpackhi_epi16(c[4 * g], c[4 * g + 1]);
                    let next_low = _mm_unpacklo_epi16(c[4 * g + 2], c[4 * g + 3]);
                    let next_high = _mm_unpackhi_epi16(c[4 * g + 2], c[4 * g + 3]);
                    halves[g] = [
                        _mm_unpacklo_epi32(low, next_low),
                        _mm_unpackhi_epi32(low, next_low),
                        _mm_unpacklo_epi32(high, next_high),
                        _mm_unpackhi_epi32(high, next_high),
                    ];
                    g += 1;
                }
                let mut pair = 0;
                while pair < 4 {
                    let (left, right) = (halves[0][pair], halves[1][pair]);
                    let even = _mm_unpacklo_epi64(left, right);
                    let odd = _mm_unpackhi_epi64(left, right);
                    _mm_storeu_si128(to.add(2 * pair * stride).cast(), even);
                    _mm_storeu_si128(to.add((2 * pair + 1) * stride).cast(), odd);
                    pair += 1;
                }
            }
        }
    }
}
