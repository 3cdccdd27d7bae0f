//! Products of inputs with weights, divided among threads.

use std::cell::Cell;
use std::marker::PhantomData;

use super::by_kind;
use super::floats::{self, Stored};
use super::inputs::{Block, GROUP, Inputs};
use super::kinds::TILE;
use super::kinds::{BLOCK, Kind, widen};
use super::product::{self, Out, Tile};
use super::weights::Weights;
use crate::cpu::Isa;
use crate::engine::{Code, Engine, entry};
use crate::pool::{for_each_block, n_threads};

/// Multiplications that are worth another thread.
const THREAD_WORK: usize = 1 << 17;
/// Shares of a thread, so that one that is interrupted keeps the others waiting for less.
const SHARES: usize = 8;
/// Most bytes of the tiles that one thread works on at a time: what its second cache holds beside inputs.
const SHARE_BYTES: usize = 1 << 17;

/// Multiplies the rows of `inputs` with each of `weights`: element (r, i) of `outs[w]` is the product of
/// row r of the inputs and row i of weights w, summed over columns in one order, so that its bits depend
/// neither on other rows, nor on threads or the instruction set.
///
/// # Panics
/// Where there are not as many outputs as weights, one has not rows of inputs times rows of weights
/// elements, columns differ, or the inputs were not set for such weights.
pub fn matmul(inputs: &Inputs, weights: &[&Weights], outs: &mut [&mut [f32]]) {
    matmul_on(Isa::detect(), inputs, weights, outs);
}

/// As [`matmul`], with the instructions of `isa`, or plain ones where this CPU lacks them.
///
/// # Panics
/// As [`matmul`].
pub fn matmul_on(isa: Isa, inputs: &Inputs, weights: &[&Weights], outs: &mut [&mut [f32]]) {
    assert_eq!(weights.len(), outs.len(), "an output for each of the weights");
    let work = inputs.rows() * inputs.columns() * weights.iter().map(|w| w.rows()).sum::<usize>();
    let bytes = weights.iter().map(|weights| weights.as_bytes().len()).sum::<usize>();
    let share = (bytes / (n_threads() * SHARES)).min(SHARE_BYTES);
    let jobs: Vec<Job> = weights
        .iter()
        .zip(outs)
        .filter(|(_, out)| !out.is_empty())
        .map(|(weights, out)| Job::new(isa, inputs, weights, out, share))
        .collect();
    let n_shares = jobs.iter().map(Job::n_shares).sum();
    let multiply = |mut index: usize| {
        for job in &jobs {
            if index < job.n_shares() {
                // SAFETY: each share is handed out once.
                return unsafe { job.multiply(index) };
            }
            index -= job.n_shares();
        }
    };
    if work < THREAD_WORK {
        (0..n_shares).for_each(multiply);
    } else {
        for_each_block(n_shares, multiply);
    }
}

/// A product of all inputs with some weights.
struct Job<'a> {
    run: unsafe fn(Share<'a>),
    all: Share<'a>,
    /// Tiles of a share.
    tiles: usize,
    tile_bytes: usize,
}

// SAFETY: shares are written by one thread each, as `multiply` demands; all else is read only.
unsafe impl Sync for Job<'_> {}

/// Some tiles of a product.
#[derive(Clone, Copy)]
struct Share<'a> {
    inputs: &'a Inputs,
    tiles: &'a [u8],
    n_tiles: usize,
    out: Out,
}

impl<'a> Job<'a> {
    fn new(
        isa: Isa,
        inputs: &'a Inputs,
        weights: &'a Weights,
        out: &'a mut [f32],
        share: usize,
    ) -> Self {
        assert_eq!(weights.cols(), inputs.columns(), "columns of weights and inputs");
        assert_eq!(out.len(), inputs.rows() * weights.rows(), "elements of an output");
        let set =
            if weights.is_float() { inputs.floats().is_some() } else { inputs.blocks().is_some() };
        assert!(set, "inputs are set for weights of {}", weights.kind());
        let run = by_kind!(weights.kind(), K => entry::<Quantised<K>, _>(isa), S => {
            entry::<Floats<S>, _>(isa)
        });
        let out = Out { at: out.as_mut_ptr(), step: weights.rows(), width: weights.rows() };
        let n_tiles = weights.rows().div_ceil(TILE);
        let tile_bytes = weights.tile_bytes();
        let tiles = (share / tile_bytes.max(1)).clamp(1, n_tiles);
        Self {
            run,
            all: Share { inputs, tiles: weights.as_bytes(), n_tiles, out },
            tiles,
            tile_bytes,
        }
    }

