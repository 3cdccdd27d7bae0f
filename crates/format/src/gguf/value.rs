//! What stands under a key.

use std::fmt;

use super::cursor::Cursor;
use crate::FormatError;
use crate::text::shown;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the name of the type")]
pub enum ValueKind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Str,
    Array,
    U64,
    I64,
    F64,
}

impl ValueKind {
    /// The kind that GGUF numbers `number`.
    fn from_gguf(number: u32) -> Option<Self> {
        use ValueKind::{Array, Bool, F32, F64, I8, I16, I32, I64, Str, U8, U16, U32, U64};
        const KINDS: [ValueKind; 13] =
            [U8, I8, U16, I16, U32, I32, F32, Bool, Str, Array, U64, I64, F64];
        KINDS.get(usize::try_from(number).ok()?).copied()
    }

    /// Bytes of a value, or the least of them.
    fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::Str | Self::U64 | Self::I64 | Self::F64 => 8,
            Self::Array => 12,
        }
    }
}

/// The value of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of any width, signed or not.
    Integer(i128),
    /// Of either width.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Str(&'a str),
    /// Values of one kind.
    Array(Array<'a>),
}

impl fmt::Display for Value<'_> {
    /// As a person would write it; long texts are cut, and arrays are their kind and length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Str(text) => f.write_str(&shown(text)),
            Self::Array(array) => write!(f, "{array:?}"),
        }
    }
}

/// Values of one kind, as they lie in the file.
#[derive(Clone, Copy, PartialEq)]
pub struct Array<'a> {
    kind: ValueKind,
    len: usize,
    bytes: &'a [u8],
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}; {}]", self.kind, self.len)
    }
}

impl<'a> Array<'a> {
    /// How each value is stored.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The strings, where it is of strings. They need not be UTF-8: the parts of a vocabulary may be any bytes.
    pub fn strings(&self) -> Option<Strings<'a>> {
        (self.kind == ValueKind::Str).then_some(Strings { rest: self.bytes })
    }

    /// The floats, where it is of floats of 32 bits.
    pub fn f32s(&self) -> Option<impl ExactSizeIterator<Item = f32> + use<'a>> {
        let numbers = self.bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number));
        (self.kind == ValueKind::F32).then_some(numbers)
    }

    /// The integers, where it is of integers of 32 bits, all of which an `i32` holds.
    pub fn i32s(&self) -> Option<impl ExactSizeIterator<Item = i32> + use<'a>> {
        let numbers = self.bytes.as_chunks().0.iter().map(|number| i32::from_le_bytes(*number));
        let fit = match self.kind {
            ValueKind::I32 => true,
            ValueKind::U32 => numbers.clone().all(|number| number >= 0),
            _ => false,
        };
        fit.then_some(numbers)
    }

    /// The truth values, where it is of those.
    pub fn bools(&self) -> Option<impl ExactSizeIterator<Item = bool> + use<'a>> {
        (self.kind == ValueKind::Bool).then_some(self.bytes.iter().map(|byte| *byte != 0))
    }
}

/// The strings of an array.
#[derive(Clone, Debug)]
pub struct Strings<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(string)
    }
}

/// Reads the value of `key`: its kind, and then itself.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, key: &str) -> Result<Value<'a>, FormatError> {
    const PART: &str = "a value of the metadata";
    Ok(match kind(cursor, key)? {
        ValueKind::U8 => Value::Integer(u8::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::I8 => Value::Integer(i8::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::U16 => Value::Integer(u16::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::I16 => Value::Integer(i16::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::U32 => Value::Integer(cursor.u32(PART)?.into()),
        ValueKind::I32 => Value::Integer(i32::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::U64 => Value::Integer(cursor.u64(PART)?.into()),
        ValueKind::I64 => Value::Integer(i64::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::F32 => Value::Float(f32::from_le_bytes(cursor.array(PART)?).into()),
        ValueKind::F64 => Value::Float(f64::from_le_bytes(cursor.array(PART)?)),
        ValueKind::Bool => {
            let [byte] = cursor.array(PART)?;
            check_bools(&[byte], key)?;
            Value::Bool(byte != 0)
        }
        ValueKind::Str => {
            let text = std::str::from_utf8(cursor.string(PART)?);
            Value::Str(text.map_err(|_| FormatError::NotUtf8 { part: PART })?)
        }
        ValueKind::Array => Value::Array(read_array(cursor, key)?),
    })
}

fn kind(cursor: &mut Cursor<'_>, key: &str) -> Result<ValueKind, FormatError> {
    let number = cursor.u32("the type of a value")?;
    let unknown = || FormatError::UnknownValueType { key: key.to_owned(), number };
    ValueKind::from_gguf(number).ok_or_else(unknown)
}

/// Finds the end of an array. One of arrays is refused: no model has one, and depth is for attackers.
fn read_array<'a>(cursor: &mut Cursor<'a>, key: &str) -> Result<Array<'a>, FormatError> {
    const PART: &str = "an array of the metadata";
    let kind = kind(cursor, key)?;
    let count = cursor.u64(PART)?;
    cursor.room(count, kind.bytes(), PART)?;
    let bytes = match kind {
        ValueKind::Array => return Err(FormatError::NestedArray { key: key.to_owned() }),
        ValueKind::Str => cursor.strings(count, PART)?,
        _ => cursor.take(count.saturating_mul(kind.bytes()), PART)?,
    };
    if kind == ValueKind::Bool {
        check_bools(bytes, key)?;
    }
    // There is a byte for each, so that the count is a `usize`.
    Ok(Array { kind, len: count as usize, bytes })
}

fn check_bools(bytes: &[u8], key: &str) -> Result<(), FormatError> {
    match bytes.iter().find(|byte| **byte > 1) {
        None => Ok(()),
        Some(byte) => Err(FormatError::NotABool { key: key.to_owned(), byte: *byte }),
    }
}
