//! Thrift's compact protocol, as far as Parquet uses it: structures whose unknown fields are skipped.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use super::ParquetError;
use super::error::damaged;

pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const I8: u8 = 3;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const DOUBLE: u8 = 7;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;

/// Deepest nesting that is skipped; Parquet's own is less than ten.
const DEPTH_MAX: u32 = 32;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thrift<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    /// Reads the fields of a structure to its end. `on_field(self, id, kind)` reads the field's value and
    /// returns true, or leaves it to be skipped and returns false.
    pub(super) fn structure(
        &mut self,
        mut on_field: impl FnMut(&mut Self, i16, u8) -> Result<bool, ParquetError>,
    ) -> Result<(), ParquetError> {
        self.nested(0, &mut on_field)
    }

    fn nested(
        &mut self,
        depth: u32,
        on_field: &mut impl FnMut(&mut Self, i16, u8) -> Result<bool, ParquetError>,
    ) -> Result<(), ParquetError> {
        let mut id = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let (step, kind) = (head >> 4, head & 0x0f);
            let next = match step {
                0 => i16::try_from(self.int()?).ok(),
                step => id.checked_add(i16::from(step)),
            };
            id = next.ok_or_else(|| damaged("the number of a field overflows"))?;
            if !on_field(self, id, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    /// Reads a list, each element by `on_element(self, kind)`.
    pub(super) fn list(
        &mut self,
        mut on_element: impl FnMut(&mut Self, u8) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let kind = self.rest.first().copied().unwrap_or(0) & 0x0f;
        let count = self.list_length()?;
        (0..count).try_for_each(|_| on_element(self, kind))
    }

    /// Reads the head of a list and returns how many elements follow.
    pub(super) fn list_length(&mut self) -> Result<u64, ParquetError> {
        let count = match self.byte()? >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Each element takes a byte at least, so that the list cannot be longer than what is left.
        if count > self.rest.len() as u64 {
            return Err(ParquetError::Truncated { part: "a list" });
        }
        Ok(count)
    }

    /// Reads a signed integer of any width beyond 8 bits.
    pub(super) fn int(&mut self) -> Result<i64, ParquetError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ ((value & 1) as i64).wrapping_neg())
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], ParquetError> {
        let length = self.varint()?;
        self.take(length)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, ParquetError> {
        let (&byte, rest) = self.rest.split_first().ok_or(END)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, ParquetError> {
        match self.byte()? {
            byte @ ..0x80 => Ok(byte.into()),
            byte => self.long_varint(byte),
        }
    }

    fn long_varint(&mut self, first: u8) -> Result<u64, ParquetError> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("an integer is longer than 64 bits"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], ParquetError> {
        let length = usize::try_from(length).map_err(|_| END)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(END)?;
        self.rest = rest;
        Ok(taken)
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Result<(), ParquetError> {
        let depth = depth.saturating_add(1);
        if depth > DEPTH_MAX {
            return Err(damaged("structures are nested too deep"));
        }
        match kind {
            TRUE | FALSE => Ok(()),
            I8 => self.byte().map(drop),
            4..=I64 => self.varint().map(drop),
            DOUBLE => self.take(8).map(drop),
            BINARY => self.binary().map(drop),
            LIST | SET => self.list(|this, kind| this.skip_element(kind, depth)),
            MAP => self.skip_map(depth),
            STRUCT => {
                self.nested(depth, &mut |this, _, kind| this.skip(kind, depth).map(|()| true))
            }
            _ => Err(damaged("a field has an unknown type")),
        }
    }

    /// Skips an element of a collection, where even a truth value takes a byte.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Result<(), ParquetError> {
        if matches!(kind, TRUE | FALSE) { self.byte().map(drop) } else { self.skip(kind, depth) }
    }

    fn skip_map(&mut self, depth: u32) -> Result<(), ParquetError> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        if count > self.rest.len() as u64 {
            return Err(ParquetError::Truncated { part: "a map" });
        }
        let kinds = self.byte()?;
        (0..count).try_for_each(|_| {
            self.skip_element(kinds >> 4, depth)?;
            self.skip_element(kinds & 0x0f, depth)
        })
    }
}

const END: ParquetError = ParquetError::Truncated { part: "a structure" };
