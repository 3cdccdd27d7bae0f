//! A whole file in memory, as checked views.

use std::collections::BTreeMap;

use ferrule_base::{DType, Limits};

use super::{Header, PREFIX_BYTES, TensorInfo};
use crate::FormatError;

/// A file whose header has been checked; tensors are views of its bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    header: Header,
    data: &'a [u8],
}

/// One tensor: its elements are little-endian, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorView<'a> {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: &'a [usize],
    /// As many bytes as the shape and the dtype need.
    pub bytes: &'a [u8],
}

/// Checks `bytes`, a whole safetensors file.
///
/// # Errors
/// [`FormatError`] for whatever rule of the format it breaks.
///
/// # Examples
/// ```
/// use ferrule_base::Limits;
/// use ferrule_format::safetensors;
///
/// let json = br#"{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   "#;
/// let mut file = (json.len() as u64).to_le_bytes().to_vec();
/// file.extend_from_slice(json);
/// file.extend_from_slice(&[7, 9]);
/// let reader = safetensors::read(&file, &Limits::default())?;
/// assert_eq!(reader.tensor("t").map(|tensor| tensor.bytes), Some(&[7, 9][..]));
/// # Ok::<(), ferrule_format::FormatError>(())
/// ```
pub fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Reader<'a>, FormatError> {
    let (prefix, rest) =
        bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(FormatError::Truncated {
            part: "the length of the header",
            needed: PREFIX_BYTES as u64,
            available: bytes.len() as u64,
        })?;
    let length = Header::length(*prefix, bytes.len() as u64, limits)?;
    let available = rest.len() as u64;
    let needed = length as u64;
    let (json, data) = rest.split_at_checked(length).ok_or(FormatError::Truncated {
        part: "the header",
        needed,
        available,
    })?;
    Ok(Reader { header: Header::parse(json, data.len() as u64, limits)?, data })
}

impl Reader<'_> {
    /// The tensors in the order of their bytes.
    pub fn tensors(&self) -> &[TensorInfo] {
        self.header.tensors()
    }

    /// The free-form strings under `__metadata__`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        self.header.metadata()
    }

    /// The tensor called `name`.
    pub fn tensor(&self, name: &str) -> Option<TensorView<'_>> {
        let info = self.tensors().iter().find(|info| info.name == name)?;
        let (start, end) = (usize::try_from(info.start).ok()?, usize::try_from(info.end).ok()?);
        Some(TensorView {
            dtype: info.dtype,
            shape: &info.shape,
            bytes: self.data.get(start..end)?,
        })
    }
}
