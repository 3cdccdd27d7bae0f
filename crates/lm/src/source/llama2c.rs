//! llama2.c's `.bin` files.

use ferrule_base::BlockKind;
use ferrule_format::llama2c::Llama2c;
use ferrule_tensor::ops::transformer::Pairs;

use super::{Source, SourceTensor};

/// A file of llama2.c's first version: floats, in the order of its header.
pub struct Llama2cSource<'a> {
    file: &'a Llama2c<'a>,
}

impl<'a> Llama2cSource<'a> {
    /// Of a file that was read.
    pub fn new(file: &'a Llama2c<'a>) -> Self {
        Self { file }
    }
}

impl Source for Llama2cSource<'_> {
    fn architecture(&self) -> &str {
        "llama"
    }

    fn number(&self, key: &str) -> Option<f64> {
        let config = self.file.config();
        let value = match key {
            "embedding_length" => config.dim,
            "feed_forward_length" => config.hidden,
            "block_count" => config.layers,
            "attention.head_count" => config.heads,
            "attention.head_count_kv" => config.kv_heads,
            "context_length" => config.seq,
            _ => return None,
        };
        Some(value as f64)
    }

    fn text(&self, _key: &str) -> Option<&str> {
        None
    }

    fn llama_pairs(&self) -> Pairs {
        Pairs::Neighbours
    }

    fn tensor(&self, name: &str) -> Option<SourceTensor<'_>> {
        let tensor = self.file.tensor(name)?;
        Some(SourceTensor { shape: tensor.shape, kind: BlockKind::F32, bytes: tensor.bytes })
    }
}
