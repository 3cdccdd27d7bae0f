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
    /// The elements of an FP32 tensor; `None` for another dtype.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.dtype == DType::Fp32).then(|| {
            let (elements, _) = self.bytes.as_chunks();
            elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        })
    }

    /// The elements of an FP32 or FP64 tensor, widened; `None` for another dtype.
    pub fn floats(&self) -> Option<impl Iterator<Item = f64>> {
        let (singles, doubles): (&[[u8; 4]], &[[u8; 8]]) = match self.dtype {
            DType::Fp32 => (self.bytes.as_chunks().0, &[]),
            DType::Fp64 => (&[], self.bytes.as_chunks().0),
            _ => return None,
        };
        let singles = singles.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
        Some(singles.chain(doubles.iter().map(|bytes| f64::from_le_bytes(*bytes))))
    }
}

pub(crate) fn find<'a>(tensors: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    tensors.iter().find(|tensor| tensor.name == name)
}
