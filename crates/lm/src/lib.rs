//! Language models: tokenizers, transformers and generation, on quantised weights.
#![forbid(unsafe_code)]

mod error;

pub use error::LmError;
