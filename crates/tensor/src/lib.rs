//! Storage, views, threads and CPU kernels: the home of SIMD.
//!
//! A result never depends on the number of threads, nor on how many rows a call has: each
//! (row, centre) value is accumulated over the features in one order, with fused multiply-adds.

pub mod array;
pub mod control;
pub mod cpu;
pub mod cubes;
mod dispatch;
mod engine;
mod half;
pub mod kernels;
mod mapped;
pub mod native;
pub mod ops;
pub mod parallel;
pub mod pool;
pub mod quant;
pub mod shared;
pub mod view;

pub use control::{Cancelled, Control};
pub use cpu::Isa;
pub use kernels::{Assigner, Scratch};
pub use mapped::Mapped;
pub use parallel::{Team, thread_count};
pub use view::{Float, MatrixView};
