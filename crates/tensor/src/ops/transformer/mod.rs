//! What transformers do between their matrix products, on rows of `f32`.
//!
//! Every row is computed by itself, in one order, so its bits depend neither on the other rows of a
//! call nor on the number of threads.

mod attention;
mod gate;
mod norm;
mod rotary;

pub use attention::{Attention, BLOCK_POSITIONS, Past, attend, attend_on, block_len, store};
pub use gate::{Gate, add, gate, gelu};
pub use norm::{layer_norm, rms_norm, rms_norm_in_place};
pub use rotary::{Pairs, Rotary};

pub use crate::half::{from_f16, to_f16};

use super::blocks::{for_each_piece, piece_rows};

/// Calls `work(first_row, rows)` for pieces of `out`, whose rows have `width` elements that cost as much
/// as copying `cost` times as many.
fn for_each_rows(
    out: &mut [f32],
    width: usize,
    cost: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) {
    let rows = piece_rows(width * cost);
    for_each_piece(out, rows * width, |piece, out| work(piece * rows, out));
}
