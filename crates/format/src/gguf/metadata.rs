//! The keys and their values.

use super::cursor::Cursor;
use super::twice;
use super::value::{self, Value};
use crate::FormatError;

/// Most entries. Models have some dozens; what they make us allocate stays near 4 MiB.
const ENTRIES_MAX: usize = 65_536;

/// Bytes of the least entry: an empty key and one byte.
const ENTRY_BYTES_MIN: u64 = 8 + 4 + 1;

/// Reads `count` entries, and gives them in the order of their keys.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    count: u64,
) -> Result<Vec<(&'a str, Value<'a>)>, FormatError> {
    cursor.room(count, ENTRY_BYTES_MIN, "the metadata")?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= ENTRIES_MAX)
        .ok_or(FormatError::TooMany { what: "metadata entries", max: ENTRIES_MAX })?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let key = cursor.name("a key of the metadata")?;
        entries.push((key, value::read(cursor, key)?));
    }
    entries.sort_unstable_by_key(|entry| entry.0);
    match twice(&entries, |entry| entry.0) {
        Some(key) => Err(FormatError::DuplicateKey { key: key.to_owned() }),
        None => Ok(entries),
    }
}

/// What offsets of tensors are multiples of, bytes.
pub(super) fn alignment(entries: &[(&str, Value<'_>)]) -> Result<u64, FormatError> {
    const KEY: &str = "general.alignment";
    const DEFAULT: u64 = 32;
    let Some((_, value)) = entries.iter().find(|entry| entry.0 == KEY) else {
        return Ok(DEFAULT);
    };
    match value {
        Value::Integer(value) => u32::try_from(*value).ok(),
        _ => None,
    }
    .filter(|value| value.is_power_of_two())
    .map(u64::from)
    .ok_or_else(|| FormatError::Alignment { found: value.to_string() })
}
