//! The header's JSON, bounded while it is read: counts and ranks are checked before they are kept.

use std::cell::Cell;
use std::fmt;

use ferrule_base::Limits;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::METADATA_KEY;
use crate::FormatError;
use crate::text::{printable, shown};

/// One tensor's entry as the header has it, not yet checked against the others.
#[derive(Debug)]
pub(super) struct RawTensor {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The header's entries in the order of the file.
#[derive(Debug, Default)]
pub(super) struct RawHeader {
    pub(super) metadata: Option<Vec<(String, String)>>,
    pub(super) tensors: Vec<RawTensor>,
}

/// Reads the JSON text of a header.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<RawHeader, FormatError> {
    let guard = Guard::new(limits);
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(HeaderVisitor(&guard))
        .and_then(|header| json.end().map(|()| header))
        .map_err(|error| {
            let detail = printable(&error.to_string());
            guard.fault().unwrap_or(FormatError::HeaderJson { detail })
        })
}

/// The limits, and the typed error that a visitor stopped with: serde's own carry only text.
pub(super) struct Guard<'a> {
    pub(super) limits: &'a Limits,
    fault: Cell<Option<FormatError>>,
}

impl<'a> Guard<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, fault: Cell::new(None) }
    }

    /// The error that a visitor stopped with, if that was one of ours.
    pub(super) fn fault(&self) -> Option<FormatError> {
        self.fault.take()
    }

    pub(super) fn refuse<E: Error>(&self, fault: FormatError) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }

    /// Room for one more of `what` beside the `count` there are, else an error.
    pub(super) fn room<E: Error>(
        &self,
        count: usize,
        max: usize,
        what: &'static str,
    ) -> Result<(), E> {
        if count < max { Ok(()) } else { Err(self.refuse(FormatError::TooMany { what, max })) }
    }
}

struct HeaderVisitor<'a>(&'a Guard<'a>);

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let guard = self.0;
        let mut header = RawHeader::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == METADATA_KEY {
                if header.metadata.is_some() {
                    return Err(guard.refuse(FormatError::DuplicateKey { key }));
                }
                header.metadata = Some(map.next_value_seed(Seed(MetadataVisitor(guard)))?);
            } else {
                guard.room(header.tensors.len(), guard.limits.artifact_tensors_max, "tensors")?;
                header.tensors.push(map.next_value_seed(Seed(TensorVisitor(guard, key)))?);
            }
        }
        Ok(header)
    }
}

struct MetadataVisitor<'a>(&'a Guard<'a>);

impl<'de> Visitor<'de> for MetadataVisitor<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings under __metadata__")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            self.0.room(entries.len(), METADATA_ENTRIES_MAX, "__metadata__ entries")?;
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// Most entries under `__metadata__`: keeps what the header makes us allocate near its own size.
const METADATA_ENTRIES_MAX: usize = 65_536;

struct TensorVisitor<'a>(&'a Guard<'a>, String);

impl<'de> Visitor<'de> for TensorVisitor<'_> {
    type Value = RawTensor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with dtype, shape and data_offsets for tensor {}", shown(&self.1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTensor, A::Error> {
        let (mut dtype, mut shape, mut offsets) = (None, None, None);
        while let Some(field) = map.next_key::<String>()? {
            let twice = match field.as_str() {
                "dtype" => dtype.replace(map.next_value::<String>()?).is_some(),
                "shape" => {
                    shape.replace(map.next_value_seed(Seed(ShapeVisitor(self.0)))?).is_some()
                }
                "data_offsets" => offsets.replace(map.next_value::<[u64; 2]>()?).is_some(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    let text = format!(
                        "tensor {} has the unknown field {}",
                        shown(&self.1),
                        shown(&field)
                    );
                    return Err(A::Error::custom(text));
                }
            };
            if twice {
                return Err(self.0.refuse(FormatError::DuplicateKey { key: field }));
            }
        }
        let [start, end] = offsets.ok_or_else(|| A::Error::missing_field("data_offsets"))?;
        Ok(RawTensor {
            name: self.1,
            dtype: dtype.ok_or_else(|| A::Error::missing_field("dtype"))?,
            shape: shape.ok_or_else(|| A::Error::missing_field("shape"))?,
            start,
            end,
        })
    }
}

struct ShapeVisitor<'a>(&'a Guard<'a>);

impl<'de> Visitor<'de> for ShapeVisitor<'_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of dimensions, each an integer of at least 0")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<usize>, A::Error> {
        let mut shape = Vec::new();
        while let Some(size) = seq.next_element()? {
            self.0.room(shape.len(), self.0.limits.rank_max, "dimensions in a tensor")?;
            shape.push(size);
        }
        Ok(shape)
    }
}

/// Runs a visitor on whatever comes next, so that it alone says which JSON types it takes.
pub(super) struct Seed<V>(pub(super) V);

impl<'de, V: Visitor<'de>> serde::de::DeserializeSeed<'de> for Seed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}
