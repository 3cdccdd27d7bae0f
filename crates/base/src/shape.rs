//! Shapes that come from outside, with every multiplication checked.

use crate::{Coded, ErrorCode};

/// Why a shape from outside is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A dimension is below zero.
    #[error("dimension {axis} is {size}; a dimension must be at least 0")]
    Negative {
        /// Which dimension, from 0.
        axis: usize,
        /// What it said.
        size: i64,
    },
    /// The product of the dimensions is beyond the limit.
    #[error("the shape has more than {max} elements")]
    TooLarge {
        /// The most elements allowed.
        max: usize,
    },
    /// Too many dimensions.
    #[error("the shape has {rank} dimensions; at most {max} are allowed")]
    RankTooHigh {
        /// Dimensions in the shape.
        rank: usize,
        /// The most allowed.
        max: usize,
    },
}

impl Coded for ShapeError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// The number of elements of `shape`, with at most `max_rank` dimensions and `max` elements.
///
/// # Errors
/// [`ShapeError`] for a negative dimension, a rank or a product beyond the bounds.
pub fn element_count(shape: &[i64], max_rank: usize, max: usize) -> Result<usize, ShapeError> {
    if shape.len() > max_rank {
        return Err(ShapeError::RankTooHigh { rank: shape.len(), max: max_rank });
    }
    let mut count = 1usize;
    for (axis, &size) in shape.iter().enumerate() {
        let size_u = usize::try_from(size).map_err(|_| ShapeError::Negative { axis, size })?;
        count = count.saturating_mul(size_u);
    }
    if count > max { Err(ShapeError::TooLarge { max }) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_overflows_is_refused_not_wrapped() {
        let huge = i64::MAX;
        assert_eq!(element_count(&[huge, huge, 2], 8, 10), Err(ShapeError::TooLarge { max: 10 }));
        assert_eq!(element_count(&[2, -1], 8, 10), Err(ShapeError::Negative { axis: 1, size: -1 }));
        assert_eq!(element_count(&[1; 9], 8, 10), Err(ShapeError::RankTooHigh { rank: 9, max: 8 }));
        assert_eq!(element_count(&[huge, huge, 0], 8, 10), Ok(0));
        assert_eq!(element_count(&[], 8, 10), Ok(1));
    }
}
