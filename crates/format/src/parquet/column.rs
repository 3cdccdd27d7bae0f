//! One column: pages to numbers.

use super::error::damaged;
use super::hybrid::Hybrid;
use super::metadata::{Chunk, Column, Kind};
use super::page::{self, Page, PageKind};
use super::{ParquetError, Rows, Scratch};
use crate::Real;

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE_DICTIONARY: i64 = 8;
const BYTE_STREAM_SPLIT: i64 = 9;
const UNCOMPRESSED: i64 = 0;
const SNAPPY: i64 = 1;
/// Snappy makes at most this much of a byte, so that a false size costs no memory.
const SNAPPY_RATIO_MAX: usize = 64;

pub(super) fn read<T: Real>(
    rows: &Rows<'_>,
    column: usize,
    out: &mut [T],
    scratch: &mut Scratch<T>,
) -> Result<(), ParquetError> {
    let described = rows.metadata.columns.get(column);
    let described = described.ok_or_else(|| damaged("there is no such column"))?;
    read_groups(rows, column, described, out, scratch).map_err(|error| ParquetError::InColumn {
        name: described.name.clone(),
        error: Box::new(error),
    })
}

fn read_groups<T: Real>(
    rows: &Rows<'_>,
    column: usize,
    described: &Column,
    mut out: &mut [T],
    scratch: &mut Scratch<T>,
) -> Result<(), ParquetError> {
    let kind = described.kind.ok_or(ParquetError::Unsupported { what: "its type" })?;
    let mut skip = rows.first;
    for group in &rows.groups {
        if skip >= group.rows {
            skip = skip.saturating_sub(group.rows);
            continue;
        }
        let held = usize::try_from(group.rows.saturating_sub(skip)).unwrap_or(usize::MAX);
        let (part, after) = out.split_at_mut_checked(held.min(out.len())).unwrap_or_default();
        let chunk = group.chunks.get(column).ok_or_else(|| damaged("a column has no chunk"))?;
        let task = Task { kind, optional: described.optional, codec: chunk.codec };
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
        task.read(chunk_bytes(rows.file, chunk)?, skipped, part, scratch)?;
        (out, skip) = (after, 0);
        if out.is_empty() {
            break;
        }
    }
    if out.is_empty() { Ok(()) } else { Err(ParquetError::Truncated { part: "a range of rows" }) }
}

fn chunk_bytes<'a>(file: &'a [u8], chunk: &Chunk) -> Result<&'a [u8], ParquetError> {
    let range = usize::try_from(chunk.start).ok().zip(usize::try_from(chunk.size).ok());
    let bytes = range.and_then(|(start, size)| file.get(start..)?.get(..size));
    bytes.ok_or(ParquetError::Truncated { part: "its values" })
}

/// What all pages of a chunk have in common.
#[derive(Clone, Copy)]
struct Task {
    kind: Kind,
    optional: bool,
    codec: i64,
}

impl Task {
    /// Fills `out` with the rows of a chunk from row `skip` on.
    fn read<T: Real>(
        self,
        mut rest: &[u8],
        mut skip: usize,
        mut out: &mut [T],
        scratch: &mut Scratch<T>,
    ) -> Result<(), ParquetError> {
        scratch.dictionary.clear();
        while !out.is_empty() {
            if rest.is_empty() {
                return Err(ParquetError::Truncated { part: "its last page" });
            }
            let page = page::next(&mut rest)?;
            match page.kind {
                PageKind::Other => {}
                PageKind::Dictionary => self.read_dictionary(page, scratch)?,
                PageKind::Data if skip >= page.values => skip = skip.saturating_sub(page.values),
                PageKind::Data => {
                    let held = page.values.saturating_sub(skip).min(out.len());
                    let (part, after) = out.split_at_mut_checked(held).unwrap_or_default();
                    self.read_data(page, skip, part, scratch)?;
                    (out, skip) = (after, 0);
                }
            }
        }
        Ok(())
    }

