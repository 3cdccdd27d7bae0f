//! Storage, views, threads and CPU kernels: the home of SIMD.
//!
//! A result never depends on the number of threads, nor on how many rows a call has: each
//! (row, centre) value is accumulated over the features in one order, with fused multiply-adds.

pub mod view;

pub use view::{Float, MatrixView};
