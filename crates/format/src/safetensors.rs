//! The safetensors format: an 8-byte little-endian header length, a JSON header, the data.
//!
//! The reader refuses more than the format's own library does where two readers could
//! understand a file in two ways: duplicate keys, fields beyond the format's, entries of another
//! JSON type than the format names.
//!
//! Source: <https://github.com/huggingface/safetensors#format>

mod header;
mod index;
mod json;
mod view;
mod writer;

pub use header::{Header, TensorInfo};
pub use index::Index;
pub use view::{Reader, TensorView, read};
pub use writer::{Layout, TensorSpec, layout};

/// The key of the free-form string map in a header.
pub const METADATA_KEY: &str = "__metadata__";

/// Bytes of the length field that a file begins with.
pub const PREFIX_BYTES: usize = 8;
