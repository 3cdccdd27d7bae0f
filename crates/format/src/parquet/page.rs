//! The header in front of each page.

use super::ParquetError;
use super::error::damaged;
use super::thrift::{FALSE, I32, STRUCT, TRUE, Thrift};

/// A page: what it holds, and its bytes as they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) kind: PageKind,
    pub(super) values: usize,
    pub(super) encoding: i64,
    /// Bytes of the definition levels in front of the values; `None` where they say so themselves.
    pub(super) levels_bytes: Option<usize>,
    pub(super) compressed: bool,
    /// Bytes after decompression.
    pub(super) plain_bytes: usize,
    pub(super) body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Dictionary,
    /// An index, or one of a later version of the format.
    Other,
}

/// Splits the next page off `rest`.
pub(super) fn next<'a>(rest: &mut &'a [u8]) -> Result<Page<'a>, ParquetError> {
    let mut thrift = Thrift { rest };
    let (mut kind, mut plain_bytes, mut stored) = (None, None, None);
    let mut body = Header::default();
    thrift.structure(|thrift, id, field| {
        match (id, field) {
            (1, I32) => kind = Some(thrift.int()?),
            (2, I32) => plain_bytes = Some(size(thrift)?),
            (3, I32) => stored = Some(size(thrift)?),
            (5 | 7, STRUCT) => body = header(thrift)?,
            (8, STRUCT) => body = header_v2(thrift)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let (Some(kind), Some(plain_bytes), Some(stored)) = (kind, plain_bytes, stored) else {
        return Err(damaged("a page has no kind or size"));
    };
    let split = thrift.rest.split_at_checked(stored);
    let (bytes, after) = split.ok_or(ParquetError::Truncated { part: "a page" })?;
    *rest = after;
    let kind = match kind {
        0 | 3 => PageKind::Data,
        2 => PageKind::Dictionary,
        _ => PageKind::Other,
    };
    Ok(Page {
        kind,
        values: body.values,
        encoding: body.encoding,
        levels_bytes: body.levels_bytes,
        compressed: body.compressed,
        plain_bytes,
        body: bytes,
    })
}

struct Header {
    values: usize,
    encoding: i64,
    levels_bytes: Option<usize>,
    compressed: bool,
}

impl Default for Header {
    fn default() -> Self {
        Self { values: 0, encoding: -1, levels_bytes: None, compressed: true }
    }
}

fn size(thrift: &mut Thrift<'_>) -> Result<usize, ParquetError> {
    usize::try_from(thrift.int()?).map_err(|_| damaged("a page has a negative size"))
}

/// The header of a dictionary or of data in the first version.
fn header(thrift: &mut Thrift<'_>) -> Result<Header, ParquetError> {
    let mut found = Header::default();
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (1, I32) => found.values = size(thrift)?,
            (2, I32) => found.encoding = thrift.int()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

/// The header of data in the second version.
fn header_v2(thrift: &mut Thrift<'_>) -> Result<Header, ParquetError> {
    let mut found = Header { levels_bytes: Some(0), ..Header::default() };
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (1, I32) => found.values = size(thrift)?,
            (4, I32) => found.encoding = thrift.int()?,
            (5, I32) => found.levels_bytes = Some(size(thrift)?),
            (6, I32) if size(thrift)? > 0 => return Err(damaged("a flat column is repeated")),
            (6, I32) => {}
            (7, TRUE | FALSE) => found.compressed = kind == TRUE,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}
