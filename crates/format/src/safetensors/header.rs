//! A checked header: what tensors there are and where their bytes lie.

use std::collections::BTreeMap;

use ferrule_base::{DType, Limits};

use super::json::{self, RawTensor};
use crate::FormatError;

/// One tensor of a file: its bytes are `start..end` of the data section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name; unique in the file.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// First byte, in the data section.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

/// A header whose tensors cover the data section exactly, without hole or overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    tensors: Vec<TensorInfo>,
    metadata: BTreeMap<String, String>,
}

impl Header {
    /// The header's length, from the file's first eight bytes and the file's length.
    ///
    /// # Errors
    /// [`FormatError`] where the length passes the limit or the file's end.
    pub fn length(prefix: [u8; 8], file_bytes: u64, limits: &Limits) -> Result<usize, FormatError> {
        let size = u64::from_le_bytes(prefix);
        let max = limits.artifact_header_bytes_max;
        let fits = usize::try_from(size).ok().filter(|&size| size <= max);
        let length = fits.ok_or(FormatError::HeaderTooLarge { size, max })?;
        let available = file_bytes.saturating_sub(super::PREFIX_BYTES as u64);
        if size > available {
            return Err(FormatError::Truncated { part: "the header", needed: size, available });
        }
        Ok(length)
    }

    /// Reads the JSON `bytes` of a header in front of `data_bytes` bytes of data.
    ///
    /// # Errors
    /// [`FormatError`] for whatever rule of the format it breaks.
    pub fn parse(bytes: &[u8], data_bytes: u64, limits: &Limits) -> Result<Self, FormatError> {
        match bytes.first() {
            Some(b'{') => {}
            Some(&found) => return Err(FormatError::HeaderStart { found }),
            None => {
                let (part, needed, available) = ("the header", 2, 0);
                return Err(FormatError::Truncated { part, needed, available });
            }
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| FormatError::HeaderNotUtf8 { offset: error.valid_up_to() })?;
        let raw = json::parse(text, limits)?;
        let metadata = unique(raw.metadata.unwrap_or_default())?;
        check_names(&raw.tensors)?;
        let mut tensors = raw.tensors.into_iter().map(check).collect::<Result<Vec<_>, _>>()?;
        tensors.sort_by(|a, b| (a.start, a.end, &a.name).cmp(&(b.start, b.end, &b.name)));
        check_cover(&tensors, data_bytes)?;
        Ok(Self { tensors, metadata })
    }

    /// The tensors in the order of their bytes.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The free-form strings under `__metadata__`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

fn unique(entries: Vec<(String, String)>) -> Result<BTreeMap<String, String>, FormatError> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        if map.contains_key(&key) {
            return Err(FormatError::DuplicateKey { key });
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// The bytes that `shape` elements of `dtype` take; `None` on overflow.
pub(super) fn byte_count(shape: &[usize], dtype: DType) -> Option<u64> {
    shape.iter().try_fold(dtype.size() as u64, |product, &size| product.checked_mul(size as u64))
}

/// The tensor of one entry, whose offsets hold what its shape and dtype need.
fn check(raw: RawTensor) -> Result<TensorInfo, FormatError> {
    let RawTensor { name: tensor, dtype, shape, start, end } = raw;
    let Some(dtype) = DType::from_safetensors_name(&dtype) else {
        return Err(FormatError::UnknownDType { tensor, dtype });
    };
    let Some(held) = end.checked_sub(start) else {
        return Err(FormatError::OffsetsReversed { tensor, start, end });
    };
    let Some(needed) = byte_count(&shape, dtype) else {
        return Err(FormatError::SizeOverflow { tensor });
    };
    if needed != held {
        return Err(FormatError::SizeMismatch { tensor, needed, held });
    }
    Ok(TensorInfo { name: tensor, dtype, shape, start, end })
}

fn check_names(tensors: &[RawTensor]) -> Result<(), FormatError> {
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find_map(|pair| pair.first().filter(|name| pair.get(1) == Some(name))) {
        Some(&name) => Err(FormatError::DuplicateKey { key: name.to_owned() }),
        None => Ok(()),
    }
}

fn check_cover(tensors: &[TensorInfo], data_bytes: u64) -> Result<(), FormatError> {
    let mut expected = 0;
    for TensorInfo { name, start, end, .. } in tensors {
        if *start != expected {
            return Err(FormatError::NotContiguous {
                tensor: name.clone(),
                start: *start,
                expected,
            });
        }
        expected = *end;
    }
    match data_bytes.checked_sub(expected) {
        Some(0) => Ok(()),
        Some(count) => Err(FormatError::TrailingBytes { count }),
        None => Err(FormatError::Truncated {
            part: "the data section",
            needed: expected,
            available: data_bytes,
        }),
    }
}
