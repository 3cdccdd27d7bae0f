//! One run of a tape: tiles, and threads where that is worth it.

use std::cell::RefCell;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use super::chain::Chain;
use super::loops::{DIVISION_BY_ZERO, Faults, Loop, Run};
use super::source::Sources;
use super::stream;
use crate::array::Buffer;
use crate::ops::error::OpError;
use crate::pool;

/// Bytes that the tiles of one step should fit into: half a first-level cache.
const TILE_BYTES: usize = 24 << 10;
/// Least and most elements of a tile, and what its size is a multiple of.
const TILE_MIN: usize = 128;
const TILE_MAX: usize = 2048;
const TILE_STEP: usize = 64;
/// What another thread must save, in 16ths of a nanosecond: some 20 µs.
const SHARE_MIN: usize = 320_000;
/// Bytes of results from which on they are written past the caches, which they would only sweep.
const STREAM_MIN: usize = 16 << 20;
/// Blocks that each thread gets: more than one, since threads are not equally fast.
const BLOCKS_PER_THREAD: usize = 4;

/// What is done to tiles, and the places that it works on.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Loop { code: Loop, to: u16, from: [u16; 3] },
    Chain(Chain),
}

impl Step {
    /// The place of its result.
    pub(super) fn to(&self) -> u16 {
        match self {
            Self::Loop { to, .. } => *to,
            Self::Chain(chain) => chain.to,
        }
    }

    /// Does it to `n` elements.
    ///
    /// # Safety
    /// The places hold `n` elements of the types that it wants; its result overlaps no operand, but a
    /// chain's may lie where one does.
    #[inline]
    unsafe fn run(&self, n: usize, places: &[*mut u8], sources: &Sources) -> Faults {
        match *self {
            Self::Loop { code, to, from } => {
                let one = sources.is_lone(from[1]);
                let from = from.map(|place| places[usize::from(place)].cast_const());
                // SAFETY: as the caller promises.
                unsafe { code(Run { n, to: places[usize::from(to)], from, one }) }
            }
            Self::Chain(ref chain) => {
                // SAFETY: as the caller promises.
                unsafe { chain.run(n, places, sources) };
                0
            }
        }
    }
}

/// Where a result is to be written.
pub(super) struct Target {
    pub(super) start: *mut u8,
    /// Bytes of an element.
    pub(super) size: usize,
}

impl Target {
    /// The first `n` elements of `buffer`.
    ///
    /// # Panics
    /// Where it has fewer.
    pub(super) fn new(buffer: &mut Buffer, n: usize, size: usize) -> Self {
        Self { start: buffer.as_mut_slice::<u8>(n * size).as_mut_ptr(), size }
    }
}

/// The places that steps work on: first the sources, then the targets, then slots. It is in memory
/// that a thread keeps from run to run.
#[derive(Default)]
pub(super) struct Job {
    pub(super) sources: Sources,
    pub(super) targets: Vec<Target>,
}

impl Job {
    /// Gives `fill` a job that has no places but `n_slots` slots.
    pub(super) fn with<R>(n_slots: usize, fill: impl FnOnce(&mut Self) -> R) -> R {
        KEPT.with_borrow_mut(|job| {
            job.sources.restart(n_slots);
            job.targets.clear();
            fill(job)
        })
    }

    /// Computes `n` elements. `widest` is the size in bytes of the widest that a step writes or reads,
    /// and `cost` is about how long an element takes, in 16ths of a nanosecond.
    ///
    /// # Safety
    /// Sources and targets are there, of the types that the steps want; steps name places that are.
    pub(super) unsafe fn run(
        &self,
        steps: &[Step],
        n: usize,
        widest: usize,
        cost: usize,
    ) -> Result<(), OpError> {
        let work = self.work(steps, n, widest);
        let faults = if n.saturating_mul(cost) < 2 * SHARE_MIN || pool::n_threads() == 1 {
            // SAFETY: as the caller promises.
            unsafe { work.run_range(0, n) }
        } else {
            // SAFETY: as the caller promises.
            unsafe { work.run_shared(n, cost) }
        };
        result(faults)
    }

    /// As [`run`](Self::run), of the ranges that `make` says are ready, on the threads on which it does.
    ///
    /// # Safety
    /// As [`run`](Self::run)'s; `make` names each element once.
    pub(super) unsafe fn run_as_made(
        &self,
        steps: &[Step],
        n: usize,
        widest: usize,
        make: impl FnOnce(&(dyn Fn(Range<usize>) + Sync)),
    ) -> Result<(), OpError> {
        let work = self.work(steps, n, widest);
        let faults = AtomicU8::new(0);
        make(&|range| {
            assert!(range.start <= range.end && range.end <= n, "elements of the outputs");
            // SAFETY: as the caller promises.
            let found = unsafe { work.run_range(range.start, range.end) };
            faults.fetch_or(found, Ordering::Relaxed);
        });
        result(faults.into_inner())
    }

    fn work<'a>(&'a self, steps: &'a [Step], n: usize, widest: usize) -> Work<'a> {
        let tile = self.tile(n, widest);
        Work { steps, job: self, tile, widest, streams: self.streams(n) }
    }

    /// Whether results are written past the caches: not where they are read there.
    fn streams(&self, n: usize) -> bool {
        let size: usize = self.targets.iter().map(|target| target.size).sum();
        n.saturating_mul(size) >= STREAM_MIN && !self.sources.in_targets()
    }

