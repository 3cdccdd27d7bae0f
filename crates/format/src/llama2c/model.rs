//! A model: its sizes, and its tensors by the names that GGUF gives them.

use crate::FormatError;

/// The sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Width of the residual stream.
    pub dim: usize,
    /// Width of the feed-forward layers.
    pub hidden: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Heads of queries; they divide `dim`.
    pub heads: usize,
    /// Heads of keys and of values; they divide `heads`.
    pub kv_heads: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Longest sequence.
    pub seq: usize,
    /// Whether the embedding of the tokens is the output's matrix too.
    pub shared: bool,
}

/// A file whose sizes have been held against its length.
#[derive(Clone, Debug)]
pub struct Llama2c<'a> {
    config: Config,
    sections: Vec<Section>,
    data: &'a [u8],
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Dimensions, slowest first: `[rows, columns]` of a matrix.
    pub shape: Vec<usize>,
    /// Floats of 32 bits, little-endian, row by row.
    pub bytes: &'a [u8],
}

/// A tensor of the model, or one kind of tensor over all layers.
#[derive(Clone, Debug)]
struct Section {
    /// The name, after `blk.N.` where there is one a layer; empty for what nobody needs.
    name: &'static str,
    /// How many there are, where there is one a layer.
    layers: Option<usize>,
    shape: Vec<usize>,
    /// First byte after the header, and bytes of one tensor.
    start: usize,
    bytes: usize,
}

/// Bytes of the header.
const HEADER_BYTES: usize = 7 * 4;

impl<'a> Llama2c<'a> {
    /// Checks `bytes`, a whole file.
    ///
    /// # Errors
    /// [`FormatError`] where the header's sizes cannot be, or the file has not as many bytes as they need.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let Some((header, data)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            let missing = HEADER_BYTES.saturating_sub(bytes.len()) as u64;
            return Err(FormatError::EndsEarly { part: "the header", missing });
        };
        let config = config(header)?;
        let (sections, needed) = config.lay_out().ok_or(FormatError::Llama2cHeader {
            field: "dim",
            value: i32::try_from(config.dim).unwrap_or(i32::MAX),
            expected: "sizes whose products fit in 64 bits",
        })?;
        if let Some(missing) = needed.checked_sub(data.len()).filter(|missing| *missing > 0) {
            let (part, missing) = ("the weights", missing as u64);
            return Err(FormatError::EndsEarly { part, missing });
        }
        match data.len().checked_sub(needed) {
            Some(count) if count > 0 => Err(FormatError::TrailingBytes { count: count as u64 }),
            _ => Ok(Self { config, sections, data }),
        }
    }

    /// The model's sizes.
    pub fn config(&self) -> Config {
        self.config
    }

    /// The names of all tensors, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.sections.iter().filter(|section| !section.name.is_empty()).flat_map(|section| {
            (0..section.layers.unwrap_or(1)).map(|layer| match section.layers {
                Some(_) => format!("blk.{layer}.{}", section.name),
                None => section.name.to_owned(),
            })
        })
    }

    /// The tensor that GGUF calls `name`, such as `blk.0.attn_q.weight`. Where the embedding is shared there is no
    /// `output.weight`.
    pub fn tensor(&self, name: &str) -> Option<Tensor<'a>> {
        let (layer, name) = match name.strip_prefix("blk.") {
            Some(rest) => {
                let (layer, name) = rest.split_once('.')?;
                (Some(layer.parse::<usize>().ok()?), name)
            }
            None => (None, name),
        };
        let named = |section: &&Section| !name.is_empty() && section.name == name;
        let section = self.sections.iter().find(named)?;
        let place = match (section.layers, layer) {
            (Some(layers), Some(layer)) if layer < layers => layer,
            (None, None) => 0,
            _ => return None,
        };
        let start = place.checked_mul(section.bytes)?.checked_add(section.start)?;
        let bytes = self.data.get(start..start.checked_add(section.bytes)?)?;
        Some(Tensor { shape: section.shape.clone(), bytes })
    }
}

fn config(header: &[u8; HEADER_BYTES]) -> Result<Config, FormatError> {
    const MAGIC: i32 = 0x616B_3432;
    let mut numbers = header.as_chunks().0.iter().map(|number| i32::from_le_bytes(*number));
    let mut next = || numbers.next().unwrap_or_default();
    let dim = next();
    if dim == MAGIC {
        return Err(FormatError::Llama2cVersion { version: next().unsigned_abs() });
    }
    let dim = positive("dim", dim)?;
    let hidden = positive("hidden", next())?;
    let layers = positive("layers", next())?;
    let heads = factor("heads", next(), dim, "a divisor of dim")?;
    let kv_heads = factor("kv_heads", next(), heads, "a divisor of heads")?;
    let vocab = next();
    let seq = positive("seq", next())?;
    let size = i32::try_from(vocab.unsigned_abs()).unwrap_or_default();
    let (vocab, shared) = (positive("vocab", size)?, vocab > 0);
    Ok(Config { dim, hidden, layers, heads, kv_heads, vocab, seq, shared })
}

fn positive(field: &'static str, value: i32) -> Result<usize, FormatError> {
    let expected = "more than 0";
    let size = usize::try_from(value).ok().filter(|size| *size > 0);
    size.ok_or(FormatError::Llama2cHeader { field, value, expected })
}

fn factor(
    field: &'static str,
    value: i32,
    of: usize,
    expected: &'static str,
) -> Result<usize, FormatError> {
    let size = positive(field, value)?;
    let whole = of.is_multiple_of(size).then_some(size);
    whole.ok_or(FormatError::Llama2cHeader { field, value, expected })
}

impl Config {
    /// The tensors in the order of the file, and the bytes of all; `None` where those overflow.
    fn lay_out(&self) -> Option<(Vec<Section>, usize)> {
        let Self { dim, hidden, vocab, .. } = *self;
        let head = dim.checked_div(self.heads)?;
        let kv = head.checked_mul(self.kv_heads)?;
        let layers = Some(self.layers);
        let mut kinds: Vec<(&'static str, Option<usize>, Vec<usize>)> = vec![
            ("token_embd.weight", None, vec![vocab, dim]),
            ("attn_norm.weight", layers, vec![dim]),
            ("attn_q.weight", layers, vec![dim, dim]),
            ("attn_k.weight", layers, vec![kv, dim]),
            ("attn_v.weight", layers, vec![kv, dim]),
            ("attn_output.weight", layers, vec![dim, dim]),
            ("ffn_norm.weight", layers, vec![dim]),
            ("ffn_gate.weight", layers, vec![hidden, dim]),
            ("ffn_down.weight", layers, vec![dim, hidden]),
            ("ffn_up.weight", layers, vec![hidden, dim]),
            ("output_norm.weight", None, vec![dim]),
            // Tables of cosines and sines, half a head's width each, that later code computes.
            ("", None, vec![self.seq, head.checked_div(2)?.checked_mul(2)?]),
        ];
        if !self.shared {
            kinds.push(("output.weight", None, vec![vocab, dim]));
        }
        let (mut sections, mut start) = (Vec::with_capacity(kinds.len()), 0usize);
        for (name, layers, shape) in kinds {
            let bytes = shape.iter().try_fold(4usize, |bytes, size| bytes.checked_mul(*size))?;
            let end = bytes.checked_mul(layers.unwrap_or(1))?.checked_add(start)?;
            sections.push(Section { name, layers, shape, start, bytes });
            start = end;
        }
        Some((sections, start))
    }
}
