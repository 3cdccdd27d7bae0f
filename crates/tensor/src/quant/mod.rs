//! Weights of a few bits each, in blocks that share a scale.

pub mod dequantise;

pub use dequantise::dequantise;
