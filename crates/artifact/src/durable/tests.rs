//! Failures and power losses at every step of a replacement.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

mod failures;
mod power_loss;
