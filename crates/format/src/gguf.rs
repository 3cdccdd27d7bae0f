//! GGUF, versions 2 and 3, little-endian: metadata, a table of tensors, and the tensors' bytes.
//!
//! Nothing is copied: names, strings, arrays and tensors are views of the file. The reader refuses what two
//! readers could understand in two ways: a key or a tensor that stands twice, tensors that overlap or leave
//! holes, bytes behind the last of them.
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

mod cursor;
mod metadata;
mod start;
mod table;
mod value;

use ferrule_base::Limits;

pub use table::Tensor;
pub use value::{Array, Value, ValueKind};

use crate::FormatError;
use cursor::Cursor;

/// The first bytes of a file.
pub const MAGIC: &[u8; 4] = b"GGUF";

/// A file whose metadata and table have been checked.
#[derive(Clone, Debug)]
pub struct Gguf<'a> {
    header: &'a [u8],
    /// In the order of the keys.
    metadata: Vec<(&'a str, Value<'a>)>,
    /// In the order of the file.
    tensors: Vec<Tensor<'a>>,
    /// Places in `tensors`, in the order of the names.
    by_name: Vec<usize>,
}

impl<'a> Gguf<'a> {
    /// Checks `bytes`, a whole GGUF file. Arrays are walked once; of the tensors no byte is looked at.
    ///
    /// # Errors
    /// [`FormatError`] for whatever rule of the format it breaks, and for kinds of weights that are not
    /// read here.
    ///
    /// # Examples
    /// ```
    /// use ferrule_base::Limits;
    /// use ferrule_format::gguf::Gguf;
    ///
    /// let mut file = b"GGUF\x03\0\0\0".to_vec();
    /// file.extend([0u64, 1].map(u64::to_le_bytes).as_flattened()); // no tensors, one key
    /// file.extend(20u64.to_le_bytes());
    /// file.extend(b"general.architecture");
    /// file.extend(8u32.to_le_bytes()); // a string
    /// file.extend(5u64.to_le_bytes());
    /// file.extend(b"llama");
    /// let gguf = Gguf::parse(&file, &Limits::default())?;
    /// assert_eq!(gguf.str("general.architecture"), Some("llama"));
    /// # Ok::<(), ferrule_format::FormatError>(())
    /// ```
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, FormatError> {
        start::check(bytes)?;
        let mut cursor = Cursor::new(bytes, start::BYTES, limits.gguf_header_bytes_max);
        let tensor_count = cursor.u64("the count of tensors")?;
        let entry_count = cursor.u64("the count of metadata entries")?;
        let metadata = metadata::read(&mut cursor, entry_count)?;
        let alignment = metadata::alignment(&metadata)?;
        let mut tensors = table::read(&mut cursor, tensor_count, limits)?;
        table::place(&mut tensors, bytes, cursor.at(), alignment)?;
        let by_name = table::by_name(&tensors)?;
        let header = bytes.get(..cursor.at()).unwrap_or_default();
        Ok(Self { header, metadata, tensors, by_name })
    }

    /// All that stands in front of the tensors' bytes, for a hash that knows the file again.
    pub fn header(&self) -> &'a [u8] {
        self.header
    }

    /// The metadata in the order of its keys.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = (&'a str, Value<'a>)> {
        self.metadata.iter().copied()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let place = self.metadata.binary_search_by_key(&key, |entry| entry.0).ok()?;
        self.metadata.get(place).map(|entry| entry.1)
    }

    /// The value of `key` where it is an integer of any width from 0 to [`u32::MAX`].
    pub fn u32(&self, key: &str) -> Option<u32> {
        match self.get(key)? {
            Value::Integer(value) => u32::try_from(value).ok(),
            _ => None,
        }
    }

    /// The value of `key` where it is a float.
    pub fn f32(&self, key: &str) -> Option<f32> {
        match self.get(key)? {
            Value::Float(value) => Some(value as f32),
            _ => None,
        }
    }

    /// The value of `key` where it is true or false.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value of `key` where it is a string.
    pub fn str(&self, key: &str) -> Option<&'a str> {
        match self.get(key)? {
            Value::Str(value) => Some(value),
            _ => None,
        }
    }

    /// The value of `key` where it is an array.
    pub fn array(&self, key: &str) -> Option<Array<'a>> {
        match self.get(key)? {
            Value::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The tensors in the order of their bytes.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &Tensor<'a>> {
        self.tensors.iter()
    }

    /// The tensor called `name`.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        let named = |place: &usize| self.tensors.get(*place).map(|tensor| tensor.name);
        let found = self.by_name.binary_search_by_key(&Some(name), named).ok()?;
        self.tensors.get(*self.by_name.get(found)?)
    }
}

/// The first name that two neighbours of `ordered` have.
fn twice<T, N: PartialEq>(ordered: &[T], name: impl Fn(&T) -> N) -> Option<N> {
    let names = ordered.iter().map(&name);
    names.zip(ordered.iter().skip(1).map(&name)).find(|(a, b)| a == b).map(|pair| pair.0)
}
