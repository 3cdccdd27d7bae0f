//! What every Ferrule crate shares: data types, kinds of stored weights, shapes, limits and error codes. No I/O.
#![forbid(unsafe_code)]

mod block_kind;
mod dtype;
mod error;
mod limits;
mod shape;

pub use block_kind::BlockKind;
pub use dtype::DType;
pub use error::{Coded, ErrorCode};
pub use limits::Limits;
pub use shape::{ShapeError, element_count};
