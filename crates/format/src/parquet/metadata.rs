//! The footer of a file: which columns there are, and where their values lie.

use std::ops::Range;
use std::sync::Arc;

use super::ParquetError;
use super::error::damaged;
use super::thrift::{BINARY, FALSE, I8, I32, I64, LIST, STRUCT, TRUE, Thrift};

const MAGIC: &[u8; 4] = b"PAR1";
const COLUMNS_MAX: usize = 1 << 20;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its columns, in order.
    pub columns: Arc<[Column]>,
    /// Its rows.
    pub rows: u64,
    /// Where the list of the groups of rows begins, bytes into the file.
    groups_at: usize,
    /// Where the schema lies, bytes into the file.
    schema_at: Range<usize>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its numbers; `None` for what is not read here.
    pub kind: Option<Kind>,
    /// Whether values may be missing.
    pub optional: bool,
}

/// The type of a column's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is its own documentation")]
pub enum Kind {
    I32,
    I64,
    F32,
    F64,
}

/// A run of rows whose columns lie one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// One column of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) codec: i64,
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Metadata {
    /// Reads the footer of `file`.
    ///
    /// # Errors
    /// [`ParquetError`] where it is no Parquet, damaged, or nested.
    pub fn new(file: &[u8]) -> Result<Self, ParquetError> {
        Self::read(file, None)
    }

    /// As [`Metadata::new`], of a file that likely has the columns of `model`, the file that `self`
    /// describes: then they are shared and cost no more than a look at their bytes.
    ///
    /// # Errors
    /// As [`Metadata::new`].
    pub fn of_another(&self, model: &[u8], file: &[u8]) -> Result<Self, ParquetError> {
        let schema = model.get(self.schema_at.clone()).unwrap_or_default();
        Self::read(file, Some((schema, &self.columns)))
    }

    fn read(file: &[u8], known: Option<Known<'_>>) -> Result<Self, ParquetError> {
        let (rest, magic) =
            file.split_last_chunk::<4>().ok_or(ParquetError::Truncated { part: "the footer" })?;
        if magic != MAGIC || file.first_chunk() != Some(MAGIC) {
            return Err(damaged("not Parquet: it does not begin and end with PAR1"));
        }
        let (rest, length) =
            rest.split_last_chunk::<4>().ok_or(ParquetError::Truncated { part: "the footer" })?;
        let start = rest.len().checked_sub(u32::from_le_bytes(*length) as usize);
        let footer = start.and_then(|start| rest.get(start..));
        let footer = footer.ok_or(ParquetError::Truncated { part: "the footer" })?;
        Self::parse(footer, rest.len(), known)
    }

    /// Reads `footer`, which ends at byte `end` of the file, up to the groups of rows: of a file with
    /// thousands of columns and many groups, most are of no use to who reads some rows.
    fn parse(footer: &[u8], end: usize, known: Option<Known<'_>>) -> Result<Self, ParquetError> {
        let (mut found, mut rows, mut groups_at) = (None, None, None);
        let place = |thrift: &Thrift<'_>| end.saturating_sub(thrift.rest.len());
        Thrift { rest: footer }.structure(|thrift, id, kind| {
            match (id, kind) {
                (2, LIST) => {
                    let start = place(thrift);
                    let columns = schema(thrift, known)?;
                    found = Some((columns, start..place(thrift)));
                }
                (3, I64) => rows = Some(count(thrift)?),
                (4, LIST) => {
                    groups_at = Some(place(thrift));
                    thrift.rest = END_OF_STRUCTURE;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let (Some(rows), Some(groups_at)) = (rows, groups_at) else {
            return Err(damaged("the footer has no number of rows, or it stands after the groups"));
        };
        let (columns, schema_at) = found.ok_or_else(|| damaged("the footer has no schema"))?;
        Ok(Self { columns, rows, groups_at, schema_at })
    }

    /// The groups of rows of `file` up to the one that holds row `end`, without.
    pub(super) fn groups(&self, file: &[u8], end: u64) -> Result<Vec<Group>, ParquetError> {
        let mut thrift = Thrift { rest: file.get(self.groups_at..).unwrap_or_default() };
        let (mut groups, mut rows) = (Vec::new(), 0u64);
        for _ in 0..thrift.list_length()? {
            if rows >= end {
                break;
            }
            let group = group(&mut thrift)?;
            if group.chunks.len() != self.columns.len() {
                return Err(damaged("a row group has another number of columns than the schema"));
            }
            rows = rows.saturating_add(group.rows);
            groups.push(group);
        }
        Ok(groups)
    }
}

const END_OF_STRUCTURE: &[u8] = &[0];

/// The bytes of a schema, and what they say.
type Known<'a> = (&'a [u8], &'a Arc<[Column]>);

/// Reads a schema; where its bytes are those that are known, they are passed over.
fn schema(
    thrift: &mut Thrift<'_>,
    known: Option<Known<'_>>,
) -> Result<Arc<[Column]>, ParquetError> {
    if let Some((bytes, columns)) = known
        && let Some(rest) = thrift.rest.strip_prefix(bytes).filter(|_| !bytes.is_empty())
    {
        thrift.rest = rest;
        return Ok(Arc::clone(columns));
    }
    let mut elements = Vec::new();
    thrift.list(|thrift, _| push(&mut elements, element(thrift)?))?;
    Ok(columns(elements)?.into())
}

/// An element of the schema, as it is written.
#[derive(Debug, Default)]
struct Element {
    name: String,
    physical: Option<i64>,
    repetition: i64,
    children: i64,
    converted: Option<i64>,
    /// Whether a logical type says that the numbers are no plain signed ones.
    other: bool,
}

fn push<T>(to: &mut Vec<T>, value: T) -> Result<(), ParquetError> {
    if to.len() > COLUMNS_MAX {
        return Err(damaged("more than a million columns or row groups"));
    }
    to.push(value);
    Ok(())
}

fn count(thrift: &mut Thrift<'_>) -> Result<u64, ParquetError> {
    u64::try_from(thrift.int()?).map_err(|_| damaged("a count or an offset is negative"))
}

fn element(thrift: &mut Thrift<'_>) -> Result<Element, ParquetError> {
    let mut found = Element::default();
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (1, I32) => found.physical = Some(thrift.int()?),
            (3, I32) => found.repetition = thrift.int()?,
            (4, BINARY) => {
                let name = std::str::from_utf8(thrift.binary()?);
                found.name = name.map_err(|_| damaged("a column's name is not UTF-8"))?.to_owned();
            }
            (5, I32) => found.children = thrift.int()?,
            (6, I32) => found.converted = Some(thrift.int()?),
            (10, STRUCT) => found.other = !is_plain(thrift)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

/// Whether a logical type is that of integers which their physical type holds as they are.
fn is_plain(thrift: &mut Thrift<'_>) -> Result<bool, ParquetError> {
    const INTEGER: i16 = 10;
    let (mut is_integer, mut bits, mut signed) = (false, 0, true);
    thrift.structure(|thrift, id, kind| {
        if id != INTEGER || kind != STRUCT {
            return Ok(false);
        }
        is_integer = true;
        thrift.structure(|thrift, id, kind| {
            match (id, kind) {
                (1, I8) => bits = thrift.byte()?,
                (2, TRUE | FALSE) => signed = kind == TRUE,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(true)
    })?;
    Ok(is_integer && (signed || bits < 32))
}

/// The columns of a schema, whose first element is the root.
fn columns(schema: Vec<Element>) -> Result<Vec<Column>, ParquetError> {
    let mut elements = schema.into_iter();
    elements.next().ok_or_else(|| damaged("the schema is empty"))?;
    elements.map(column).collect()
}

fn column(element: Element) -> Result<Column, ParquetError> {
    const OPTIONAL: i64 = 1;
    const REPEATED: i64 = 2;
    if element.children > 0 || element.repetition == REPEATED {
        return Err(ParquetError::Unsupported { what: "a nested column" });
    }
    // 15 to 18 are the signed integers, 11 and 12 unsigned ones of 8 and 16 bits.
    let plain = matches!(element.converted, None | Some(11 | 12 | 15..=18)) && !element.other;
    let kind = match element.physical {
        Some(1) => Some(Kind::I32),
        Some(2) => Some(Kind::I64),
        Some(4) => Some(Kind::F32),
        Some(5) => Some(Kind::F64),
        _ => None,
    };
    let optional = element.repetition == OPTIONAL;
    Ok(Column { name: element.name, kind: kind.filter(|_| plain), optional })
}

fn group(thrift: &mut Thrift<'_>) -> Result<Group, ParquetError> {
    let mut found = Group::default();
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (1, LIST) => thrift.list(|thrift, _| push(&mut found.chunks, chunk(thrift)?))?,
            (3, I64) => found.rows = count(thrift)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

fn chunk(thrift: &mut Thrift<'_>) -> Result<Chunk, ParquetError> {
    let mut found = None;
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (1, BINARY) => {
                return Err(ParquetError::Unsupported { what: "a column in another file" });
            }
            (3, STRUCT) => found = Some(chunk_metadata(thrift)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    found.ok_or_else(|| damaged("a column has no metadata"))
}

fn chunk_metadata(thrift: &mut Thrift<'_>) -> Result<Chunk, ParquetError> {
    let (mut codec, mut size, mut data, mut dictionary) = (None, None, None, None);
    thrift.structure(|thrift, id, kind| {
        match (id, kind) {
            (4, I32) => codec = Some(thrift.int()?),
            (7, I64) => size = Some(count(thrift)?),
            (9, I64) => data = Some(count(thrift)?),
            (11, I64) => dictionary = Some(count(thrift)?).filter(|&offset| offset > 0),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (codec, size, data) {
        (Some(codec), Some(size), Some(data)) => {
            Ok(Chunk { codec, size, start: dictionary.map_or(data, |start| start.min(data)) })
        }
        _ => Err(damaged("a column has no codec, size or offset")),
    }
}
