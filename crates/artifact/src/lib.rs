//! A model on disk: one durable, verified .safetensors file.
//!
//! The manifest rides in the header's `__metadata__`. A digest covers the manifest and the tensors, a
//! check of its own covers the creation time, and the header has one canonical form, so that any
//! changed bit is found and equal models have equal digests. Nothing in a file is executed, and
//! reading one never takes more memory than the file's size and a bounded remainder.
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod canonical;
mod clock;
mod digest;
mod durable;
mod encode;
mod error;
mod file;
pub mod graph;
pub mod kmeans;
mod manifest;
mod read;
mod tensor;

pub use error::{ArtifactError, Fault};
pub use file::{load, save};
pub use manifest::{FORMAT_VERSION, Manifest, Signature, TensorSpec};
pub use read::read;
pub use tensor::Tensor;

/// A model as it was read from disk, verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// What the model is.
    pub manifest: Manifest,
    /// Its parameters, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// When it was saved: UTC, such as `2026-01-31T12:00:00Z`. Outside the digest.
    pub created_at: String,
    /// `sha256:` and 64 hexadecimal digits, over the manifest and the tensors.
    pub digest: String,
}

impl Artifact {
    /// The tensor called `name`.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        tensor::find(&self.tensors, name)
    }
}
