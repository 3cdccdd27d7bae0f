//! The first row: names of the columns, or data.

use super::CsvError;
use super::cell::{self, End};
use super::rows::blank;

const COLUMNS_MAX: usize = 1 << 18;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a file of CSV begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the first row's cells say.
    pub cells: Vec<String>,
    /// Whether they name the columns; else they are all numbers, and data.
    pub named: bool,
    /// What parts the cells.
    pub delimiter: u8,
    /// Where the data begins, bytes into the file.
    pub(super) body: usize,
    /// The line on which it begins, from 1.
    pub(super) first_line: u64,
}

impl Head {
    /// Looks at the first row of `file`.
    ///
    /// # Errors
    /// [`CsvError`] where there is none, or it is not text in UTF-8.
    pub fn new(file: &[u8], delimiter: u8) -> Result<Self, CsvError> {
        let mut rest = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        let mut line = 1u64;
        while let Some(after) = blank(rest) {
            rest = after;
            line = line.saturating_add(1);
        }
        if rest.is_empty() {
            return Err(CsvError::Empty);
        }
        let start = file.len().saturating_sub(rest.len());
        let (mut cells, mut named) = (Vec::new(), false);
        loop {
            let cell = cell::next(&mut rest, delimiter, line)?;
            if cells.len() == COLUMNS_MAX {
                return Err(CsvError::TooManyColumns { line, max: COLUMNS_MAX });
            }
            let text = std::str::from_utf8(cell.text).map_err(|_| CsvError::NotUtf8 { line })?;
            named |= fast_float2::parse::<f64, _>(text.trim_ascii()).is_err();
            cells.push(if cell.quoted { text.replace("\"\"", "\"") } else { text.to_owned() });
            if cell.end == End::Row {
                break;
            }
        }
        let after = file.len().saturating_sub(rest.len());
        let (body, first_line) =
            if named { (after, line.saturating_add(1)) } else { (start, line) };
        Ok(Self { cells, named, delimiter, body, first_line })
    }

    /// What to call column number `index` in messages.
    pub(super) fn label(&self, index: usize) -> String {
        let name = self.cells.get(index).filter(|_| self.named);
        name.cloned().unwrap_or_else(|| index.to_string())
    }
}
