//! Reads forward through bytes and never past their end.

use crate::FormatError;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    max: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at byte `at`; nothing after byte `max` is read.
    pub(super) fn new(bytes: &'a [u8], at: usize, max: usize) -> Self {
        Self { bytes, at, max }
    }

    /// The place of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next `count` bytes, which are `part` of the file.
    pub(super) fn take(&mut self, count: u64, part: &'static str) -> Result<&'a [u8], FormatError> {
        let end = (self.at as u64).saturating_add(count);
        let have = self.bytes.len() as u64;
        if let Some(missing) = end.checked_sub(have).filter(|missing| *missing > 0) {
            return Err(FormatError::EndsEarly { part, missing });
        }
        if end > self.max as u64 {
            return Err(FormatError::HeaderTooLarge { size: end, max: self.max });
        }
        // What ends in a slice has an end that is a `usize`.
        let taken = self.bytes.get(self.at..end as usize).unwrap_or_default();
        self.at = end as usize;
        Ok(taken)
    }

    /// Bytes for `count` things of at least `least` bytes each, which are `part` of the file, must be left.
    pub(super) fn room(
        &self,
        count: u64,
        least: u64,
        part: &'static str,
    ) -> Result<(), FormatError> {
        let left = self.bytes.len().saturating_sub(self.at) as u64;
        match count.saturating_mul(least).checked_sub(left) {
            None | Some(0) => Ok(()),
            Some(missing) => Err(FormatError::EndsEarly { part, missing }),
        }
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        part: &'static str,
    ) -> Result<[u8; N], FormatError> {
        let taken = self.take(N as u64, part)?;
        Ok(taken.first_chunk().copied().unwrap_or([0; N]))
    }

    pub(super) fn u32(&mut self, part: &'static str) -> Result<u32, FormatError> {
        self.array(part).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, part: &'static str) -> Result<u64, FormatError> {
        self.array(part).map(u64::from_le_bytes)
    }

    /// A string, whatever its bytes: its length in front.
    pub(super) fn string(&mut self, part: &'static str) -> Result<&'a [u8], FormatError> {
        let length = self.u64(part)?;
        self.take(length, part)
    }

    /// The bytes of `count` strings, one after the other. Hostile files have millions of them, so that
    /// this takes few instructions a string.
    pub(super) fn strings(
        &mut self,
        count: u64,
        part: &'static str,
    ) -> Result<&'a [u8], FormatError> {
        let all = self.bytes.get(..self.max).unwrap_or(self.bytes);
        let all = all.get(self.at..).unwrap_or_default();
        let mut left = all;
        for _ in 0..count {
            match after_string(left) {
                Some(after) => left = after,
                None => {
                    self.at = self.at.saturating_add(all.len().saturating_sub(left.len()));
                    return self.string(part);
                }
            }
        }
        self.take(all.len().saturating_sub(left.len()) as u64, part)
    }

    /// A name, which is short and UTF-8.
    pub(super) fn name(&mut self, part: &'static str) -> Result<&'a str, FormatError> {
        let bytes = self.string(part)?;
        if bytes.len() > NAME_BYTES_MAX {
            return Err(FormatError::NameTooLong { part, size: bytes.len(), max: NAME_BYTES_MAX });
        }
        std::str::from_utf8(bytes).map_err(|_| FormatError::NotUtf8 { part })
    }
}

/// What follows the string that `bytes` begin with; `None` where it does not end in them.
#[inline]
fn after_string(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(usize::try_from(u64::from_le_bytes(*length)).ok()?..)
}

/// Longest key or name of a tensor, bytes. ggml has tensors of at most 63; keys are of that order.
const NAME_BYTES_MAX: usize = 256;
