//! Qwen 2, 2.5 and 3 (Yang et al. 2024, 2025).
//!
//! The second has biases on queries, keys and values, the third a norm of each head instead: both are
//! seen by the tensors that are there.

use ferrule_tensor::ops::transformer::{Gate, Pairs};

use super::numbers::Numbers;
use crate::LmError;
use crate::config::{Config, LayerConfig};
use crate::source::Source;

pub(super) fn qwen2(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    config("qwen2", source, numbers)
}

pub(super) fn qwen3(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    config("qwen3", source, numbers)
}

fn config(
    architecture: &'static str,
    source: &dyn Source,
    numbers: &Numbers,
) -> Result<Config, LmError> {
    let layer = LayerConfig { attention: numbers.attention(), rotary: 0 };
    Ok(Config {
        architecture,
        width: numbers.width,
        hidden: numbers.hidden,
        vocabulary: numbers.vocabulary,
        context: numbers.context,
        eps: numbers.eps,
        gate: Gate::Silu,
        embedding_scale: 1.0,
        rotaries: vec![numbers.rotary(source, Pairs::Halves)?],
        layers: vec![layer; numbers.layers],
    })
}
