//! What a decoder-only transformer is like, as data: all that one family has and another has not.

use ferrule_tensor::ops::transformer::{Attention, Gate, Rotary};

/// The shape of a decoder and the choices of its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The family's name, as GGUF's `general.architecture` has it.
    pub architecture: &'static str,
    /// Elements of a token's state.
    pub width: usize,
    /// Elements between the products of a feed-forward block.
    pub hidden: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Most positions that it was trained for.
    pub context: usize,
    /// What is added to mean squares before the root is taken.
    pub eps: f32,
    /// The activation of the feed-forward blocks' gates.
    pub gate: Gate,
    /// What embeddings are multiplied by.
    pub embedding_scale: f32,
    /// The ways in which positions turn queries and keys; layers share them.
    pub rotaries: Vec<Rotary>,
    /// The layers, first to last.
    pub layers: Vec<LayerConfig>,
}

/// In what a layer may differ from others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerConfig {
    /// Heads, and what they see.
    pub attention: Attention,
    /// Which of [`Config::rotaries`].
    pub rotary: usize,
}
