//! Parquet files of numbers: flat columns into slices of floating-point numbers.
//!
//! Read here is what writers make of plain numeric frames: `INT32`, `INT64`, `FLOAT` and `DOUBLE`, required or
//! optional, in plain, dictionary or byte-stream-split encoding, uncompressed or in Snappy. All else is
//! [`ParquetError::Unsupported`], for a complete reader to do. Pages that hold none of the rows asked
//! for are passed over undecoded, so that a few rows of a file with small pages cost little.
//!
//! Source: <https://parquet.apache.org/docs/file-format/>

mod column;
mod error;
mod hybrid;
mod metadata;
mod page;
mod thrift;

pub use error::ParquetError;
pub use metadata::{Column, Kind, Metadata};

use crate::Real;

/// Room for decoding that is used again from column to column.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    page: Vec<u8>,
    dictionary: Vec<T>,
}

/// Some rows of a file, found.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    metadata: &'a Metadata,
    file: &'a [u8],
    groups: Vec<metadata::Group>,
    first: u64,
}

impl Metadata {
    /// Finds `count` rows of `file` from row `first` on.
    ///
    /// # Errors
    /// [`ParquetError`] where the footer is damaged.
    pub fn rows<'a>(
        &'a self,
        file: &'a [u8],
        first: u64,
        count: usize,
    ) -> Result<Rows<'a>, ParquetError> {
        let groups = self.groups(file, first.saturating_add(count as u64))?;
        Ok(Rows { metadata: self, file, groups, first })
    }
}

impl Rows<'_> {
    /// Fills `out` with column number `column`; a missing value becomes NaN.
    ///
    /// # Errors
    /// [`ParquetError`] where the file is damaged, holds what is not read here, has too few
    /// rows, or a value that overflows `T`.
    pub fn read<T: Real>(
        &self,
        column: usize,
        out: &mut [T],
        scratch: &mut Scratch<T>,
    ) -> Result<(), ParquetError> {
        column::read(self, column, out, scratch)
    }
}
