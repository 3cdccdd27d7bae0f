//! What can go wrong in a kernel although every shape and type fits.

use ferrule_base::{Coded, ErrorCode};

/// A kernel's complaint about the values that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// An index that is no place of the axis.
    #[error(
        "index {index} at place {place} is outside its axis: give at least 0 and less than {size}"
    )]
    IndexOutOfRange {
        /// The index.
        index: i64,
        /// The size of the axis.
        size: usize,
        /// Where among the indices it stands, row-major.
        place: usize,
    },
    /// An integer was divided by zero.
    #[error("an integer was divided by 0: give divisors other than 0, or divide floats")]
    DivisionByZero,
    /// An integer was raised to a negative power.
    #[error("an integer was raised to a negative power: give exponents from 0 on, or floats")]
    NegativeExponent,
    /// A matrix that was to be positive definite is not.
    #[error("the matrix is not positive definite: its leading minor of {} rows is not", row + 1)]
    NotPositiveDefinite {
        /// The row at which that showed.
        row: usize,
    },
    /// A system of equations has no single solution.
    #[error("the matrix is singular: its pivot in column {column} is 0")]
    Singular {
        /// The column whose pivot is zero.
        column: usize,
    },
    /// The computation was stopped from outside.
    #[error("stopped on request")]
    Cancelled,
}

impl Coded for OpError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cancelled => ErrorCode::Cancelled,
            _ => ErrorCode::InvalidArgument,
        }
    }
}
