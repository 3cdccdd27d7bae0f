//! Learners: K-Means and its kin.
#![forbid(unsafe_code)]

mod error;
pub mod kmeans;

pub use error::LearnError;
