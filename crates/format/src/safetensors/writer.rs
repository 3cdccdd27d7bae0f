//! The bytes in front of the data, in one canonical form.

use std::collections::BTreeMap;

use ferrule_base::DType;

use super::header::byte_count;
use super::{METADATA_KEY, PREFIX_BYTES};
use crate::FormatError;

/// What a file is to hold: a tensor's name, dtype and shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpec<'a> {
    /// Its name; unique in the file.
    pub name: &'a str,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: &'a [usize],
}

/// Where each byte of a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Indices into the specs, in the order in which the tensors' bytes follow.
    pub order: Vec<usize>,
    /// The tensors' part of the header: canonical JSON, without `__metadata__`.
    pub tensors_json: String,
    /// Bytes of the data section.
    pub data_bytes: u64,
}

/// Lays out `specs`: widest elements first, then by name, so that each tensor is aligned to its
/// element size and equal contents give equal files.
///
/// # Errors
/// [`FormatError::Unwritable`] for `BYTES`, a name that is reserved or stands twice, or an overflow.
pub fn layout(specs: &[TensorSpec<'_>]) -> Result<Layout, FormatError> {
    let mut entries: Vec<(usize, &TensorSpec<'_>)> = specs.iter().enumerate().collect();
    entries.sort_by_key(|(_, spec)| (std::cmp::Reverse(spec.dtype.size()), spec.name));
    let mut json = String::from("{");
    let mut seen = std::collections::BTreeSet::new();
    let mut data_bytes = 0u64;
    for (_, spec) in &entries {
        if !seen.insert(spec.name) || spec.name == METADATA_KEY {
            return Err(unwritable(spec, "its name is taken"));
        }
        let dtype = spec.dtype.safetensors_name();
        let dtype = dtype.ok_or_else(|| unwritable(spec, "safetensors has no such dtype"))?;
        let end = byte_count(spec.shape, spec.dtype).and_then(|n| data_bytes.checked_add(n));
        let end = end.ok_or_else(|| unwritable(spec, "its size overflows"))?;
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&format!(
            "{}:{{\"dtype\":\"{dtype}\",\"shape\":{},\"data_offsets\":[{data_bytes},{end}]}}",
            quoted(spec.name),
            dimensions(spec.shape),
        ));
        data_bytes = end;
    }
    json.push('}');
    let order = entries.iter().map(|&(index, _)| index).collect();
    Ok(Layout { order, tensors_json: json, data_bytes })
}

impl Layout {
    /// The length field and the header, with `metadata` in front and padded with spaces so that
    /// the data begins at a multiple of 8.
    pub fn head(&self, metadata: &BTreeMap<String, String>) -> Vec<u8> {
        let mut json = format!("{{\"{METADATA_KEY}\":{{");
        for (index, (key, value)) in metadata.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            json.push_str(&format!("{comma}{}:{}", quoted(key), quoted(value)));
        }
        json.push('}');
        let tensors = self.tensors_json.strip_prefix('{').unwrap_or_default();
        json.push_str(if tensors == "}" { "" } else { "," });
        json.push_str(tensors);
        let padded = json.len().next_multiple_of(PREFIX_BYTES);
        json.extend(std::iter::repeat_n(' ', padded.saturating_sub(json.len())));
        let mut head = (json.len() as u64).to_le_bytes().to_vec();
        head.extend_from_slice(json.as_bytes());
        head
    }
}

fn unwritable(spec: &TensorSpec<'_>, detail: &str) -> FormatError {
    FormatError::Unwritable { tensor: spec.name.to_owned(), detail: detail.to_owned() }
}

fn dimensions(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}

/// `text` as a JSON string with the fewest escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
