//! The first eight bytes: what the file is, and of which version.

use super::MAGIC;
use crate::{FormatError, foreign};

/// Bytes of the magic and the version.
pub(super) const BYTES: usize = 8;

/// Whether this is a GGUF file of a version and a byte order that are read here.
pub(super) fn check(bytes: &[u8]) -> Result<(), FormatError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(FormatError::NotGguf { found: beginning(bytes) });
    };
    let Some(version) = rest.first_chunk() else {
        let missing = BYTES.saturating_sub(bytes.len()) as u64;
        return Err(FormatError::EndsEarly { part: "the version", missing });
    };
    match (u32::from_le_bytes(*version), u32::from_be_bytes(*version)) {
        (2 | 3, _) => Ok(()),
        (_, 1..=3) => Err(FormatError::BigEndian),
        (version, _) => Err(FormatError::GgufVersion { version }),
    }
}

/// What a file that is none of ours begins with.
fn beginning(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "it is empty".to_owned();
    }
    match foreign::recognise(bytes) {
        Some(foreign) => format!("it is {}", foreign.name),
        None => {
            let start = bytes.get(..4).unwrap_or(bytes).escape_ascii();
            format!("it begins with \"{start}\" instead of \"GGUF\"")
        }
    }
}