    fn read_dictionary<T: Real>(
        self,
        page: Page<'_>,
        scratch: &mut Scratch<T>,
    ) -> Result<(), ParquetError> {
        let Scratch { page: room, dictionary } = scratch;
        let bytes = self.plain_bytes(page.body, page.plain_bytes, true, room)?;
        if page.values > bytes.len() {
            return Err(ParquetError::Truncated { part: "its dictionary" });
        }
        dictionary.resize(page.values, T::NAN);
        Plain { kind: self.kind, rest: bytes }.take(dictionary)
    }

    /// Fills `out` with values of one page, from number `skip` on.
    fn read_data<T: Real>(
        self,
        page: Page<'_>,
        skip: usize,
        out: &mut [T],
        scratch: &mut Scratch<T>,
    ) -> Result<(), ParquetError> {
        let Scratch { page: room, dictionary } = scratch;
        let cut = || ParquetError::Truncated { part: "the levels of a page" };
        let (levels, values) = match page.levels_bytes {
            // The second version: levels are never compressed.
            Some(length) => {
                let (levels, body) = page.body.split_at_checked(length).ok_or_else(cut)?;
                let plain = page.plain_bytes.saturating_sub(length);
                (levels, self.plain_bytes(body, plain, page.compressed, room)?)
            }
            None => {
                let bytes = self.plain_bytes(page.body, page.plain_bytes, true, room)?;
                if self.optional { prefixed(bytes).ok_or_else(cut)? } else { (&[][..], bytes) }
            }
        };
        let levels = if self.optional { Some(Hybrid::new(levels, 1)?) } else { None };
        let values = Values::new(self.kind, page.encoding, page.values, values, dictionary)?;
        fill(levels, values, skip, out)
    }

    /// The bytes of a page as they were before compression.
    fn plain_bytes<'a>(
        self,
        bytes: &'a [u8],
        size: usize,
        compressed: bool,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ParquetError> {
        match self.codec {
            UNCOMPRESSED => Ok(bytes),
            _ if !compressed => Ok(bytes),
            SNAPPY => {
                let broken = |_| damaged("a page is not Snappy");
                let length = snap::raw::decompress_len(bytes).map_err(broken)?;
                if length != size || length > bytes.len().saturating_mul(SNAPPY_RATIO_MAX) {
                    return Err(damaged("a page has another size than it says"));
                }
                if room.len() < length {
                    room.resize(length, 0);
                }
                let room = room.get_mut(..length).unwrap_or_default();
                snap::raw::Decoder::new().decompress(bytes, room).map_err(broken)?;
                Ok(room)
            }
            _ => Err(ParquetError::Unsupported { what: "its compression" }),
        }
    }
}

/// Splits off what a length in front announces.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Fills `out` from number `skip` on, with NaN where a level says that the value is missing.
fn fill<T: Real>(
    levels: Option<Hybrid<'_>>,
    mut values: Values<'_, T>,
    mut skip: usize,
    mut out: &mut [T],
) -> Result<(), ParquetError> {
    let Some(mut levels) = levels else {
        values.skip(skip)?;
        return values.take(out);
    };
    while skip > 0 {
        let (level, count) = levels.run(skip)?;
        skip = skip.saturating_sub(count);
        if level == 1 {
            values.skip(count)?;
        }
    }
    while !out.is_empty() {
        let (level, count) = levels.run(out.len())?;
        let (part, after) = out.split_at_mut_checked(count).unwrap_or_default();
        if level == 1 {
            values.take(part)?;
        } else {
            part.fill(T::NAN);
        }
        out = after;
    }
    Ok(())
}

