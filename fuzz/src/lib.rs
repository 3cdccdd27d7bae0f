//! Bounded fuzzing of every parser, on stable Rust.
//!
//! A campaign mutates a corpus of inputs and runs a target on each. The target says how it answered, and
//! an input with an answer not seen before joins the corpus. A panic, an input that takes longer
//! than [`campaign::SECONDS_MAX`] or one that makes the target hold more memory than its own size and
//! [`campaign::SPARE_BYTES`] is a finding, and is kept in `fuzz/findings/`.
//!
//! A campaign is a function of its seed: the same seed gives the same inputs in the same order.

pub mod campaign;
pub mod memory;
pub mod mutate;
pub mod rng;
pub mod targets;

pub use campaign::{Budget, Report, run};
pub use rng::Rng;
pub use targets::{TARGETS, Target};
