//! Weights of a few bits each, in blocks that share a scale, and products with them.

pub mod dequantise;
mod floats;
mod inputs;
mod kinds;
mod matmul;
mod pack;
mod product;
mod weights;

pub use dequantise::dequantise;
pub use inputs::Inputs;
pub use matmul::{matmul, matmul_on};
pub use weights::Weights;

/// `$quantised` with `$K` as what a kind is packed as, or `$float` with `$S` as a float that is stored.
macro_rules! by_kind {
    ($kind:expr, $K:ident => $quantised:expr, $S:ident => $float:expr) => {
        by_kind!(@all $kind, $K => $quantised, $S => $float;
            F32 F32, F16 F16, BF16 Bf16;
            Q4_0 Q4_0, Q4_1 Q4_1, Q5_0 Q5_0, Q5_1 Q5_1, Q8_0 Q8_0,
            Q2_K Q2K, Q3_K Q3K, Q4_K Q4K, Q5_K Q5K, Q6_K Q6K)
    };
    (@all $kind:expr, $K:ident => $quantised:expr, $S:ident => $float:expr;
        $($f:ident $stored:ident),*; $($q:ident $packed:ident),*) => {
        match $kind {
            $(::ferrule_base::BlockKind::$f => { type $S = $crate::quant::floats::$stored; $float })*
            $(::ferrule_base::BlockKind::$q => { type $K = $crate::quant::kinds::$packed; $quantised })*
        }
    };
}
use by_kind;
