//! Rows of cells into columns of numbers.

use memchr::{memchr, memchr_iter};

use super::cell::{self, End};
use super::{CsvError, Head, Outcome};
use crate::Real;

/// Rows that are kept before they go to their columns, so that a column takes a whole line of the
/// cache at a time.
const BLOCK_ROWS: usize = 8;

/// What follows a blank line at the start of `rest`; `None` where there is no blank line.
pub(super) fn blank(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => Some(after),
        _ => None,
    }
}

/// How many rows `body` has, which begins at `line`.
pub(super) fn count(body: &[u8], line: u64) -> Result<u64, CsvError> {
    let mut cursor = Cursor { rest: body, line };
    let quotes = memchr(b'"', body).is_some();
    let mut rows = 0u64;
    while cursor.skip_row(quotes)? {
        rows = rows.saturating_add(1);
    }
    Ok(rows)
}

/// What is left, and the number of the line that it begins with.
struct Cursor<'a> {
    rest: &'a [u8],
    line: u64,
}

impl Cursor<'_> {
    /// Passes over blank lines; whether a row follows.
    fn at_row(&mut self) -> bool {
        while let Some(after) = blank(self.rest) {
            self.rest = after;
            self.line = self.line.saturating_add(1);
        }
        !matches!(self.rest, [] | [b'\r'])
    }

    /// Passes over a row; whether there was one. `quotes` says whether there may be any.
    fn skip_row(&mut self, quotes: bool) -> Result<bool, CsvError> {
        if !self.at_row() {
            return Ok(false);
        }
        let length = memchr(b'\n', self.rest).map_or(self.rest.len(), |at| at.saturating_add(1));
        let (row, after) = self.rest.split_at_checked(length).unwrap_or_default();
        if quotes && memchr_iter(b'"', row).count() % 2 == 1 {
            return Err(CsvError::QuotedLineBreak { line: self.line });
        }
        self.rest = after;
        self.line = self.line.saturating_add(1);
        Ok(true)
    }
}

pub(super) fn read<T: Real>(
    head: &Head,
    body: &[u8],
    wanted: &[usize],
    first_row: usize,
    out: &mut [T],
) -> Result<Outcome, CsvError> {
    let mut cursor = Cursor { rest: body, line: head.first_line };
    let quotes = first_row > 0 && memchr(b'"', body).is_some();
    for _ in 0..first_row {
        if !cursor.skip_row(quotes)? {
            return Ok(Outcome { rows: 0, more: false });
        }
    }
    let room = out.len().checked_div(wanted.len()).unwrap_or(0);
    if room == 0 {
        return Ok(Outcome { rows: 0, more: cursor.at_row() });
    }
    let slots = slots(head.cells.len(), wanted);
    let mut block = vec![T::NAN; BLOCK_ROWS.saturating_mul(wanted.len())];
    let mut rows = 0usize;
    while rows < room {
        let mut filled = 0usize;
        for into in block.chunks_exact_mut(wanted.len()).take(room.saturating_sub(rows)) {
            if !cursor.at_row() {
                break;
            }
            row(head, &mut cursor, &slots, into)?;
            filled = filled.saturating_add(1);
        }
        spread(&block, wanted.len(), filled, rows, room, out);
        rows = rows.saturating_add(filled);
        if filled < BLOCK_ROWS {
            break;
        }
    }
    Ok(Outcome { rows, more: cursor.at_row() })
}

/// For each column of the file, where in a row of the outcome it goes.
fn slots(columns: usize, wanted: &[usize]) -> Vec<Option<usize>> {
    let mut slots = vec![None; columns];
    for (position, &column) in wanted.iter().enumerate() {
        if let Some(slot) = slots.get_mut(column) {
            *slot = Some(position);
        }
    }
    slots
}

/// Reads one row into `into`.
fn row<T: Real>(
    head: &Head,
    cursor: &mut Cursor<'_>,
    slots: &[Option<usize>],
    into: &mut [T],
) -> Result<(), CsvError> {
    let line = cursor.line;
    let mut end = End::Cell;
    for (index, slot) in slots.iter().enumerate() {
        if end == End::Row {
            return Err(CsvError::Ragged { line, found: index, expected: slots.len() });
        }
        let Some(position) = slot else {
            end = cell::next(&mut cursor.rest, head.delimiter, line)?.end;
            continue;
        };
        let value;
        (value, end) = match cell::plain_number(&mut cursor.rest, head.delimiter) {
            Some(found) => found,
            None => number(head, cursor, index)?,
        };
        if T::overflows(value) {
            return Err(CsvError::Overflow { line, column: head.label(index), value });
        }
        if let Some(slot) = into.get_mut(*position) {
            *slot = T::rounded(value);
        }
    }
    let mut found = slots.len();
    while end == End::Cell {
        end = cell::next(&mut cursor.rest, head.delimiter, line)?.end;
        found = found.saturating_add(1);
    }
    if found > slots.len() {
        return Err(CsvError::Ragged { line, found, expected: slots.len() });
    }
    cursor.line = line.saturating_add(1);
    Ok(())
}

/// Reads a cell that is no plain number.
#[cold]
fn number(head: &Head, cursor: &mut Cursor<'_>, column: usize) -> Result<(f64, End), CsvError> {
    let line = cursor.line;
    let found = cell::next(&mut cursor.rest, head.delimiter, line)?;
    let value = cell::number(found).ok_or_else(|| CsvError::NotANumber {
        line,
        column: head.label(column),
        text: String::from_utf8_lossy(found.text.get(..256).unwrap_or(found.text)).into_owned(),
    })?;
    Ok((value, found.end))
}

/// Puts `filled` rows of `block` into the columns of `out`, each of `room` rows, from row `first` on.
fn spread<T: Real>(
    block: &[T],
    width: usize,
    filled: usize,
    first: usize,
    room: usize,
    out: &mut [T],
) {
    for (index, column) in out.chunks_exact_mut(room).enumerate() {
        let slots = column.iter_mut().skip(first);
        let rows = block.chunks_exact(width).take(filled);
        for (slot, row) in slots.zip(rows) {
            *slot = row.get(index).copied().unwrap_or(T::NAN);
        }
    }
}
