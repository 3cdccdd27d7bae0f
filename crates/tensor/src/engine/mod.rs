//! The vector operations that kernels of language models are written in, once for all instruction sets.
//!
//! Products of integers are exact, and those of floats are done with the same operations in the same
//! order, so results have the same bits on each.

/// Defines trait functions that are one expression.
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

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

use crate::cpu::Isa;

/// Vectors of one instruction set.
///
/// # Safety
/// Every function demands that the CPU has the instruction set, and pointers that are valid for
/// what they name.
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub(crate) trait Engine: Copy {
    /// Lanes of a vector: a divisor of 16, which are most.
    const LANES: usize;
    /// Most rows of inputs whose sums fit the registers.
    const ROWS: usize;
    /// Whether bytes of weights are multiplied as what they are from 128 on, not from 0.
    const CENTRES_BYTES: bool;
    /// Four bytes a lane, or an integer.
    type B: Copy;
    /// A float a lane.
    type F: Copy;

    /// `LANES` times four bytes from `from`.
    unsafe fn load(from: *const u8) -> Self::B;
    /// To `to`.
    unsafe fn store(to: *mut u8, b: Self::B);
    /// `x` in each lane.
    unsafe fn splat(x: u32) -> Self::B;
    /// `a & b`
    unsafe fn and(a: Self::B, b: Self::B) -> Self::B;
    /// `a | b`
    unsafe fn or(a: Self::B, b: Self::B) -> Self::B;
    /// `a + b`, lane by lane.
    unsafe fn add(a: Self::B, b: Self::B) -> Self::B;
    /// Each lane's bits moved down by `n < 32`.
    unsafe fn down(b: Self::B, n: u32) -> Self::B;
    /// Each lane's bits moved up by `n < 32`.
    unsafe fn up(b: Self::B, n: u32) -> Self::B;
    /// The greater of each lane, as numbers without a sign.
    unsafe fn max(a: Self::B, b: Self::B) -> Self::B;
    /// The greatest lane, as a number without a sign.
    unsafe fn greatest(b: Self::B) -> u32;
    /// The sum of all lanes.
    unsafe fn sum(b: Self::B) -> i32;
    /// `LANES` signed bytes as integers.
    unsafe fn load_i8(from: *const u8) -> Self::B;
    /// `LANES` bytes as integers.
    unsafe fn load_u8(from: *const u8) -> Self::B;
    /// Signed integers as floats.
    unsafe fn float(b: Self::B) -> Self::F;
    /// Each lane's lowest byte to `LANES` bytes at `to`.
    unsafe fn store_i8(to: *mut i8, b: Self::B);
    /// The bits of floats.
    unsafe fn bits(v: Self::F) -> Self::B;
    /// To the nearest integers, ties to even, of floats that are less than 2^22.
    unsafe fn round(v: Self::F) -> Self::B;
    /// To each lane of `sum` the products of its bytes in the four `weights` with 16 bytes from
    /// `inputs`, signed ones of -127 or more. Weights are less than `1 << bits`; of eight bits, see
    /// [`CENTRES_BYTES`](Self::CENTRES_BYTES).
    unsafe fn dot(sum: Self::B, weights: [Self::B; 4], inputs: *const i8, bits: u32) -> Self::B;

    /// `x` in each lane.
    unsafe fn splat_f32(x: f32) -> Self::F;
    /// `LANES` floats.
    unsafe fn load_f32(from: *const f32) -> Self::F;
    /// `LANES` floats of IEEE's 16 bits.
    unsafe fn load_f16(from: *const u16) -> Self::F;
    /// `LANES` floats of 16 bits that are the upper half of a single's.
    unsafe fn load_bf16(from: *const u16) -> Self::F;
    /// To `to`.
    unsafe fn store_f32(to: *mut f32, v: Self::F);
    /// The first `count < LANES` lanes to `to`.
    unsafe fn store_some_f32(to: *mut f32, v: Self::F, count: usize);
    /// `a + b`
    unsafe fn add_f32(a: Self::F, b: Self::F) -> Self::F;
    /// `a > b ? a : b`
    unsafe fn max_f32(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The sum of all lanes: halves are added lane by lane, then their halves, and so on.
    unsafe fn sum_f32(v: Self::F) -> f32;
    /// The greatest lane, found in that order.
    unsafe fn greatest_f32(v: Self::F) -> f32;
    /// Asks for the cache line at `address`, which need not be valid.
    unsafe fn prefetch(address: *const u8) {
        let _ = address;
    }
}

/// A function that [`entry`] compiles for an instruction set.
pub(crate) trait Code<A> {
    /// What it gives.
    type Output;

    /// Does it; all that it calls is `#[inline(always)]`.
    ///
    /// # Safety
    /// The CPU has the instruction set of `E`, and what the implementation demands of `args`.
    unsafe fn run<E: Engine>(args: A) -> Self::Output;
}

/// The function `C` for `isa`, or plain code where this CPU has not all that these kernels need.
/// It demands of its arguments what `C` does.
pub(crate) fn entry<C: Code<A>, A>(isa: Isa) -> unsafe fn(A) -> C::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if isa >= Isa::Avx512 && avx512::is_available() {
            return avx512::run::<C, A>;
        }
        if isa >= Isa::Avx2 && avx2::is_available() {
            return avx2::run::<C, A>;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = isa;
    C::run::<scalar::Scalar>
}
