//! Where weights come from: files of several formats, by the names that GGUF gives tensors.

mod gguf;
mod llama2c;

pub use gguf::GgufSource;
pub use llama2c::Llama2cSource;

use ferrule_base::BlockKind;
use ferrule_tensor::ops::transformer::Pairs;
use ferrule_tensor::quant::{Weights, dequantise};

use crate::LmError;

/// A tensor of a file: rows of blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceTensor<'a> {
    /// Dimensions, the slowest first.
    pub shape: Vec<usize>,
    /// How weights are stored.
    pub kind: BlockKind,
    /// As many bytes as shape and kind need.
    pub bytes: &'a [u8],
}

/// A file that a model is made of. Keys are GGUF's, without the architecture before them, such as
/// `attention.head_count`.
pub trait Source {
    /// The family, as GGUF's `general.architecture` has it.
    fn architecture(&self) -> &str;

    /// A number of the file's; `None` where it does not say.
    fn number(&self, key: &str) -> Option<f64>;

    /// A text of the file's; `None` where it does not say.
    fn text(&self, key: &str) -> Option<&str>;

    /// Which elements are turned together in models of the `llama` family: converters to GGUF reorder
    /// the rows of queries and keys.
    fn llama_pairs(&self) -> Pairs;

    /// The tensor that GGUF would call `name`; `None` where the file has none.
    fn tensor(&self, name: &str) -> Option<SourceTensor<'_>>;

    /// A matrix of `[rows, cols]`, packed for products.
    ///
    /// # Errors
    /// It is not there, or has another shape.
    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Weights, LmError> {
        let tensor = self.required(name, &[rows, cols])?;
        Ok(Weights::pack(tensor.kind, rows, cols, tensor.bytes))
    }

    /// A vector of `len` floats.
    ///
    /// # Errors
    /// It is not there, or has another shape.
    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, LmError> {
        let tensor = self.required(name, &[len])?;
        let mut values = vec![0.0; len];
        dequantise(tensor.kind, tensor.bytes, &mut values);
        Ok(values)
    }

    /// A vector that not every family has.
    ///
    /// # Errors
    /// It has another shape.
    fn vector_if_there(&self, name: &str, len: usize) -> Result<Option<Vec<f32>>, LmError> {
        self.tensor(name).map(|_| self.vector(name, len)).transpose()
    }

    /// A tensor of that shape.
    ///
    /// # Errors
    /// It is not there, or has another shape.
    fn required(&self, name: &str, shape: &[usize]) -> Result<SourceTensor<'_>, LmError> {
        let missing = || LmError::Missing { what: "tensor", name: name.to_owned() };
        let tensor = self.tensor(name).ok_or_else(missing)?;
        if tensor.shape != shape {
            return Err(LmError::Invalid {
                name: format!("the shape of tensor {name:?}"),
                expected: format!("{shape:?}"),
                got: format!("{:?}", tensor.shape),
            });
        }
        Ok(tensor)
    }
}
