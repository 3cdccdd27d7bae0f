//! Thrift's compact protocol, as far as Parquet uses it: structures whose unknown fields are skipped.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use super::ParquetError;

const STOP: u8 = 0;
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
/// Bytes of the longest integer, of 64 bits.
const VARINT_MAX: usize = 10;

/// What is wrong with bytes: a byte itself, as it comes back with each that is read, and a footer has
/// hundreds of thousands of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    End,
    LongList,
    LongMap,
    LongInteger,
    FieldNumber,
    FieldKind,
    Depth,
}

impl From<Fault> for ParquetError {
    fn from(fault: Fault) -> Self {
        let cut = |part| Self::Truncated { part };
        let damaged = |detail| Self::Damaged { detail };
        match fault {
            Fault::End => cut("a structure"),
            Fault::LongList => cut("a list"),
            Fault::LongMap => cut("a map"),
            Fault::LongInteger => damaged("an integer is longer than 64 bits"),
            Fault::FieldNumber => damaged("the number of a field overflows"),
            Fault::FieldKind => damaged("a field has an unknown type"),
            Fault::Depth => damaged("structures are nested too deep"),
        }
    }
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thrift<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    /// Reads the fields of a structure to its end. `on_field(self, id, kind)` reads the field's value and
    /// returns true, or leaves it to be skipped and returns false.
    #[inline]
    pub(super) fn structure(
        &mut self,
        mut on_field: impl FnMut(&mut Self, i16, u8) -> Result<bool, ParquetError>,
    ) -> Result<(), ParquetError> {
        // A copy of its own can stay in registers: see `skip`.
        let mut own = *self;
        let mut id = 0;
        loop {
            let kind = own.field(&mut id)?;
            if kind == STOP {
                break;
            }
            if !on_field(&mut own, id, kind)? {
                own.rest = skip(own.rest, kind, 0)?;
            }
        }
        *self = own;
        Ok(())
    }

    /// Reads the head of a field: its kind, [`STOP`] at the end of the structure; `id` goes from the
    /// number of the field before to its own.
    #[inline]
    fn field(&mut self, id: &mut i16) -> Result<u8, Fault> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == STOP {
            return if head == 0 { Ok(STOP) } else { Err(Fault::FieldKind) };
        }
        let next = match head >> 4 {
            0 => i16::try_from(self.int()?).ok(),
            step => id.checked_add(i16::from(step)),
        };
        *id = next.ok_or(Fault::FieldNumber)?;
        Ok(kind)
    }

    /// Reads a list, each element by `on_element(self, kind)`.
    pub(super) fn list(
        &mut self,
        mut on_element: impl FnMut(&mut Self, u8) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let (kind, count) = self.list_head()?;
        (0..count).try_for_each(|_| on_element(self, kind))
    }

    /// Reads the head of a list and returns how many elements follow.
    pub(super) fn list_length(&mut self) -> Result<u64, Fault> {
        Ok(self.list_head()?.1)
    }

    fn list_head(&mut self) -> Result<(u8, u64), Fault> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Each element takes a byte at least, so that the list cannot be longer than what is left.
        if count > self.rest.len() as u64 {
            return Err(Fault::LongList);
        }
        Ok((head & 0x0f, count))
    }

    /// Reads a signed integer of any width beyond 8 bits.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ ((value & 1) as i64).wrapping_neg())
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        self.take(length)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match self.byte()? {
            byte @ ..0x80 => Ok(byte.into()),
            byte => self.long_varint(byte),
        }
    }

    #[inline]
    fn long_varint(&mut self, first: u8) -> Result<u64, Fault> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::LongInteger)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length).map_err(|_| Fault::End)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::End)?;
        self.rest = rest;
        Ok(taken)
    }
}

// What is skipped goes from hand to hand by value, and so stays in registers: by reference, each byte
// would wait for the one before it to be written back to memory.

fn skip(rest: &[u8], kind: u8, depth: u32) -> Result<&[u8], Fault> {
    let depth = depth.saturating_add(1);
    if depth > DEPTH_MAX {
        return Err(Fault::Depth);
    }
    match kind {
        TRUE | FALSE => Ok(rest),
        I8 => skip_bytes(rest, 1),
        4..=I64 => skip_varint(rest),
        DOUBLE => skip_bytes(rest, 8),
        BINARY => {
            let mut thrift = Thrift { rest };
            thrift.binary()?;
            Ok(thrift.rest)
        }
        LIST | SET => {
            let mut thrift = Thrift { rest };
            let (kind, count) = thrift.list_head()?;
            (0..count).try_fold(thrift.rest, |rest, _| skip_element(rest, kind, depth))
        }
        MAP => skip_map(rest, depth),
        STRUCT => skip_structure(rest, depth),
        _ => Err(Fault::FieldKind),
    }
}

fn skip_structure(rest: &[u8], depth: u32) -> Result<&[u8], Fault> {
    let mut thrift = Thrift { rest };
    loop {
        // The numbers of fields that are skipped do not matter.
        let kind = thrift.field(&mut 0)?;
        thrift.rest = match kind {
            STOP => return Ok(thrift.rest),
            TRUE | FALSE => thrift.rest,
            4..=I64 => skip_varint(thrift.rest)?,
            kind => skip(thrift.rest, kind, depth)?,
        };
    }
}

#[inline]
fn skip_varint(rest: &[u8]) -> Result<&[u8], Fault> {
    let mut left = rest;
    for _ in 0..VARINT_MAX {
        let (&byte, after) = left.split_first().ok_or(Fault::End)?;
        left = after;
        if byte < 0x80 {
            return Ok(left);
        }
    }
    Err(Fault::LongInteger)
}

fn skip_bytes(rest: &[u8], count: usize) -> Result<&[u8], Fault> {
    rest.get(count..).ok_or(Fault::End)
}

/// Skips an element of a collection, where even a truth value takes a byte.
fn skip_element(rest: &[u8], kind: u8, depth: u32) -> Result<&[u8], Fault> {
    if matches!(kind, TRUE | FALSE) { skip_bytes(rest, 1) } else { skip(rest, kind, depth) }
}

fn skip_map(rest: &[u8], depth: u32) -> Result<&[u8], Fault> {
    let mut thrift = Thrift { rest };
    let count = thrift.varint()?;
    if count == 0 {
        return Ok(thrift.rest);
    }
    if count > thrift.rest.len() as u64 {
        return Err(Fault::LongMap);
    }
    let kinds = thrift.byte()?;
    (0..count).try_fold(thrift.rest, |rest, _| {
        let rest = skip_element(rest, kinds >> 4, depth)?;
        skip_element(rest, kinds & 0x0f, depth)
    })
}
