//! Some rows' queries along the past, several side by side.

use super::{Attention, BLOCK_POSITIONS, Past};
use crate::engine::{Code, Engine};
use crate::half::from_f16;
use crate::ops::blocks::Parts;
use crate::ops::math;

/// Some rows' queries that share a head of the keys.
pub(super) struct Task<'a> {
    pub(super) shape: &'a Attention,
    pub(super) queries: &'a [f32],
    pub(super) first: usize,
    pub(super) past: Past<'a>,
    pub(super) kv_head: usize,
    pub(super) rows: std::ops::Range<usize>,
    pub(super) out: &'a Parts<'a, f32>,
}

/// A query as it goes along the past.
#[derive(Clone, Copy)]
struct Running {
    most: f32,
    sum: f32,
    position: usize,
}

/// What a task has made so far.
struct Work {
    /// Queries times the scale, those of a pass interleaved: element `d` of each, then `d + 1`.
    queries: Vec<f32>,
    running: Vec<Running>,
    /// Weighted values of each query, not yet divided by the sum of weights.
    sums: Vec<f32>,
}

/// A block's keys as `[dim, BLOCK_POSITIONS]` and values as `[BLOCK_POSITIONS, dim]`: floats, or halves.
#[derive(Clone, Copy)]
struct Block<const WIDE: bool> {
    keys: *const u8,
    values: *const u8,
    start: usize,
}

impl Code<Task<'_>> for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<E: Engine>(task: Task<'_>) {
        let (dim, window) = (task.shape.dim, task.shape.window);
        let mut work = task.start::<E>();
        let n_queries = work.running.len();
        // Worth it where several passes read what was widened.
        let widens = n_queries > passed::<E>(n_queries);
        let len = dim * BLOCK_POSITIONS;
        let mut wide = vec![0.0_f32; if widens { 2 * len } else { 0 }];
        let (oldest, newest) = (work.running[0].position, work.running[n_queries - 1].position);
        let seen = window.map_or(0, |window| (oldest + 1).saturating_sub(window));
        for index in seen / BLOCK_POSITIONS..=newest / BLOCK_POSITIONS {
            let (keys, values) = task.halves(index);
            let start = index * BLOCK_POSITIONS;
            // SAFETY: keys and values are `len` long each, and so is what they are widened to.
            unsafe {
                if widens {
                    let (to_keys, to_values) = wide.split_at_mut(len);
                    widen::<E>(keys, to_keys);
                    widen::<E>(values, to_values);
                    let (keys, values) = (wide.as_ptr().cast(), wide.as_ptr().add(len).cast());
                    passes::<E, true>(task.shape, Block { keys, values, start }, &mut work);
                } else {
                    let (keys, values) = (keys.as_ptr().cast(), values.as_ptr().cast());
                    passes::<E, false>(task.shape, Block { keys, values, start }, &mut work);
                }
            }
        }
        for (query, running) in work.running.iter().enumerate() {
            // SAFETY: rows and heads of a task are its own.
            let out = unsafe { task.out.part(task.place(query), dim) };
            for (out, &sum) in out.iter_mut().zip(&work.sums[query * dim..][..dim]) {
                *out = sum / running.sum;
            }
        }
    }
}

impl Task<'_> {
    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    /// Where a query's head begins, among all elements.
    fn place(&self, query: usize) -> usize {
        let group = self.group();
        let (row, head) = (self.rows.start + query / group, self.kv_head * group + query % group);
        (row * self.shape.heads + head) * self.shape.dim
    }

    #[inline(always)]
    fn start<E: Engine>(&self) -> Work {
        let dim = self.shape.dim;
        let n_queries = self.rows.len() * self.group();
        let mut work = Work {
            queries: vec![0.0; n_queries * dim],
            running: Vec::with_capacity(n_queries),
            sums: vec![0.0; n_queries * dim],
        };
        let mut first = 0;
        while first < n_queries {
            let count = passed::<E>(n_queries - first);
            for query in 0..count {
                let from = &self.queries[self.place(first + query)..][..dim];
                let to = work.queries[first * dim + query..].iter_mut().step_by(count);
                for (to, &x) in to.zip(from) {
                    *to = x * self.shape.scale;
                }
                let position = self.first + self.rows.start + (first + query) / self.group();
                work.running.push(Running { most: f32::NEG_INFINITY, sum: 0.0, position });
            }
            first += count;
        }
        work
    }

    /// A block's keys and values.
    fn halves(&self, index: usize) -> (&[u16], &[u16]) {
        let len = self.shape.dim * BLOCK_POSITIONS;
        let (keys, values) = self.past.blocks[index].split_at(self.shape.kv_heads * len);
        (&keys[self.kv_head * len..][..len], &values[self.kv_head * len..][..len])
    }
}

