//! Models in memory: signature, prediction, registry of names and versions.
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod disk;
mod error;
mod graph;
mod kmeans;
mod matrix;
mod model;
mod registry;
mod tensor;

pub use error::{RequestError, RuntimeError};
pub use model::{Model, Wanted, open};
pub use registry::{Failure, IndexEntry, Registry, ServedModel};
pub use tensor::{InputTensor, OutputTensor, TensorData, rows};
