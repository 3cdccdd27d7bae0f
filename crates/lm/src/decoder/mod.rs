//! A decoder-only transformer: the blocks that all families share, put together as a [`Config`] says.

mod cache;
mod forward;
mod weights;

pub use cache::{Budget, Sequence};
pub use forward::{Feed, Wanted};

use crate::LmError;
use crate::config::Config;
use crate::models::configure;
use crate::source::Source;
use weights::{Head, Layer};

use ferrule_tensor::quant::Weights;

/// Weights and shape of a model, ready to run; shared by all that use it.
pub struct Decoder {
    config: Config,
    embedding: Weights,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    head: Head,
}

impl Decoder {
    /// The model in `source`, its weights packed for products.
    ///
    /// # Errors
    /// Its family is unknown; a number or a tensor is missing, or cannot be.
    pub fn open(source: &dyn Source) -> Result<Self, LmError> {
        let config = configure(source)?;
        let (vocabulary, width) = (config.vocabulary, config.width);
        let embedding = source.matrix("token_embd.weight", vocabulary, width)?;
        let layers = (0..config.layers.len())
            .map(|index| Layer::new(index, &config, source))
            .collect::<Result<_, _>>()?;
        let norm = source.vector("output_norm.weight", width)?;
        let head = match source.tensor("output.weight") {
            Some(_) => Head::Own(source.matrix("output.weight", vocabulary, width)?),
            None => Head::Embedding,
        };
        Ok(Self { config, embedding, layers, norm, head })
    }

    /// What it is like.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
