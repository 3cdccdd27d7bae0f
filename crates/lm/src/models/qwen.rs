//! Qwen 2, 2.5 and 3 (Yang et al. 2024, 2025).
//!
//! The second has biases on queries, keys and values, the third a norm of each head instead: both are
//! seen by the tensors that are there.

use ferrule_tensor::ops::transformer::Pairs;

use super::numbers::Numbers;
use crate::LmError;
use crate::config::Config;
use crate::source::Source;

pub(super) fn qwen2(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    numbers.alike("qwen2", source, Pairs::Halves)
}

pub(super) fn qwen3(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    numbers.alike("qwen3", source, Pairs::Halves)
}