/// The values of a page that are not missing.
enum Values<'a, T> {
    Plain(Plain<'a>),
    Split { kind: Kind, bytes: &'a [u8], next: usize },
    Dictionary { indices: Hybrid<'a>, entries: &'a [T] },
}

impl<'a, T: Real> Values<'a, T> {
    fn new(
        kind: Kind,
        encoding: i64,
        count: usize,
        bytes: &'a [u8],
        entries: &'a [T],
    ) -> Result<Self, ParquetError> {
        match encoding {
            PLAIN => Ok(Self::Plain(Plain { kind, rest: bytes })),
            BYTE_STREAM_SPLIT if bytes.len() <= count.saturating_mul(kind.size()) => {
                Ok(Self::Split { kind, bytes, next: 0 })
            }
            PLAIN_DICTIONARY | RLE_DICTIONARY => {
                // A page in which every value is missing may hold not even the width.
                let (&width, rest) = bytes.split_first().unwrap_or((&0, &[]));
                Ok(Self::Dictionary { indices: Hybrid::new(rest, width.into())?, entries })
            }
            _ => Err(ParquetError::Unsupported { what: "its encoding" }),
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), ParquetError> {
        match self {
            Self::Plain(plain) => plain.skip(count),
            Self::Split { next, .. } => {
                *next = next.saturating_add(count);
                Ok(())
            }
            Self::Dictionary { indices, .. } => {
                let mut left = count;
                while left > 0 {
                    left = left.saturating_sub(indices.run(left)?.1);
                }
                Ok(())
            }
        }
    }

    fn take(&mut self, out: &mut [T]) -> Result<(), ParquetError> {
        match self {
            Self::Plain(plain) => plain.take(out),
            Self::Split { kind, bytes, next } => {
                let start = *next;
                *next = next.saturating_add(out.len());
                take_split(*kind, bytes, start, out)
            }
            Self::Dictionary { indices, entries } => indices.look_up(entries, out),
        }
    }
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

/// Values side by side, little-endian.
struct Plain<'a> {
    kind: Kind,
    rest: &'a [u8],
}

const SHORT: ParquetError = ParquetError::Truncated { part: "a page's values" };

impl Plain<'_> {
    fn skip(&mut self, count: usize) -> Result<(), ParquetError> {
        self.rest = self.rest.get(count.saturating_mul(self.kind.size())..).ok_or(SHORT)?;
        Ok(())
    }

    fn take<T: Real>(&mut self, out: &mut [T]) -> Result<(), ParquetError> {
        let size = out.len().saturating_mul(self.kind.size());
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(SHORT)?;
        self.rest = rest;
        match self.kind {
            Kind::I32 => convert(bytes, out, |b| i32::from_le_bytes(b).into()),
            Kind::I64 => convert(bytes, out, |b| i64::from_le_bytes(b) as f64),
            Kind::F32 => convert(bytes, out, |b| f32::from_le_bytes(b).into()),
            Kind::F64 => convert(bytes, out, f64::from_le_bytes),
        }
    }
}

fn convert<T: Real, const N: usize>(
    bytes: &[u8],
    out: &mut [T],
    load: impl Fn([u8; N]) -> f64,
) -> Result<(), ParquetError> {
    let mut overflows = false;
    for (slot, value) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        let value = load(*value);
        overflows |= T::overflows(value);
        *slot = T::rounded(value);
    }
    if overflows { Err(ParquetError::Overflow) } else { Ok(()) }
}

/// Values whose first bytes lie side by side, then their second bytes, and so on.
fn take_split<T: Real>(
    kind: Kind,
    bytes: &[u8],
    start: usize,
    out: &mut [T],
) -> Result<(), ParquetError> {
    let count = bytes.len().checked_div(kind.size()).unwrap_or(0);
    let mut value = [0u8; 8];
    for (index, slot) in out.iter_mut().enumerate() {
        let place = start.saturating_add(index);
        let streams = bytes.chunks_exact(count.max(1));
        for (byte, stream) in value.iter_mut().zip(streams).take(kind.size()) {
            *byte = *stream.get(place).ok_or(SHORT)?;
        }
        let whole = value.get(..kind.size()).unwrap_or_default();
        Plain { kind, rest: whole }.take(std::slice::from_mut(slot))?;
    }
    Ok(())
}
