//! Causal attention over keys and values in half precision, in blocks of positions.
//!
//! Softmax is taken as the blocks come (Milakov and Gimelshein 2018; Dao et al. 2022). Blocks begin at
//! fixed positions, so a query's sums have one order, whichever rows come with it.

use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::half::{from_f16, to_f16};
use crate::ops::blocks::Parts;
use crate::ops::math;
use crate::pool;

/// Positions of a block.
pub const BLOCK_POSITIONS: usize = 32;
/// Queries that are compared with a block side by side.
const QUERIES: usize = 4;
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
        dispatch(Isa::detect(), task);
    };
    if tasks_wanted == 1 {
        (0..row_tasks * shape.kv_heads).for_each(one);
    } else {
        // The last rows see most, so they come first.
        let n_tasks = row_tasks * shape.kv_heads;
        pool::for_each_block(n_tasks, |task| one(n_tasks - 1 - task));
    }
}

/// Some rows' queries that share a head of the keys.
struct Task<'a> {
    shape: &'a Attention,
    queries: &'a [f32],
    first: usize,
    past: Past<'a>,
    kv_head: usize,
    rows: std::ops::Range<usize>,
    out: &'a Parts<'a, f32>,
}

/// A query as it goes along the past.
#[derive(Clone, Copy)]
struct Running {
    most: f32,
    sum: f32,
    position: usize,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let dim = self.shape.dim;
        let group = self.shape.heads / self.shape.kv_heads;
        let n_queries = self.rows.len() * group;
        let padded = n_queries.next_multiple_of(QUERIES);
        let mut queries = vec![0.0_f32; padded * dim];
        let mut running = Vec::with_capacity(padded);
        for query in 0..padded {
            // Those that fill up the last four repeat the last one.
            let query_in = query.min(n_queries - 1);
            let from = &self.queries[self.place(query_in, group)..][..dim];
            for (to, &x) in queries[query * dim..][..dim].iter_mut().zip(from) {
                *to = x * self.shape.scale;
            }
            let position = self.first + self.rows.start + query_in / group;
            running.push(Running { most: f32::NEG_INFINITY, sum: 0.0, position });
        }
        let mut sums = vec![0.0_f32; padded * dim];
        let mut keys = vec![0.0_f32; dim * BLOCK_POSITIONS];
        let mut values = vec![0.0_f32; dim * BLOCK_POSITIONS];
        let (oldest, newest) = (running[0].position, running[padded - 1].position);
        let seen = self.shape.window.map_or(0, |window| (oldest + 1).saturating_sub(window));
        for block in seen / BLOCK_POSITIONS..=newest / BLOCK_POSITIONS {
            self.widen(block, &mut keys, &mut values);
            let start = block * BLOCK_POSITIONS;
            let fours =
                queries.chunks_exact(QUERIES * dim).zip(sums.chunks_exact_mut(QUERIES * dim));
            for ((queries, sums), running) in fours.zip(running.as_chunks_mut::<QUERIES>().0) {
                let mut scores = scores_of(queries, &keys, dim);
                for ((scores, running), sums) in
                    scores.iter_mut().zip(running).zip(sums.chunks_exact_mut(dim))
                {
                    mask(scores, start, running.position, self.shape.window);
                    weigh(scores, running, sums);
                }
                add_values(&scores, &values, dim, sums);
            }
        }
        for (query, running) in running.iter().enumerate().take(n_queries) {
            let place = self.place(query, group);
            // SAFETY: rows and heads of a task are its own.
            let out = unsafe { self.out.part(place, dim) };
            for (out, &sum) in out.iter_mut().zip(&sums[query * dim..][..dim]) {
                *out = sum / running.sum;
            }
        }
    }
}