/// Queries of the next pass, of `rest`.
#[inline(always)]
fn passed<E: Engine>(rest: usize) -> usize {
    match rest {
        8.. if E::ROWS >= 12 => 8,
        4.. if E::ROWS >= 4 => 4,
        2.. if E::ROWS >= 2 => 2,
        _ => 1,
    }
}

/// # Safety
/// The CPU has the engine's instruction set.
#[inline(always)]
unsafe fn widen<E: Engine>(from: &[u16], to: &mut [f32]) {
    for at in (0..to.len() / E::LANES * E::LANES).step_by(E::LANES) {
        // SAFETY: within both, which are as long: a multiple of 32.
        unsafe { E::store_f32(to.as_mut_ptr().add(at), E::load_f16(from.as_ptr().add(at))) };
    }
}

/// Takes all queries past a block.
///
/// # Safety
/// The CPU has the engine's instruction set, and the block is of the shape.
#[inline(always)]
unsafe fn passes<E: Engine, const WIDE: bool>(
    shape: &Attention,
    block: Block<WIDE>,
    work: &mut Work,
) {
    let mut first = 0;
    while first < work.running.len() {
        // SAFETY: as the caller promises.
        first += unsafe {
            match passed::<E>(work.running.len() - first) {
                8 => pass::<E, 8, WIDE>(shape, block, work, first),
                4 => pass::<E, 4, WIDE>(shape, block, work, first),
                2 => pass::<E, 2, WIDE>(shape, block, work, first),
                _ => pass::<E, 1, WIDE>(shape, block, work, first),
            }
        };
    }
}

/// Takes `Q` queries from `first` on past a block, and returns `Q`.
#[inline(always)]
unsafe fn pass<E: Engine, const Q: usize, const WIDE: bool>(
    shape: &Attention,
    block: Block<WIDE>,
    work: &mut Work,
    first: usize,
) -> usize {
    let dim = shape.dim;
    let queries = &work.queries[first * dim..][..Q * dim];
    let sums = &mut work.sums[first * dim..][..Q * dim];
    let running = &mut work.running[first..first + Q];
    let mut scores = [[0.0; BLOCK_POSITIONS]; Q];
    let mut seen = false;
    // SAFETY: as the caller promises; queries and sums are `Q` times `dim`.
    unsafe {
        score::<E, Q, WIDE>(queries.as_ptr(), block.keys, dim, &mut scores);
        for (q, running) in running.iter_mut().enumerate() {
            mask(&mut scores[q], block.start, running.position, shape.window);
            seen |= weigh::<E>(&mut scores[q], running, &mut sums[q * dim..][..dim]);
        }
        if seen {
            add_values::<E, Q, WIDE>(&scores, block.values, dim, sums.as_mut_ptr());
        }
    }
    Q
}

/// Elements from `at` on.
#[inline(always)]
unsafe fn load<E: Engine, const WIDE: bool>(from: *const u8, at: usize) -> E::F {
    // SAFETY: the caller vouches for the elements.
    unsafe {
        if WIDE {
            E::load_f32(from.cast::<f32>().add(at))
        } else {
            E::load_f16(from.cast::<u16>().add(at))
        }
    }
}

/// The products of queries and keys, summed over their elements in order.
#[inline(always)]
unsafe fn score<E: Engine, const Q: usize, const WIDE: bool>(
    queries: *const f32,
    keys: *const u8,
    dim: usize,
    scores: &mut [[f32; BLOCK_POSITIONS]; Q],
) {
    for at in (0..BLOCK_POSITIONS).step_by(2 * E::LANES) {
        // SAFETY: as `pass` promises.
        unsafe {
            let mut sums = [[E::splat_f32(0.0); 2]; Q];
            for d in 0..dim {
                let place = d * BLOCK_POSITIONS + at;
                let low = load::<E, WIDE>(keys, place);
                let high = load::<E, WIDE>(keys, place + E::LANES);
                for (q, sums) in sums.iter_mut().enumerate() {
                    let x = E::splat_f32(*queries.add(d * Q + q));
                    sums[0] = E::mul_add(x, low, sums[0]);
                    sums[1] = E::mul_add(x, high, sums[1]);
                }
            }
            for (scores, sums) in scores.iter_mut().zip(sums) {
                E::store_f32(scores.as_mut_ptr().add(at), sums[0]);
                E::store_f32(scores.as_mut_ptr().add(at + E::LANES), sums[1]);
            }
        }
    }
}

