//! Llama 1 to 3, SmolLM2, TinyLlama and Mistral (Touvron et al. 2023; Jiang et al. 2023).
//!
//! Llama 3's stretched rotary stands in the file as divisors; Mistral's first version has a window.

use ferrule_tensor::ops::transformer::Gate;

use super::numbers::Numbers;
use crate::LmError;
use crate::config::{Config, LayerConfig};
use crate::source::Source;

pub(super) fn config(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    let layer = LayerConfig { attention: numbers.attention(), rotary: 0 };
    Ok(Config {
        architecture: "llama",
        width: numbers.width,
        hidden: numbers.hidden,
        vocabulary: numbers.vocabulary,
        context: numbers.context,
        eps: numbers.eps,
        gate: Gate::Silu,
        embedding_scale: 1.0,
        rotaries: vec![numbers.rotary(source, source.llama_pairs())?],
        layers: vec![layer; numbers.layers],
    })
}
