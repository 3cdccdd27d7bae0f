//! One cell of a row.

use memchr::{memchr, memchr2};

use super::CsvError;

/// What stands for a missing value, as pandas and pyarrow have it; and so do blanks.
const MISSING: [&[u8]; 16] = [
    b"#N/A",
    b"#N/A N/A",
    b"#NA",
    b"-1.#IND",
    b"-1.#QNAN",
    b"-NaN",
    b"-nan",
    b"1.#IND",
    b"1.#QNAN",
    b"N/A",
    b"NA",
    b"NULL",
    b"NaN",
    b"n/a",
    b"nan",
    b"null",
];

/// What follows a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Another cell.
    Cell,
    /// The end of the row.
    Row,
}

/// A cell without its quotes, in which doubled quotes stay doubled, and what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    pub(super) text: &'a [u8],
    pub(super) quoted: bool,
    pub(super) end: End,
}

/// Splits the next cell off `rest`, which is in `line`.
pub(super) fn next<'a>(
    rest: &mut &'a [u8],
    delimiter: u8,
    line: u64,
) -> Result<Cell<'a>, CsvError> {
    if let Some((b'"', inner)) = rest.split_first() {
        return quoted(rest, inner, delimiter, line);
    }
    let at = memchr2(delimiter, b'\n', rest).unwrap_or(rest.len());
    let (text, after) = rest.split_at_checked(at).unwrap_or_default();
    let end = end_of(rest, after, delimiter);
    let text = if end == End::Row { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    Ok(Cell { text, quoted: false, end })
}

fn quoted<'a>(
    rest: &mut &'a [u8],
    inner: &'a [u8],
    delimiter: u8,
    line: u64,
) -> Result<Cell<'a>, CsvError> {
    let mut length = 0usize;
    loop {
        let left = inner.get(length..).unwrap_or_default();
        let at = memchr(b'"', left).ok_or(CsvError::Unclosed { line })?;
        length = length.saturating_add(at).saturating_add(1);
        if inner.get(length) != Some(&b'"') {
            break;
        }
        length = length.saturating_add(1);
    }
    let (text, after) = inner.split_at_checked(length).unwrap_or_default();
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    if memchr(b'\n', text).is_some() {
        return Err(CsvError::QuotedLineBreak { line });
    }
    match after {
        [] | [b'\n', ..] | [b'\r', b'\n', ..] | [b'\r'] => {}
        [byte, ..] if *byte == delimiter => {}
        _ => return Err(CsvError::Unclosed { line }),
    }
    let end = end_of(rest, after, delimiter);
    Ok(Cell { text, quoted: true, end })
}

/// Moves `rest` past what ends a cell, which `after` begins with.
fn end_of<'a>(rest: &mut &'a [u8], after: &'a [u8], delimiter: u8) -> End {
    let (end, length) = match after {
        [b'\r', b'\n', ..] if delimiter != b'\r' => (End::Row, 2),
        [byte, ..] if *byte == delimiter => (End::Cell, 1),
        [] => (End::Row, 0),
        _ => (End::Row, 1),
    };
    *rest = after.get(length..).unwrap_or_default();
    end
}

/// Takes a number off the front of `rest` where it is a whole cell, in the plainest form.
#[inline]
pub(super) fn plain_number(rest: &mut &[u8], delimiter: u8) -> Option<(f64, End)> {
    let (value, length) = fast_float2::parse_partial::<f64, &[u8]>(*rest).ok()?;
    let after = rest.get(length..)?;
    match after {
        [] | [b'\n', ..] | [b'\r', b'\n', ..] => {}
        [byte, ..] if *byte == delimiter => {}
        _ => return None,
    }
    Some((value, end_of(rest, after, delimiter)))
}

/// The number that a cell holds; NaN where it holds none, `None` where it is something else.
pub(super) fn number(cell: Cell<'_>) -> Option<f64> {
    let text = cell.text.trim_ascii();
    if text.is_empty() || MISSING.contains(&text) {
        return Some(f64::NAN);
    }
    fast_float2::parse(text).ok()
}
