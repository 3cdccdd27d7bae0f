//! Why a Parquet file cannot be read here.

use ferrule_base::{Coded, ErrorCode};

use crate::text::shown;

/// What is wrong with a file, or what it holds that is not read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParquetError {
    /// The bytes end before what they announce.
    #[error("truncated: {part} passes the end")]
    Truncated {
        /// What is cut off.
        part: &'static str,
    },
    /// The bytes break a rule of the format.
    #[error("damaged: {detail}")]
    Damaged {
        /// Which.
        detail: &'static str,
    },
    /// Parquet that this reader leaves to a complete one.
    #[error("{what} is not read here")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// A value is too large for the type that is read into.
    #[error("a value is too large for float32; use dtype float64")]
    Overflow,
    /// One of these, in a column.
    #[error("column {}: {error}", shown(.name))]
    InColumn {
        /// The column's name.
        name: String,
        /// What is wrong in it.
        error: Box<ParquetError>,
    },
}

impl Coded for ParquetError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Truncated { .. } | Self::Damaged { .. } => ErrorCode::DataLoss,
            Self::Unsupported { .. } => ErrorCode::Unimplemented,
            Self::Overflow => ErrorCode::InvalidArgument,
            Self::InColumn { error, .. } => error.code(),
        }
    }
}

/// Shorthand for [`ParquetError::Damaged`].
pub(super) fn damaged(detail: &'static str) -> ParquetError {
    ParquetError::Damaged { detail }
}