    /// Elements of a tile.
    fn tile(&self, n: usize, widest: usize) -> usize {
        if n <= TILE_MIN {
            return n.max(1).next_multiple_of(TILE_STEP);
        }
        let live = self.sources.n_slots() + self.sources.len().min(2) + self.targets.len();
        let fits = TILE_BYTES / (live * widest).max(1) / TILE_STEP * TILE_STEP;
        fits.clamp(TILE_MIN, TILE_MAX).min(n.next_multiple_of(TILE_STEP))
    }
}

fn result(faults: Faults) -> Result<(), OpError> {
    match faults {
        0 => Ok(()),
        faults if faults & DIVISION_BY_ZERO != 0 => Err(OpError::DivisionByZero),
        _ => Err(OpError::NegativeExponent),
    }
}

thread_local! {
    static KEPT: RefCell<Job> = RefCell::default();
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Steps at work on the places of a job, for any thread.
struct Work<'a> {
    steps: &'a [Step],
    job: &'a Job,
    tile: usize,
    widest: usize,
    /// Whether results are written to slots behind the others, and past the caches from there.
    streams: bool,
}

// SAFETY: threads read the sources, and write parts of the targets that do not overlap.
unsafe impl Sync for Work<'_> {}

impl Work<'_> {
    /// Computes `n` elements on many threads.
    ///
    /// # Safety
    /// As [`Job::run`].
    unsafe fn run_shared(&self, n: usize, cost: usize) -> Faults {
        let shares = (pool::n_threads() * BLOCKS_PER_THREAD).min(n * cost / SHARE_MIN);
        let block = n.div_ceil(shares).next_multiple_of(self.tile);
        let faults = AtomicU8::new(0);
        pool::for_each_block(n.div_ceil(block), |k| {
            let end = n.min((k + 1) * block);
            // SAFETY: as the caller promises; blocks do not overlap.
            let found = unsafe { self.run_range(k * block, end) };
            faults.fetch_or(found, Ordering::Relaxed);
        });
        faults.into_inner()
    }

    /// Computes the elements from `start` to `end`.
    ///
    /// # Safety
    /// As [`Job::run`]; no one else writes these elements.
    unsafe fn run_range(&self, start: usize, end: usize) -> Faults {
        SCRATCH.with_borrow_mut(|scratch| {
            let slots = scratch.lay_out(self);
            // SAFETY: slots have room for a tile.
            unsafe { self.job.sources.prepare(slots, self.tile) };
            let mut faults = 0;
            for first in (start..end).step_by(self.tile) {
                let n = self.tile.min(end - first);
                // SAFETY: as the caller promises.
                faults |= unsafe { self.run_tile(first, n, slots, &mut scratch.places) };
            }
            if self.streams {
                stream::fence();
            }
            faults
        })
    }

    /// Computes the `n` elements from `first` on.
    ///
    /// # Safety
    /// As [`Work::run_range`]; `places` end with the slots, which have room for a tile.
    #[inline]
    unsafe fn run_tile(
        &self,
        first: usize,
        n: usize,
        slots: Slots,
        places: &mut [*mut u8],
    ) -> Faults {
        // SAFETY: the elements exist, and slots have room for them.
        unsafe { self.job.sources.locate(first, n, slots, places) };
        let n_sources = self.job.sources.len();
        if !self.streams {
            for (place, target) in places[n_sources..].iter_mut().zip(&self.job.targets) {
                // SAFETY: the elements exist.
                *place = unsafe { target.start.add(first * target.size) };
            }
        }
        let mut faults = 0;
        for step in self.steps {
            // SAFETY: the places hold `n` elements of the types that the step wants, and were laid out
            // for it.
            faults |= unsafe { step.run(n, places, &self.job.sources) };
        }
        if self.streams {
            for (place, target) in places[n_sources..].iter().zip(&self.job.targets) {
                // SAFETY: the elements exist; tiles, slots and buffers start on cache lines.
                unsafe {
                    let to = target.start.add(first * target.size);
                    stream::copy(*place, to, n * target.size);
                }
            }
        }
        faults
    }
}

/// Memory that a thread keeps from run to run.
#[derive(Default)]
struct Scratch {
    memory: Buffer,
    places: Vec<*mut u8>,
}

impl Scratch {
    /// Makes room for the slots and all places; the places of the slots are behind the others.
    fn lay_out(&mut self, work: &Work<'_>) -> Slots {
        let n_slots = work.job.sources.n_slots();
        let n_targets = work.job.targets.len();
        // A line more than a tile, so that tiles do not compete for the same cache sets.
        let stride = (work.tile * work.widest).next_multiple_of(64) + 64;
        let bytes = (n_slots + if work.streams { n_targets } else { 0 }) * stride;
        if self.memory.len() < bytes {
            self.memory = Buffer::zeroed(bytes);
        }
        let slots = Slots { start: self.memory.as_mut_slice::<u8>(bytes).as_mut_ptr(), stride };
        self.places.clear();
        self.places.resize(work.job.sources.len(), ptr::null_mut());
        self.places.extend((n_slots..n_slots + n_targets).map(|k| slots.at(k)));
        self.places.extend((0..n_slots).map(|k| slots.at(k)));
        slots
    }
}

/// Pieces of memory for a tile each.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    start: *mut u8,
    /// Bytes from one to the next.
    stride: usize,
}

impl Slots {
    #[inline]
    pub(super) fn at(self, slot: usize) -> *mut u8 {
        self.start.wrapping_add(slot * self.stride)
    }
}
