//! Llama 1 to 3, SmolLM2, TinyLlama and Mistral (Touvron et al. 2023; Jiang et al. 2023).
//!
//! Llama 3's stretched rotary stands in the file as divisors; Mistral's first version has a window.

use super::numbers::Numbers;
use crate::LmError;
use crate::config::Config;
use crate::source::Source;

pub(super) fn config(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    numbers.alike("llama", source, source.llama_pairs())
}
