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
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    match isa {
        // SAFETY: the CPU was just asked.
        Isa::Avx512 if isa.is_available() => return unsafe { avx512(kernel) },
        // SAFETY: the CPU was just asked.
        Isa::Avx2 if isa.is_available() => return unsafe { avx2(kernel) },
        _ => {}
    }
    kernel.run()
}

/// # Safety
/// The CPU has AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// # Safety
/// The CPU has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
