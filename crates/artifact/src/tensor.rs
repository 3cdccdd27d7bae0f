//! A tensor that owns its bytes.

use ferrule_base::DType;

/// A named array; its elements are little-endian, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name; unique in the artifact.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// As many bytes as the shape and the dtype need.
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// The elements of an FP64 tensor; `None` for another dtype.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        (self.dtype == DType::Fp64).then(|| {
            let (elements, _) = self.bytes.as_chunks();
            elements.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        })
    }

    /// The elements of an FP32 tensor; `None` for another dtype.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.dtype == DType::Fp32).then(|| {
            let (elements, _) = self.bytes.as_chunks();
            elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        })
    }
}

pub(crate) fn find<'a>(tensors: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    tensors.iter().find(|tensor| tensor.name == name)
}
