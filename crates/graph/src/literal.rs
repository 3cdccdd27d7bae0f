//! Arrays that are part of a graph.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An array, compared by its bits.
#[derive(Clone, Debug)]
pub struct Literal(pub Array);

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.dtype() == b.dtype() && a.shape() == b.shape() && a.as_bytes() == b.as_bytes()
    }
}

/// How a literal is written down: its elements' bytes, little-endian, as hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    dtype: DType,
    shape: Vec<usize>,
    data: String,
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.0.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let shape = self.0.shape().to_vec();
        Written { dtype: self.0.dtype(), shape, data }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { dtype, shape, data } = Written::deserialize(deserializer)?;
        let bytes = bytes_of(&data).ok_or_else(|| D::Error::custom("data is not hexadecimal"))?;
        let shape = Shape::new(&shape).ok_or_else(|| D::Error::custom("too many dimensions"))?;
        let elements = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
        let wanted = elements.and_then(|count| count.checked_mul(dtype.size()));
        if wanted != Some(bytes.len()) {
            return Err(D::Error::custom("data has not the length of its shape"));
        }
        let mut buffer = Buffer::zeroed(bytes.len());
        buffer.as_mut_slice(bytes.len()).copy_from_slice(&bytes);
        Ok(Self(Array::from_buffer(dtype, shape, Arc::new(buffer))))
    }
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
