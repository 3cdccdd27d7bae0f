//! File formats: bytes to checked views, with no I/O and no unsafe code.
//!
//! Nothing here trusts a byte: every read is bounds-checked, every sum and product is checked, and
//! memory is bounded by the input's size and by [`ferrule_base::Limits`].
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod csv;
mod error;
pub mod foreign;
pub mod gguf;
pub mod llama2c;
pub mod parquet;
mod real;
pub mod safetensors;
pub mod text;

pub use error::FormatError;
pub use real::Real;
