//! Causal attention over keys and values in half precision, in blocks of positions.
//!
//! Softmax is taken as the blocks come (Milakov and Gimelshein 2018; Dao et al. 2022). Blocks begin at
//! fixed positions, and all that is summed has one order, so a query's bits depend neither on the rows
//! that come with it nor on the instruction set.

mod kernel;

use crate::cpu::Isa;
use crate::engine::entry;
use crate::half::to_f16;
use crate::ops::blocks::Parts;
use crate::pool;

use kernel::Task;

/// Positions of a block.
pub const BLOCK_POSITIONS: usize = 32;
/// Most rows of a task: what was widened of a block serves them all.
const TASK_ROWS_MAX: usize = 16;
/// Least multiply-adds that are worth another thread.
const TASK_WORK_MIN: usize = 1 << 16;

/// The shape of a layer's attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Heads of the queries: a multiple of `kv_heads`.
    pub heads: usize,
    /// Heads of the keys and of the values; each serves as many query heads in a row.
    pub kv_heads: usize,
    /// Elements of a head.
    pub dim: usize,
    /// What scores are multiplied by before softmax.
    pub scale: f32,
    /// How many positions a query sees, its own included; `None`: all up to its own.
    pub window: Option<usize>,
}

/// The keys and values of a sequence in one layer: its blocks, in order of positions.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// Each of [`block_len`] halves.
    pub blocks: &'a [&'a [u16]],
}

/// Halves of a layer's block: keys as `[kv_heads, dim, BLOCK_POSITIONS]`, then values as
/// `[kv_heads, BLOCK_POSITIONS, dim]`.
pub fn block_len(shape: &Attention) -> usize {
    2 * shape.kv_heads * shape.dim * BLOCK_POSITIONS
}

/// Writes the key and the value of a position, each of `kv_heads · dim` elements, to a block.
///
/// # Panics
/// Where lengths do not fit or the position is not of a block.
pub fn store(shape: &Attention, block: &mut [u16], position: usize, key: &[f32], value: &[f32]) {
    let dim = shape.dim;
    assert!(position < BLOCK_POSITIONS, "a position of the block");
    assert_eq!(key.len(), shape.kv_heads * dim, "elements of a key");
    assert_eq!(value.len(), key.len(), "elements of a value");
    let (keys, values) = block.split_at_mut(block.len() / 2);
    for (place, &x) in key.iter().enumerate() {
        keys[place * BLOCK_POSITIONS + position] = to_f16(x);
    }
    for (head, value) in value.chunks_exact(dim).enumerate() {
        let to = &mut values[(head * BLOCK_POSITIONS + position) * dim..][..dim];
        for (to, &x) in to.iter_mut().zip(value) {
            *to = to_f16(x);
        }
    }
}

/// `out[r] = softmax(scale · queries[r] · keysᵀ) · values` for each row, a head at a time; row `r` stands
/// at position `first + r` and sees the positions up to its own, which the past holds already.
///
/// # Panics
/// Where lengths do not fit, or the past ends before the last row.
pub fn attend(shape: &Attention, queries: &[f32], first: usize, past: Past, out: &mut [f32]) {
    attend_on(Isa::detect(), shape, queries, first, past, out);
}

/// As [`attend`], with the instructions of `isa`, or plain ones where this CPU lacks them.
///
/// # Panics
/// As [`attend`].
pub fn attend_on(
    isa: Isa,
    shape: &Attention,
    queries: &[f32],
    first: usize,
    past: Past,
    out: &mut [f32],
) {
    let width = shape.heads * shape.dim;
    let rows = queries.len() / width;
    assert_eq!(queries.len(), out.len(), "elements in and out");
    assert_eq!(queries.len(), rows * width, "whole rows");
    assert!(first + rows <= past.blocks.len() * BLOCK_POSITIONS, "the past holds every row");
    if rows == 0 {
        return;
    }
    let work = rows * width * shape.window.unwrap_or(usize::MAX).min(first + rows);
    let tasks_wanted = (work / TASK_WORK_MIN).clamp(1, 4 * pool::n_threads());
    let row_tasks = tasks_wanted.div_ceil(shape.kv_heads).max(rows.div_ceil(TASK_ROWS_MAX));
    let task_rows = rows.div_ceil(row_tasks);
    let row_tasks = rows.div_ceil(task_rows);
    let parts = Parts::new(out);
    let one = |task: usize| {
        let (kv_head, start) = (task / row_tasks, task % row_tasks * task_rows);
        let end = (start + task_rows).min(rows);
        let task = Task { shape, queries, first, past, kv_head, rows: start..end, out: &parts };
        // SAFETY: `entry` asks for what this CPU has.
        unsafe { entry::<Task, _>(isa)(task) };
    };
    if tasks_wanted == 1 {
        (0..row_tasks * shape.kv_heads).for_each(one);
    } else {
        // The last rows see most, so they come first.
        let n_tasks = row_tasks * shape.kv_heads;
        pool::for_each_block(n_tasks, |task| one(n_tasks - 1 - task));
    }
}
