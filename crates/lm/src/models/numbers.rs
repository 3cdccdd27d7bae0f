//! The numbers that every family has, checked.

use ferrule_base::BlockKind;
use ferrule_tensor::ops::transformer::{Attention, Gate, Pairs, Rotary};
use ferrule_tensor::quant::dequantise;

use crate::LmError;
use crate::config::{Config, LayerConfig};
use crate::source::Source;

/// What no file may claim more of: far above any model, and small enough for every product.
const MOST: f64 = (1 << 24) as f64;
/// Most layers.
const LAYERS_MOST: usize = 1024;
/// Most elements of a head.
const DIM_MOST: usize = 1024;

/// Sizes and constants of a decoder.
pub(super) struct Numbers {
    pub(super) layers: usize,
    pub(super) width: usize,
    pub(super) hidden: usize,
    pub(super) vocabulary: usize,
    pub(super) context: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) dim: usize,
    pub(super) eps: f32,
    pub(super) rope_base: f64,
    pub(super) window: Option<usize>,
}

impl Numbers {
    /// Reads them from a file.
    pub(super) fn read(source: &dyn Source) -> Result<Self, LmError> {
        let width = size(source, "embedding_length")?;
        let heads = size(source, "attention.head_count")?;
        let kv_heads = size_or(source, "attention.head_count_kv", heads)?;
        let dim = size_or(source, "attention.key_length", width / heads)?;
        let embedding = source.tensor("token_embd.weight").map(|tensor| tensor.shape);
        let vocabulary = match embedding.as_deref() {
            Some(&[rows, cols]) if cols == width => rows,
            Some(other) => {
                let expected = format!("[vocabulary, {width}]");
                return Err(invalid("the shape of token_embd.weight", &expected, other));
            }
            None => {
                let name = "token_embd.weight".to_owned();
                return Err(LmError::Missing { what: "tensor", name });
            }
        };
        let numbers = Self {
            layers: size(source, "block_count")?,
            width,
            hidden: size(source, "feed_forward_length")?,
            vocabulary,
            context: size(source, "context_length")?,
            heads,
            kv_heads,
            dim,
            eps: source.number("attention.layer_norm_rms_epsilon").unwrap_or(1e-5) as f32,
            rope_base: source.number("rope.freq_base").unwrap_or(10_000.0),
            window: match source.number("attention.sliding_window") {
                Some(0.0) | None => None,
                Some(_) => Some(size(source, "attention.sliding_window")?),
            },
        };
        numbers.check()?;
        Ok(numbers)
    }

    fn check(&self) -> Result<(), LmError> {
        if self.layers > LAYERS_MOST {
            return Err(invalid("block_count", &format!("at most {LAYERS_MOST}"), &self.layers));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a divisor of the {} heads", self.heads);
            return Err(invalid("attention.head_count_kv", &expected, &self.kv_heads));
        }
        if !self.dim.is_multiple_of(2) || !(2..=DIM_MOST).contains(&self.dim) {
            let expected = format!("an even number from 2 to {DIM_MOST}");
            return Err(invalid("attention.key_length", &expected, &self.dim));
        }
        if !(self.eps > 0.0 && self.eps < 1.0) {
            return Err(invalid("layer_norm_rms_epsilon", "between 0 and 1", &self.eps));
        }
        if !(self.rope_base >= 1.0 && self.rope_base.is_finite()) {
            return Err(invalid("rope.freq_base", "at least 1", &self.rope_base));
        }
        Ok(())
    }

    /// A decoder of layers that are alike, gated by SiLU.
    pub(super) fn alike(
        &self,
        architecture: &'static str,
        source: &dyn Source,
        pairs: Pairs,
    ) -> Result<Config, LmError> {
        let layer = LayerConfig { attention: self.attention(), rotary: 0 };
        Ok(Config {
            architecture,
            width: self.width,
            hidden: self.hidden,
            vocabulary: self.vocabulary,
            context: self.context,
            eps: self.eps,
            gate: Gate::Silu,
            embedding_scale: 1.0,
            rotaries: vec![self.rotary(source, pairs)?],
            layers: vec![layer; self.layers],
        })
    }

    /// Attention with scores over the root of the head's size.
    pub(super) fn attention(&self) -> Attention {
        Attention {
            heads: self.heads,
            kv_heads: self.kv_heads,
            dim: self.dim,
            scale: 1.0 / (self.dim as f32).sqrt(),
            window: self.window,
        }
    }

    /// The one rotary of a family whose layers share it, scaled as the file says.
    fn rotary(&self, source: &dyn Source, pairs: Pairs) -> Result<Rotary, LmError> {
        let rotated = source.number("rope.dimension_count").unwrap_or(self.dim as f64);
        if rotated != self.dim as f64 {
            let expected = format!("{}, the size of a head", self.dim);
            return Err(invalid("rope.dimension_count", &expected, &rotated));
        }
        let divisors = match source.tensor("rope_freqs.weight") {
            Some(tensor) if tensor.kind == BlockKind::F32 && tensor.shape == [self.dim / 2] => {
                let mut divisors = vec![0.0; self.dim / 2];
                dequantise(tensor.kind, tensor.bytes, &mut divisors);
                Some(divisors)
            }
            Some(other) => {
                let expected = format!("[{}] of F32", self.dim / 2);
                return Err(invalid("the shape of rope_freqs.weight", &expected, &other.shape));
            }
            None => None,
        };
        let factor = linear_factor(source)?;
        Ok(Rotary::new(pairs, self.dim, self.rope_base, factor, divisors.as_deref()))
    }
}

/// By how much positions are divided.
pub(super) fn linear_factor(source: &dyn Source) -> Result<f64, LmError> {
    let kind = source.text("rope.scaling.type").unwrap_or("linear");
    let factor = source.number("rope.scaling.factor");
    match (kind, factor) {
        ("none", _) | ("linear" | "llama3", None) => Ok(1.0),
        // The divisors say it all.
        ("llama3", _) => Ok(1.0),
        ("linear", Some(factor)) if factor >= 1.0 && factor.is_finite() => Ok(factor),
        ("linear", Some(factor)) => Err(invalid("rope.scaling.factor", "at least 1", &factor)),
        (other, _) => Err(invalid("rope.scaling.type", "none, linear or llama3", &other)),
    }
}

/// A number that must be there.
fn size(source: &dyn Source, key: &str) -> Result<usize, LmError> {
    let missing = || LmError::Missing { what: "key", name: key.to_owned() };
    let value = source.number(key).ok_or_else(missing)?;
    if (1.0..=MOST).contains(&value) && value.fract() == 0.0 {
        Ok(value as usize)
    } else {
        Err(invalid(key, "an integer from 1 to 16777216", &value))
    }
}

fn size_or(source: &dyn Source, key: &str, default: usize) -> Result<usize, LmError> {
    if source.number(key).is_some() { size(source, key) } else { Ok(default) }
}

/// A refusal of what a file says.
pub(super) fn invalid(
    name: &str,
    expected: &str,
    got: &(impl std::fmt::Debug + ?Sized),
) -> LmError {
    LmError::Invalid {
        name: name.to_owned(),
        expected: expected.to_owned(),
        got: format!("{got:?}"),
    }
}
