//! The tensors: what each is called, how it is stored, and where.

use ferrule_base::{BlockKind, Limits};

use super::cursor::Cursor;
use super::twice;
use crate::FormatError;

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// Its name; unique in the file.
    pub name: &'a str,
    /// Dimensions, slowest first, none of them 0: `[rows, columns]` of a matrix.
    pub shape: Vec<usize>,
    /// How its weights are stored; a row is whole blocks.
    pub kind: BlockKind,
    /// Its weights: as many bytes as the shape and the kind need.
    pub bytes: &'a [u8],
    /// Where they begin, counted from the first tensor's.
    pub offset: u64,
}

/// Most dimensions of a tensor, by the format.
const RANK_MAX: usize = 4;

/// Bytes of the least entry: an empty name, no dimension, a kind and an offset.
const ENTRY_BYTES_MIN: u64 = 8 + 4 + 4 + 8;

/// Reads the table of `count` tensors; their bytes come with [`place`].
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    count: u64,
    limits: &Limits,
) -> Result<Vec<Tensor<'a>>, FormatError> {
    const PART: &str = "the table of tensors";
    cursor.room(count, ENTRY_BYTES_MIN, PART)?;
    let max = limits.artifact_tensors_max;
    let count = usize::try_from(count).ok().filter(|count| *count <= max);
    let count = count.ok_or(FormatError::TooMany { what: "tensors", max })?;
    let mut tensors = Vec::with_capacity(count);
    for _ in 0..count {
        let name = cursor.name("the name of a tensor")?;
        let shape = read_shape(cursor, name, PART)?;
        let number = cursor.u32(PART)?;
        let kind = BlockKind::from_gguf(number).ok_or_else(|| unsupported(name, number))?;
        tensors.push(Tensor { name, shape, kind, bytes: &[], offset: cursor.u64(PART)? });
    }
    Ok(tensors)
}

fn read_shape(
    cursor: &mut Cursor<'_>,
    name: &str,
    part: &'static str,
) -> Result<Vec<usize>, FormatError> {
    let rank = cursor.u32(part)? as usize;
    if rank > RANK_MAX {
        return Err(FormatError::TooMany { what: "dimensions in a tensor", max: RANK_MAX });
    }
    let mut shape = Vec::with_capacity(rank);
    for _ in 0..rank {
        let size = cursor.u64(part)?;
        let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
            return Err(FormatError::Dimension { tensor: name.to_owned(), size });
        };
        shape.push(size);
    }
    shape.reverse();
    Ok(shape)
}

/// Gives `tensors` their bytes, which begin at the next multiple of `alignment` after `table_end`. Each
/// begins at the next multiple after the one before it, as ggml asks of a file.
pub(super) fn place<'a>(
    tensors: &mut [Tensor<'a>],
    file: &'a [u8],
    table_end: usize,
    alignment: u64,
) -> Result<(), FormatError> {
    let Some(data_start) = (table_end as u64).checked_next_multiple_of(alignment) else {
        return Err(FormatError::EndsEarly { part: "the weights", missing: alignment });
    };
    let (mut expected, mut end) = (0u64, table_end as u64);
    for tensor in tensors {
        if tensor.offset != expected {
            let (tensor, start) = (tensor.name.to_owned(), tensor.offset);
            return Err(FormatError::NotContiguous { tensor, start, expected });
        }
        let overflow = || FormatError::SizeOverflow { tensor: tensor.name.to_owned() };
        let size = size(tensor)?;
        let start = data_start.checked_add(expected).ok_or_else(overflow)?;
        end = start.checked_add(size).ok_or_else(overflow)?;
        expected = expected
            .checked_add(size)
            .and_then(|size| size.checked_next_multiple_of(alignment))
            .ok_or_else(overflow)?;
        tensor.bytes = slice(file, start, end).unwrap_or_default();
    }
    check_end(file.len() as u64, end, data_start.saturating_add(expected))
}

fn slice(file: &[u8], start: u64, end: u64) -> Option<&[u8]> {
    file.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// Whether a file of `size` bytes ends where its last tensor does, with or without what fills up to `padded`.
fn check_end(size: u64, end: u64, padded: u64) -> Result<(), FormatError> {
    if let Some(missing) = end.checked_sub(size).filter(|missing| *missing > 0) {
        return Err(FormatError::EndsEarly { part: "the weights", missing });
    }
    match size.checked_sub(padded.max(end)) {
        Some(count) if count > 0 => Err(FormatError::TrailingBytes { count }),
        _ => Ok(()),
    }
}

/// The bytes that a tensor needs, all of whose rows are whole blocks.
fn size(tensor: &Tensor<'_>) -> Result<u64, FormatError> {
    let (kind, name) = (tensor.kind, || tensor.name.to_owned());
    let columns = tensor.shape.last().copied().unwrap_or(1);
    let Some(row) = kind.bytes_of(columns) else {
        let block = kind.block_len();
        return Err(if columns.is_multiple_of(block) {
            FormatError::SizeOverflow { tensor: name() }
        } else {
            FormatError::PartialBlock { tensor: name(), kind, columns, block }
        });
    };
    let mut rows = tensor.shape.iter().rev().skip(1);
    rows.try_fold(row as u64, |product, size| product.checked_mul(*size as u64))
        .ok_or_else(|| FormatError::SizeOverflow { tensor: name() })
}

/// The places of `tensors` in the order of their names.
pub(super) fn by_name(tensors: &[Tensor<'_>]) -> Result<Vec<usize>, FormatError> {
    let name = |place: &usize| tensors.get(*place).map(|tensor| tensor.name);
    let mut places: Vec<usize> = (0..tensors.len()).collect();
    places.sort_unstable_by_key(name);
    match twice(&places, name).flatten() {
        Some(tensor) => Err(FormatError::DuplicateTensor { tensor: tensor.to_owned() }),
        None => Ok(places),
    }
}

/// ggml's kinds that are not read here, by number.
const OTHER_KINDS: [(u32, &str); 27] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
    (39, "MXFP4"),
];

fn unsupported(name: &str, number: u32) -> FormatError {
    let known = OTHER_KINDS.iter().find(|kind| kind.0 == number);
    let kind = known.map_or_else(|| format!("the unknown kind {number}"), |kind| kind.1.to_owned());
    FormatError::UnsupportedKind { tensor: name.to_owned(), kind }
}
