//! A JSON reader that writes numbers straight into typed tensors, and a writer of response bytes.
//!
//! A general JSON library would build a tree, or visit through several layers, for what is mostly
//! one long list of numbers. The reader is a pull parser over one `&str`: nothing is allocated but
//! what the caller keeps, nesting is counted before it is entered, and each error says where it is.

mod cursor;
mod fault;
mod number;
mod write;

pub(crate) use cursor::{Cursor, Kind};
pub(crate) use fault::{Excerpt, Fault};
pub(crate) use number::{Element, Number, Truth};
pub(crate) use write::{write_str, write_tensor_values};

#[cfg(test)]
mod tests;
