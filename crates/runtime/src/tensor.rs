//! Tensors as requests bring them and as answers carry them.

use std::borrow::Cow;

use ferrule_artifact::TensorSpec;
use ferrule_base::{DType, Limits, element_count};
use ferrule_tensor::Float;

use crate::RequestError;

/// The elements of an input, row-major.
#[derive(Clone, Copy, Debug)]
pub enum TensorData<'a> {
    /// Little-endian bytes.
    Raw(&'a [u8]),
    /// Elements of FP32.
    Fp32(&'a [f32]),
    /// Elements of FP64.
    Fp64(&'a [f64]),
    /// Elements of INT32.
    Int32(&'a [i32]),
    /// Elements of INT64.
    Int64(&'a [i64]),
    /// Elements of UINT8, wider than they need be.
    Uint8(&'a [u32]),
    /// Elements of BOOL.
    Bool(&'a [bool]),
    /// Elements of a datatype that no model takes: only their number is known.
    Other(usize),
}

/// A tensor of a request, not yet held against any signature.
#[derive(Clone, Copy, Debug)]
pub struct InputTensor<'a> {
    /// As the request says.
    pub name: &'a str,
    /// As the request says.
    pub dtype: DType,
    /// As the request says.
    pub shape: &'a [i64],
    /// As the request brought it.
    pub data: TensorData<'a>,
}

impl InputTensor<'_> {
    /// Checks that the shape is within `limits` and that the data has as many elements; returns
    /// that number. Nothing is allocated before.
    ///
    /// # Errors
    /// [`RequestError`] naming the input, what was expected and what was got.
    pub fn check(&self, limits: &Limits) -> Result<usize, RequestError> {
        let input = || self.name.to_owned();
        let count = element_count(self.shape, limits.rank_max, limits.elements_max)
            .map_err(|source| RequestError::BadShape { input: input(), source })?;
        let got = match self.data.count() {
            None => {
                let expected = count.saturating_mul(self.dtype.size());
                let got = self.data.bytes(self.dtype);
                if got != expected && self.dtype != DType::Bytes {
                    let (shape, dtype) = (self.shape.to_vec(), self.dtype);
                    return Err(RequestError::ByteCount {
                        input: input(),
                        shape,
                        dtype,
                        expected,
                        got,
                    });
                }
                count
            }
            Some(elements) => elements,
        };
        if got != count {
            let (shape, expected) = (self.shape.to_vec(), count);
            return Err(RequestError::ElementCount { input: input(), shape, expected, got });
        }
        Ok(count)
    }

    /// Checks datatype and shape against `spec`.
    ///
    /// # Errors
    /// [`RequestError`] naming the input, what was expected and what was got.
    pub fn check_against(&self, spec: &TensorSpec) -> Result<(), RequestError> {
        if self.dtype != spec.dtype {
            let (expected, got) = (spec.dtype, self.dtype);
            return Err(RequestError::DataType { input: self.name.to_owned(), expected, got });
        }
        let fits = self.shape.len() == spec.shape.len()
            && self.shape.iter().zip(&spec.shape).all(|(got, want)| *want < 0 || got == want);
        if fits {
            return Ok(());
        }
        let (expected, got) = (spec.shape.clone(), self.shape.to_vec());
        Err(RequestError::Shape { input: self.name.to_owned(), expected, got })
    }
}

impl TensorData<'_> {
    /// Bytes that the elements take as those of `dtype`.
    pub fn bytes(&self, dtype: DType) -> usize {
        match (*self, self.count()) {
            (TensorData::Raw(bytes), _) => bytes.len(),
            (_, count) => count.unwrap_or(0).saturating_mul(dtype.size()),
        }
    }

    /// The number of elements, where it does not depend on their dtype.
    fn count(&self) -> Option<usize> {
        Some(match self {
            TensorData::Raw(_) => return None,
            TensorData::Fp32(values) => values.len(),
            TensorData::Fp64(values) => values.len(),
            TensorData::Int32(values) => values.len(),
            TensorData::Int64(values) => values.len(),
            TensorData::Uint8(values) => values.len(),
            TensorData::Bool(values) => values.len(),
            TensorData::Other(count) => *count,
        })
    }

    /// The elements as little-endian bytes of `dtype`; `None` where they are of another, or one does
    /// not fit it. Truth values are bytes of 0 and 1.
    pub fn to_bytes(&self, dtype: DType) -> Option<Cow<'_, [u8]>> {
        let bytes: Vec<u8> = match (*self, dtype) {
            (TensorData::Raw(bytes), DType::Bool) if bytes.iter().any(|&byte| byte > 1) => {
                return None;
            }
            (TensorData::Raw(bytes), _) => return Some(Cow::Borrowed(bytes)),
            (TensorData::Fp32(values), DType::Fp32) => le(values, |value| value.to_le_bytes()),
            (TensorData::Fp64(values), DType::Fp64) => le(values, |value| value.to_le_bytes()),
            (TensorData::Int32(values), DType::Int32) => le(values, |value| value.to_le_bytes()),
            (TensorData::Int64(values), DType::Int64) => le(values, |value| value.to_le_bytes()),
            (TensorData::Bool(values), DType::Bool) => le(values, |value| [u8::from(value)]),
            (TensorData::Uint8(values), DType::Uint8) => {
                let narrow = values.iter().map(|&value| u8::try_from(value).ok());
                narrow.collect::<Option<Vec<u8>>>()?
            }
            _ => return None,
        };
        Some(Cow::Owned(bytes))
    }
}

fn le<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut all = Vec::with_capacity(values.len().saturating_mul(N));
    all.extend(values.iter().flat_map(|&value| bytes(value)));
    all
}

/// A tensor of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTensor {
    /// The position of its name among the signature's outputs.
    pub index: usize,
    /// Element type.
    pub dtype: DType,
    /// Dimensions.
    pub shape: Vec<i64>,
    /// Little-endian elements, row-major.
    pub bytes: Vec<u8>,
}

/// The number of rows that `outputs` are for.
pub fn rows(outputs: &[OutputTensor]) -> u64 {
    let first = outputs.first().and_then(|output| output.shape.first());
    first.and_then(|rows| u64::try_from(*rows).ok()).unwrap_or(0)
}

/// An element type that models compute in.
pub(crate) trait Element: Float {
    const DTYPE: DType;
    /// The elements of `data`, borrowed where they are of this type already; `None` where they are
    /// of another.
    fn read<'a>(data: &TensorData<'a>) -> Option<Cow<'a, [Self]>>;
    fn append_le(values: &[Self], bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($type:ty, $dtype:expr, $variant:ident) => {
        impl Element for $type {
            const DTYPE: DType = $dtype;

            fn read<'a>(data: &TensorData<'a>) -> Option<Cow<'a, [Self]>> {
                match data {
                    TensorData::$variant(values) => Some(Cow::Borrowed(values)),
                    TensorData::Raw(bytes) => {
                        let (chunks, _) = bytes.as_chunks();
                        let values = chunks.iter().map(|chunk| <$type>::from_le_bytes(*chunk));
                        Some(Cow::Owned(values.collect()))
                    }
                    _ => None,
                }
            }

            fn append_le(values: &[Self], bytes: &mut Vec<u8>) {
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    };
}

element!(f32, DType::Fp32, Fp32);
element!(f64, DType::Fp64, Fp64);
