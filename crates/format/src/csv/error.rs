//! Why text is not a table of numbers.

use ferrule_base::{Coded, ErrorCode};

use crate::text::shown;

/// A rule that the text breaks. Lines count from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CsvError {
    /// There is not even a first row.
    #[error("no rows")]
    Empty,
    /// The first row is not UTF-8.
    #[error("line {line}: the names of the columns are not UTF-8")]
    NotUtf8 {
        /// Where.
        line: u64,
    },
    /// The first row has too many cells.
    #[error("line {line}: more than {max} columns")]
    TooManyColumns {
        /// Where.
        line: u64,
        /// The most allowed.
        max: usize,
    },
    /// A row has another number of cells than the first.
    #[error("line {line}: {found} columns, {expected} are expected")]
    Ragged {
        /// Where.
        line: u64,
        /// Cells of this row.
        found: usize,
        /// Cells of the first row.
        expected: usize,
    },
    /// A cell that should be a number.
    #[error("line {line}, column {}: {} is not a number", shown(.column), shown(.text))]
    NotANumber {
        /// Where.
        line: u64,
        /// The column's name, or its position.
        column: String,
        /// What is there.
        text: String,
    },
    /// A number that is too large for the type that is read into.
    #[error("line {line}, column {}: {value:e} is too large for float32; use dtype float64", shown(.column))]
    Overflow {
        /// Where.
        line: u64,
        /// The column's name, or its position.
        column: String,
        /// What is there.
        value: f64,
    },
    /// A quote that is opened and never closed, or text after the closing one.
    #[error("line {line}: a quoted cell does not end with its quote")]
    Unclosed {
        /// Where.
        line: u64,
    },
    /// Text that this reader leaves to a complete one.
    #[error("line {line}: a line break within quotes is not read here")]
    QuotedLineBreak {
        /// Where.
        line: u64,
    },
}

impl Coded for CsvError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::QuotedLineBreak { .. } => ErrorCode::Unimplemented,
            _ => ErrorCode::InvalidArgument,
        }
    }
}
