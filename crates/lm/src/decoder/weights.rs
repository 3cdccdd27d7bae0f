//! The weights of a layer.

use ferrule_tensor::quant::Weights;

use crate::LmError;
use crate::config::{Config, LayerConfig};
use crate::source::Source;

/// Tensors that would change the result and are not read: no family here has them.
const UNREAD: [&str; 4] = ["attn_output.bias", "ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"];

/// The product that gives logits.
pub(super) enum Head {
    /// The embedding's rows once more.
    Embedding,
    /// A matrix of its own.
    Own(Weights),
}

/// A layer: attention, then a gated feed-forward block. What a family lacks is `None`.
pub(super) struct Layer {
    pub(super) config: LayerConfig,
    pub(super) attention_norm: Vec<f32>,
    pub(super) query: Projection,
    pub(super) key: Projection,
    pub(super) value: Projection,
    pub(super) output: Weights,
    pub(super) post_attention_norm: Option<Vec<f32>>,
    pub(super) ffn_norm: Vec<f32>,
    pub(super) gate: Weights,
    pub(super) up: Weights,
    pub(super) down: Weights,
    pub(super) post_ffn_norm: Option<Vec<f32>>,
}

/// A product that gives heads.
pub(super) struct Projection {
    pub(super) weights: Weights,
    pub(super) bias: Option<Vec<f32>>,
    /// Of each head.
    pub(super) norm: Option<Vec<f32>>,
}

impl Layer {
    /// The layer `index` of `source`.
    pub(super) fn new(index: usize, config: &Config, source: &dyn Source) -> Result<Self, LmError> {
        let (width, hidden) = (config.width, config.hidden);
        let layer = config.layers[index];
        let shape = layer.attention;
        let named = |name: &str| format!("blk.{index}.{name}");
        if let Some(name) = UNREAD.iter().find(|name| source.tensor(&named(name)).is_some()) {
            return Err(LmError::UnreadTensor { name: named(name) });
        }
        let projection = |name: &str, heads: usize| -> Result<Projection, LmError> {
            let rows = heads * shape.dim;
            Ok(Projection {
                weights: source.matrix(&named(&format!("attn_{name}.weight")), rows, width)?,
                bias: source.vector_if_there(&named(&format!("attn_{name}.bias")), rows)?,
                norm: source
                    .vector_if_there(&named(&format!("attn_{name}_norm.weight")), shape.dim)?,
            })
        };
        let norm = |name: &str| source.vector(&named(name), width);
        let post_norm = |name: &str| source.vector_if_there(&named(name), width);
        Ok(Self {
            config: layer,
            attention_norm: norm("attn_norm.weight")?,
            query: projection("q", shape.heads)?,
            key: projection("k", shape.kv_heads)?,
            value: projection("v", shape.kv_heads)?,
            output: source.matrix(&named("attn_output.weight"), width, shape.heads * shape.dim)?,
            post_attention_norm: post_norm("post_attention_norm.weight")?,
            ffn_norm: norm("ffn_norm.weight")?,
            gate: source.matrix(&named("ffn_gate.weight"), hidden, width)?,
            up: source.matrix(&named("ffn_up.weight"), hidden, width)?,
            down: source.matrix(&named("ffn_down.weight"), width, hidden)?,
            post_ffn_norm: post_norm("post_ffw_norm.weight")?,
        })
    }
}