    fn n_shares(&self) -> usize {
        self.all.n_tiles.div_ceil(self.tiles)
    }

    /// # Safety
    /// No other thread does this share.
    unsafe fn multiply(&self, index: usize) {
        let first = index * self.tiles;
        let n_tiles = self.tiles.min(self.all.n_tiles - first);
        let tiles = &self.all.tiles[first * self.tile_bytes..][..n_tiles * self.tile_bytes];
        let at = self.all.out.at.wrapping_add(first * TILE);
        let width = (self.all.out.width - first * TILE).min(n_tiles * TILE);
        let out = Out { at, width, ..self.all.out };
        // SAFETY: `run` is for what this CPU has; the inputs are set and have the columns of the tiles, and
        // the output has as many rows, of which nobody else writes these columns.
        unsafe { (self.run)(Share { tiles, n_tiles, out, ..self.all }) }
    }
}

/// Products with weights of kind `K`.
struct Quantised<K>(PhantomData<K>);

thread_local! {
    /// Tiles that were widened.
    static WIDENED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<K: Kind> Code<Share<'_>> for Quantised<K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<E: Engine>(share: Share<'_>) {
        let columns = share.inputs.columns();
        // SAFETY: as `Job::multiply` promises.
        unsafe {
            if K::IS_WIDE || share.inputs.rows() <= GROUP {
                return quantised::<E, K>(share);
            }
            let blocks = columns / BLOCK;
            let (bytes, wide) =
                (share.tiles.len() / share.n_tiles, blocks * (K::Wide::NUMBERS + K::Wide::SCALES));
            // Taken and given back, since what a closure does would not be compiled with this function.
            let mut widened = WIDENED.take();
            if widened.len() < share.n_tiles * wide {
                widened.resize(share.n_tiles * wide, 0);
            }
            for index in 0..share.n_tiles {
                let tile = share.tiles.as_ptr().add(index * bytes);
                widen::<E, K>(tile, columns, widened.as_mut_ptr().add(index * wide));
            }
            let tiles = &widened[..share.n_tiles * wide];
            quantised::<E, K::Wide>(Share { tiles, ..share });
            WIDENED.set(widened);
        }
    }
}

/// # Safety
/// The CPU has the engine's instruction set; the tiles are of kind `K`, and the output is there.
#[inline(always)]
unsafe fn quantised<E: Engine, K: Kind>(share: Share<'_>) {
    let (rows, columns) = (share.inputs.rows(), share.inputs.columns());
    let blocks: &[Block] = share.inputs.blocks().expect("the inputs are set");
    let tile_bytes = share.tiles.len() / share.n_tiles;
    for first in (0..rows).step_by(GROUP) {
        let count = GROUP.min(rows - first);
        let at = blocks.as_ptr().wrapping_add(first * (columns / BLOCK));
        let rows = product::Rows { at, step: count, count };
        let out = share.out.from(first);
        for index in 0..share.n_tiles {
            let at = share.tiles.as_ptr().wrapping_add(index * tile_bytes);
            let width = TILE.min(out.width - index * TILE);
            let out = Out { at: out.at.wrapping_add(index * TILE), width, ..out };
            // SAFETY: as the caller promises.
            unsafe { product::multiply::<E, K>(Tile { at, columns }, rows, out) };
        }
    }
}

/// Products with weights that are floats.
struct Floats<S>(PhantomData<S>);

impl<S: Stored> Code<Share<'_>> for Floats<S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<E: Engine>(share: Share<'_>) {
        let (rows, columns) = (share.inputs.rows(), share.inputs.columns());
        let floats = share.inputs.floats().expect("the inputs are set");
        for first in (0..rows).step_by(GROUP) {
            let count = GROUP.min(rows - first);
            let at = floats.as_ptr().wrapping_add(first * columns);
            let rows = floats::Rows { at, step: count, count };
            let tiles = floats::Tiles { at: share.tiles.as_ptr(), columns, count: share.n_tiles };
            // SAFETY: as `Job::multiply` promises.
            unsafe { floats::multiply::<E, S>(tiles, rows, share.out.from(first)) };
        }
    }
}
