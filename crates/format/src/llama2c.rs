//! The files of llama2.c: a model (`.bin`, version 0) and its vocabulary (`tokenizer.bin`).
//!
//! A model is seven integers of 32 bits and then floats of 32 bits, little-endian, kind by kind over all
//! layers. Queries and keys are turned in neighbouring pairs, as in GGUF's `llama`.
//!
//! Source: <https://github.com/karpathy/llama2.c>, `export.py` and `run.c`

mod model;
mod tokenizer;

pub use model::{Config, Llama2c, Tensor};
pub use tokenizer::Llama2cTokenizer;