impl Task<'_> {
    /// Where a query's head begins, among all elements.
    #[inline(always)]
    fn place(&self, query: usize, group: usize) -> usize {
        let (row, head) = (self.rows.start + query / group, self.kv_head * group + query % group);
        (row * self.shape.heads + head) * self.shape.dim
    }

    /// A block's keys as `[dim, BLOCK_POSITIONS]` and values as `[BLOCK_POSITIONS, dim]`.
    #[inline(always)]
    fn widen(&self, block: usize, keys: &mut [f32], values: &mut [f32]) {
        let len = self.shape.dim * BLOCK_POSITIONS;
        let (all_keys, all_values) = self.past.blocks[block].split_at(self.shape.kv_heads * len);
        for (to, &half) in keys.iter_mut().zip(&all_keys[self.kv_head * len..][..len]) {
            *to = from_f16(half);
        }
        for (to, &half) in values.iter_mut().zip(&all_values[self.kv_head * len..][..len]) {
            *to = from_f16(half);
        }
    }
}

type Scores = [[f32; BLOCK_POSITIONS]; QUERIES];

#[inline(always)]
fn scores_of(queries: &[f32], keys: &[f32], dim: usize) -> Scores {
    let mut scores = [[0.0; BLOCK_POSITIONS]; QUERIES];
    let (rows, _) = keys.as_chunks::<BLOCK_POSITIONS>();
    let query: [&[f32]; QUERIES] = std::array::from_fn(|q| &queries[q * dim..][..dim]);
    for (d, keys) in rows.iter().enumerate().take(dim) {
        for q in 0..QUERIES {
            let x = query[q][d];
            for p in 0..BLOCK_POSITIONS {
                scores[q][p] = x.mul_add(keys[p], scores[q][p]);
            }
        }
    }
    scores
}

/// Puts what a query does not see to minus infinity.
#[inline(always)]
fn mask(scores: &mut [f32], start: usize, position: usize, window: Option<usize>) {
    let before = window.map_or(0, |window| (position + 1).saturating_sub(window));
    if start >= before && start + BLOCK_POSITIONS <= position + 1 {
        return;
    }
    for (at, score) in scores.iter_mut().enumerate() {
        if start + at < before || start + at > position {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// Turns scores to weights relative to the greatest score so far, and rescales what was summed.
#[inline(always)]
fn weigh(scores: &mut [f32; BLOCK_POSITIONS], running: &mut Running, sums: &mut [f32]) {
    let mut most = running.most;
    for &score in scores.iter() {
        most = if score > most { score } else { most };
    }
    if most == f32::NEG_INFINITY {
        *scores = [0.0; BLOCK_POSITIONS];
        return;
    }
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = math::exp(*score - most);
    }
    for &weight in scores.iter() {
        sum += weight;
    }
    let rescale = math::exp(running.most - most);
    if rescale != 1.0 {
        for sum in sums.iter_mut() {
            *sum *= rescale;
        }
    }
    running.sum = running.sum.mul_add(rescale, sum);
    running.most = most;
}

/// Adds the weighted values of a block.
#[inline(always)]
fn add_values(weights: &Scores, values: &[f32], dim: usize, sums: &mut [f32]) {
    /// Elements that stay in registers.
    const WIDTH: usize = 32;
    let whole = dim / WIDTH * WIDTH;
    for start in (0..whole).step_by(WIDTH) {
        let mut held = [[0.0_f32; WIDTH]; QUERIES];
        for q in 0..QUERIES {
            held[q].copy_from_slice(&sums[q * dim + start..][..WIDTH]);
        }
        for p in 0..BLOCK_POSITIONS {
            let values: &[f32] = &values[p * dim + start..][..WIDTH];
            for q in 0..QUERIES {
                let weight = weights[q][p];
                for (held, &value) in held[q].iter_mut().zip(values) {
                    *held = weight.mul_add(value, *held);
                }
            }
        }
        for q in 0..QUERIES {
            sums[q * dim + start..][..WIDTH].copy_from_slice(&held[q]);
        }
    }
    for q in 0..QUERIES {
        for d in whole..dim {
            let sum = &mut sums[q * dim + d];
            for p in 0..BLOCK_POSITIONS {
                *sum = weights[q][p].mul_add(values[p * dim + d], *sum);
            }
        }
    }
}
