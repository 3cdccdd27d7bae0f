//! Which vector instructions the kernels use, found once at run time.

use std::sync::OnceLock;

/// An instruction set that the kernels are compiled for. Results have the same bits on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain code, one element at a time: any CPU.
    Scalar,
    /// AVX2, FMA and POPCNT: 256-bit registers.
    Avx2,
    /// AVX-512 F, VL, DQ and BW: 512-bit registers.
    Avx512,
}

impl Isa {
    /// The widest instruction set of this CPU, narrowed by the environment variable
    /// `FERRULE_ISA` (`scalar`, `avx2` or `avx512`) where that is set when first asked.
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let wanted = std::env::var("FERRULE_ISA").ok();
            let limit = wanted.as_deref().and_then(Self::from_name).unwrap_or(Self::Avx512);
            Self::widest().min(limit)
        })
    }

    /// Every instruction set that this CPU has, the narrowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Scalar, Self::Avx2, Self::Avx512].into_iter().filter(|isa| isa.is_available())
    }

    /// Whether this CPU has the instruction set.
    pub fn is_available(self) -> bool {
        self <= Self::widest()
    }

    /// The instruction set called `name`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "scalar" => Some(Self::Scalar),
            "avx2" => Some(Self::Avx2),
            "avx512" => Some(Self::Avx512),
            _ => None,
        }
    }

    fn widest() -> Self {
        static WIDEST: OnceLock<Isa> = OnceLock::new();
        *WIDEST.get_or_init(Self::ask)
    }

    #[cfg(target_arch = "x86_64")]
    fn ask() -> Self {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        match (avx2, avx512) {
            (false, _) => Self::Scalar,
            (true, false) => Self::Avx2,
            (true, true) => Self::Avx512,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn ask() -> Self {
        Self::Scalar
    }
}

/// Has the cache line at `address`, which need not be valid, brought into the second cache.
#[inline(always)]
pub(crate) fn fetch_ahead<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it, and any address may be asked for.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
