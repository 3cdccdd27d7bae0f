//! What can go wrong in a fit or a prediction.

use ferrule_base::{Coded, ErrorCode};
use ferrule_tensor::Cancelled;

/// Why a learner refuses or stops.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LearnError {
    /// The samples have a NaN or an infinity.
    #[error("X has {value} in row {row}, column {col}; expected finite numbers only")]
    NonFinite {
        /// `NaN` or `infinity`.
        value: &'static str,
        /// The first such row.
        row: usize,
        /// The first such column in that row.
        col: usize,
    },
    /// An array has another length than the others imply.
    #[error("{what} has {got} elements; expected {expected}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// The length that fits.
        expected: usize,
        /// The length given.
        got: usize,
    },
    /// More clusters than samples.
    #[error("n_samples={n_samples} should be >= n_clusters={n_clusters}")]
    TooFewSamples {
        /// Rows of X.
        n_samples: usize,
        /// Clusters asked for.
        n_clusters: usize,
    },
    /// A parameter is out of its range.
    #[error("{name} is {got}; expected {expected}")]
    InvalidParameter {
        /// The parameter.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// The system does not give the memory that an algorithm needs beside its input.
    #[error("{what} need {bytes} bytes, which the system does not give; use {instead}")]
    OutOfMemory {
        /// What was to be kept there.
        what: &'static str,
        /// How much of it, at most `usize::MAX`.
        bytes: usize,
        /// What needs less.
        instead: &'static str,
    },
    /// Stopped on request.
    #[error("stopped on request")]
    Cancelled,
}

impl From<Cancelled> for LearnError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Coded for LearnError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cancelled => ErrorCode::Cancelled,
            Self::OutOfMemory { .. } => ErrorCode::ResourceExhausted,
            _ => ErrorCode::InvalidArgument,
        }
    }
}
