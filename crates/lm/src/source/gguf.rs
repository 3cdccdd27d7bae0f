//! GGUF files.

use ferrule_format::gguf::{Gguf, Value};
use ferrule_tensor::ops::transformer::Pairs;

use super::{Source, SourceTensor};
use crate::LmError;

/// A GGUF file whose architecture is known by name.
pub struct GgufSource<'a> {
    gguf: &'a Gguf<'a>,
    architecture: &'a str,
}

impl<'a> GgufSource<'a> {
    /// # Errors
    /// The file does not say its architecture.
    pub fn new(gguf: &'a Gguf<'a>) -> Result<Self, LmError> {
        const KEY: &str = "general.architecture";
        let missing = || LmError::Missing { what: "key", name: KEY.to_owned() };
        Ok(Self { gguf, architecture: gguf.str(KEY).ok_or_else(missing)? })
    }

    fn value(&self, key: &str) -> Option<Value<'a>> {
        self.gguf.get(&format!("{}.{key}", self.architecture))
    }
}

impl Source for GgufSource<'_> {
    fn architecture(&self) -> &str {
        self.architecture
    }

    fn number(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::Integer(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    fn llama_pairs(&self) -> Pairs {
        Pairs::Neighbours
    }

    fn tensor(&self, name: &str) -> Option<SourceTensor<'_>> {
        let tensor = self.gguf.tensor(name)?;
        Some(SourceTensor { shape: tensor.shape.clone(), kind: tensor.kind, bytes: tensor.bytes })
    }
}
