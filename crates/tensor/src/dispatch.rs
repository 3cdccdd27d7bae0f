//! One body of plain code, compiled once for each instruction set.

use crate::cpu::Isa;

/// A computation on plain arrays, which the compiler turns into vector instructions.
///
/// `run` and all that it calls must be `#[inline(always)]`, so that they become part of the
/// function whose instruction set is enabled.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;

    /// Does it.
    fn run(self) -> Self::Output;
}

/// Runs `kernel` with the instructions of `isa`, or plain ones where this CPU lacks them.
#[inline]
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    // SAFETY: a kernel carries all that it needs.
    unsafe { compiled::<Value<K>, K>(isa)(kernel) }
}

/// A function of `A` that is known by its type, so that a pointer to it can be kept.
///
/// What holds for [`Kernel::run`] holds for its `run`.
pub(crate) trait Code<A> {
    /// What it gives.
    type Output;

    /// Does it.
    ///
    /// # Safety
    /// What the implementation demands of `args`.
    unsafe fn run(args: A) -> Self::Output;
}

/// The function `C` for `isa`, or in plain instructions where this CPU lacks them. It demands of its
/// arguments what `C` does.
#[inline]
pub(crate) fn compiled<C: Code<A>, A>(isa: Isa) -> unsafe fn(A) -> C::Output {
    #[cfg(target_arch = "x86_64")]
    match isa {
        Isa::Avx512 if isa.is_available() => return avx512::<C, A>,
        Isa::Avx2 if isa.is_available() => return avx2::<C, A>,
        _ => {}
    }
    C::run
}

/// A kernel as the argument of its own code.
struct Value<K>(std::marker::PhantomData<K>);

impl<K: Kernel> Code<K> for Value<K> {
    type Output = K::Output;

    #[inline(always)]
    unsafe fn run(kernel: K) -> K::Output {
        kernel.run()
    }
}

/// # Safety
/// The CPU has AVX-512 F, VL, DQ and BW, and `args` are what `C` demands.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<C: Code<A>, A>(args: A) -> C::Output {
    // SAFETY: as the caller promises.
    unsafe { C::run(args) }
}

/// # Safety
/// The CPU has AVX2, FMA and POPCNT, and `args` are what `C` demands.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<C: Code<A>, A>(args: A) -> C::Output {
    // SAFETY: as the caller promises.
    unsafe { C::run(args) }
}
