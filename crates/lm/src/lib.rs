//! Language models: tokenizers, transformers and generation, on quantised weights.
#![forbid(unsafe_code)]

mod error;
mod tokenizer;

pub use error::LmError;
pub use tokenizer::{Decoder, Special, Tokenizer};
