//! CSV of numbers: rows of text into columns of floating-point numbers.
//!
//! A byte-order mark, CRLF, blank lines, quotes and missing values are taken; a row of another length than the
//! first and a cell that is no number are errors with their line. Columns that are not asked for may hold
//! any text but a line break within quotes, which is [`CsvError::QuotedLineBreak`], for a complete
//! reader to do. Numbers are rounded correctly.

mod cell;
mod error;
mod head;
mod rows;

pub use error::CsvError;
pub use head::Head;

use crate::Real;

/// Where the rows of a reading end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Rows that were there, at most as many as there was room for.
    pub rows: usize,
    /// Whether more follow.
    pub more: bool,
}

impl Head {
    /// How many rows `file` has, from the one that begins at its byte `body` on.
    ///
    /// # Errors
    /// [`CsvError::QuotedLineBreak`].
    pub fn count_rows(&self, file: &[u8]) -> Result<u64, CsvError> {
        rows::count(file.get(self.body..).unwrap_or_default(), self.first_line)
    }

    /// Fills `out`, of as many columns as `wanted` has, each of `out.len() / wanted.len()` rows, with rows from
    /// `first_row` on of the columns whose numbers `wanted` has; a missing value becomes NaN.
    ///
    /// # Errors
    /// [`CsvError`] for a row that is not as it should be, with its line.
    pub fn read<T: Real>(
        &self,
        file: &[u8],
        wanted: &[usize],
        first_row: usize,
        out: &mut [T],
    ) -> Result<Outcome, CsvError> {
        let body = file.get(self.body..).unwrap_or_default();
        rows::read(self, body, wanted, first_row, out)
    }
}