/// Puts what a query does not see to minus infinity.
#[inline(always)]
fn mask(scores: &mut [f32; BLOCK_POSITIONS], start: usize, position: usize, window: Option<usize>) {
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

/// Turns scores to weights relative to the greatest score so far, and rescales what was summed; says
/// whether any of the block is seen.
#[inline(always)]
unsafe fn weigh<E: Engine>(
    scores: &mut [f32; BLOCK_POSITIONS],
    running: &mut Running,
    sums: &mut [f32],
) -> bool {
    // SAFETY: the caller vouches for the instruction set.
    let greatest = unsafe { E::greatest_f32(fold::<E>(scores, true)) };
    let most = if greatest > running.most { greatest } else { running.most };
    if most == f32::NEG_INFINITY {
        *scores = [0.0; BLOCK_POSITIONS];
        return false;
    }
    for score in scores.iter_mut() {
        *score = math::exp(*score - most);
    }
    // SAFETY: as above.
    let sum = unsafe { E::sum_f32(fold::<E>(scores, false)) };
    if most != running.most {
        let rescale = math::exp(running.most - most);
        for sum in sums.iter_mut() {
            *sum *= rescale;
        }
        running.sum *= rescale;
        running.most = most;
    }
    running.sum += sum;
    true
}

/// Halves of the scores joined lane by lane, then their halves, until they are one vector: as the greater
/// ones, or as sums.
#[inline(always)]
unsafe fn fold<E: Engine>(scores: &[f32; BLOCK_POSITIONS], greatest: bool) -> E::F {
    // SAFETY: the caller vouches for the instruction set; vectors are within the scores.
    unsafe {
        let mut vectors = [E::splat_f32(0.0); BLOCK_POSITIONS / 4];
        let mut count = BLOCK_POSITIONS / E::LANES;
        for (at, vector) in vectors.iter_mut().enumerate().take(count) {
            *vector = E::load_f32(scores.as_ptr().add(at * E::LANES));
        }
        while count > 1 {
            count /= 2;
            for at in 0..count {
                let (a, b) = (vectors[at], vectors[at + count]);
                vectors[at] = if greatest { E::max_f32(a, b) } else { E::add_f32(a, b) };
            }
        }
        vectors[0]
    }
}

/// Adds the weighted values of a block, in order of positions.
#[inline(always)]
unsafe fn add_values<E: Engine, const Q: usize, const WIDE: bool>(
    weights: &[[f32; BLOCK_POSITIONS]; Q],
    values: *const u8,
    dim: usize,
    sums: *mut f32,
) {
    let mut d = 0;
    // SAFETY: as `pass` promises.
    unsafe {
        while d + 2 * E::LANES <= dim {
            add_vectors::<E, Q, 2, WIDE>(weights, values, dim, d, sums);
            d += 2 * E::LANES;
        }
        while d + E::LANES <= dim {
            add_vectors::<E, Q, 1, WIDE>(weights, values, dim, d, sums);
            d += E::LANES;
        }
        for d in d..dim {
            for (q, weights) in weights.iter().enumerate() {
                let sum = &mut *sums.add(q * dim + d);
                for (p, weight) in weights.iter().enumerate() {
                    let value = element::<WIDE>(values, p * dim + d);
                    *sum = weight.mul_add(value, *sum);
                }
            }
        }
    }
}

/// The element at `at`.
#[inline(always)]
unsafe fn element<const WIDE: bool>(from: *const u8, at: usize) -> f32 {
    // SAFETY: the caller vouches for the element.
    unsafe {
        if WIDE { *from.cast::<f32>().add(at) } else { from_f16(*from.cast::<u16>().add(at)) }
    }
}

/// As [`add_values`], of `V` vectors from element `d` on.
#[inline(always)]
unsafe fn add_vectors<E: Engine, const Q: usize, const V: usize, const WIDE: bool>(
    weights: &[[f32; BLOCK_POSITIONS]; Q],
    values: *const u8,
    dim: usize,
    d: usize,
    sums: *mut f32,
) {
    // SAFETY: as `pass` promises.
    unsafe {
        let mut held = [[E::splat_f32(0.0); V]; Q];
        for (q, held) in held.iter_mut().enumerate() {
            for (v, held) in held.iter_mut().enumerate() {
                *held = E::load_f32(sums.add(q * dim + d + v * E::LANES));
            }
        }
        #[allow(clippy::needless_range_loop, reason = "`p` is a place in each row of weights")]
        for p in 0..BLOCK_POSITIONS {
            let mut vectors = [E::splat_f32(0.0); V];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = load::<E, WIDE>(values, p * dim + d + v * E::LANES);
            }
            for (q, held) in held.iter_mut().enumerate() {
                let weight = E::splat_f32(weights[q][p]);
                for (held, vector) in held.iter_mut().zip(vectors) {
                    *held = E::mul_add(weight, vector, *held);
                }
            }
        }
        for (q, held) in held.iter().enumerate() {
            for (v, &held) in held.iter().enumerate() {
                E::store_f32(sums.add(q * dim + d + v * E::LANES), held);
            }
        }
    }
}
