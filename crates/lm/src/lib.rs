//! Language models: tokenizers, transformers and generation, on quantised weights.
#![forbid(unsafe_code)]

pub mod chat;
pub mod config;
pub mod decoder;
mod error;
pub mod generate;
mod logits;
mod model;
mod models;
pub mod source;
mod tokenizer;

pub use error::LmError;
pub use model::{LanguageModel, Options};
pub use tokenizer::{Decoder as TextDecoder, Special, Tokenizer};
