//! The index of a model in several files: which of them holds which tensor.

use std::collections::BTreeMap;
use std::fmt;

use ferrule_base::Limits;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::json::{Guard, Seed};
use crate::FormatError;
use crate::text::printable;

/// Where each tensor of a model in several files is: a `model.safetensors.index.json`, as Hugging Face's
/// libraries write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    files: Vec<String>,
    tensors: BTreeMap<String, usize>,
}

impl Index {
    /// Reads the JSON text of an index. Every file must be one beside the index: its name has no folder.
    ///
    /// # Errors
    /// [`FormatError`] where the text is no index, has a tensor twice, passes a limit, or names a file that lies
    /// elsewhere.
    ///
    /// # Examples
    /// ```
    /// use ferrule_base::Limits;
    /// use ferrule_format::safetensors::Index;
    ///
    /// let json = br#"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#;
    /// let index = Index::parse(json, &Limits::default())?;
    /// assert_eq!(index.file_of("b"), Some("model-2.safetensors"));
    /// # Ok::<(), ferrule_format::FormatError>(())
    /// ```
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, FormatError> {
        let max = limits.artifact_header_bytes_max;
        if bytes.len() > max {
            return Err(FormatError::HeaderTooLarge { size: bytes.len() as u64, max });
        }
        let guard = Guard::new(limits);
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let entries = json
            .deserialize_map(IndexVisitor(&guard))
            .and_then(|entries| json.end().map(|()| entries))
            .map_err(|error| {
                let detail = printable(&error.to_string());
                guard.fault().unwrap_or(FormatError::IndexJson { detail })
            })?;
        Self::new(entries)
    }

    fn new(entries: Vec<(String, String)>) -> Result<Self, FormatError> {
        let mut index = Self::default();
        let mut places = BTreeMap::new();
        for (tensor, file) in entries {
            if !is_beside(&file) {
                return Err(FormatError::ShardName { tensor, file });
            }
            let next = index.files.len();
            let place = *places.entry(file).or_insert_with_key(|file| {
                index.files.push(file.clone());
                next
            });
            if index.tensors.contains_key(&tensor) {
                return Err(FormatError::DuplicateTensor { tensor });
            }
            index.tensors.insert(tensor, place);
        }
        Ok(index)
    }

    /// The names of the files, in the order in which the index first names them.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The names of the tensors, in order.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The file that holds `tensor`.
    pub fn file_of(&self, tensor: &str) -> Option<&str> {
        self.files.get(*self.tensors.get(tensor)?).map(String::as_str)
    }
}

/// Whether `file` names a file in the folder of the index, and nothing else on any system.
fn is_beside(file: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':');
    file.ends_with(".safetensors") && !file.starts_with('.') && file.chars().all(plain)
}

struct IndexVisitor<'a>(&'a Guard<'a>);

impl<'de> Visitor<'de> for IndexVisitor<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a weight_map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "weight_map" {
                map.next_value::<IgnoredAny>()?;
            } else if entries.is_some() {
                return Err(self.0.refuse(FormatError::DuplicateKey { key }));
            } else {
                entries = Some(map.next_value_seed(Seed(WeightMapVisitor(self.0)))?);
            }
        }
        entries.ok_or_else(|| A::Error::missing_field("weight_map"))
    }
}

struct WeightMapVisitor<'a>(&'a Guard<'a>);

impl<'de> Visitor<'de> for WeightMapVisitor<'_> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of file names under weight_map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            self.0.room(entries.len(), self.0.limits.artifact_tensors_max, "tensors")?;
            entries.push(entry);
        }
        Ok(entries)
    }
}
