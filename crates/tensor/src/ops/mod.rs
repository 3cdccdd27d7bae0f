//! Kernels of the numerical engine, on dense arrays: one file a family.
//!
//! A kernel writes every element of its output. It takes shapes that were checked before; where they
//! do not fit it panics. A result depends neither on the number of threads nor, along the rows of
//! a batch, on the number of rows.

pub(crate) mod blocks;
mod code;
mod conv;
mod error;
mod gather;
mod layout;
mod linalg;
mod math;
mod matmul;
mod number;
mod random;
mod reduce;
mod softmax;
mod sparse;
mod square;
pub mod tape;
pub mod transformer;

pub use code::{Binary, Reduction, Unary};
pub use conv::{
    Then, conv2d, conv2d_biased, conv2d_filter_grad, conv2d_input_grad, conv2d_then, pool,
    pool_grad, pool_pick,
};
pub use error::OpError;
pub use gather::{gather, one_hot, range_fill, scatter_add, scatter_add_to};
pub use layout::{PadMode, broadcast, concat, pad, reverse, slice, slice_grad, tile, transpose};
pub use linalg::{cholesky, solve, triangular_solve};
pub use matmul::{descend, descends, matmul};
pub use random::{Random, fill};
pub use reduce::{arg_extreme, cum_sum, reduce, top_k};
pub use softmax::softmax;
pub use sparse::{Csr, csr_matmul, csr_sample};
