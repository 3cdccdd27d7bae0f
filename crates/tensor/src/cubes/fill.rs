//! The work of [`Cubes::fill`], split over threads.

use std::ops::Range;

use super::checksum::xxh64;
use super::convert::converter;
use super::gather::{Buffers, Columns, Shape, Stream, fence, layer};
use super::tile::{Plain, TILE_MAX, Tile};
use super::{Cubes, Draws, Layout, Recipe, Rows};
use crate::control::{Cancelled, Control};
use crate::cpu::Isa;
use crate::parallel::Team;

/// Bytes of output that a thread makes before it looks for more work or for a request to stop.
const BLOCK_BYTES: usize = 1 << 20;
/// Outputs of at least so many bytes are written past the caches.
const STREAM_BYTES: usize = 1 << 20;

/// The instruction sets of an element size.
pub(super) trait Element: Copy + Default + Send {
    type Avx2: Tile<Self> + Stream;
    type Avx512: Tile<Self> + Stream;
}

#[cfg(target_arch = "x86_64")]
mod elements {
    use super::super::tile::x86::{Avx2, Avx512};
    use super::Element;

    impl Element for u64 {
        type Avx2 = Avx2;
        type Avx512 = Avx512;
    }
    impl Element for u32 {
        type Avx2 = Avx2;
        type Avx512 = Avx512;
    }
    // Its squares of 8 x 8 fill registers of 128 bits; larger ones were not worth a second body.
    impl Element for u16 {
        type Avx2 = Avx2;
        type Avx512 = Avx2;
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl<E: Copy + Default + Send> Element for E {
    type Avx2 = Plain;
    type Avx512 = Plain;
}

/// One call of [`Cubes::fill`].
pub(super) struct Call<'a> {
    pub(super) cubes: &'a Cubes,
    pub(super) stack: &'a [u8],
    pub(super) first: u64,
    pub(super) isa: Isa,
    pub(super) n_threads: usize,
}

/// What becomes of layers.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// They are written to the memory that starts here.
    Memory(*mut u8),
    /// They are made in a buffer of the thread's and added up as hashes.
    Sum,
}

// SAFETY: threads write to layers, which are disjoint.
unsafe impl Sync for Target {}

impl Call<'_> {
    /// Makes `n_cubes`; returns the sum of the layers' hashes, where that is the target.
    ///
    /// A block is some cubes' layers of a few frames, so that what is read of a frame stays in a core's own
    /// cache while it serves all of these cubes.
    ///
    /// # Safety
    /// Memory that is a target has room for the cubes, and nothing else uses it meanwhile.
    pub(super) unsafe fn run<E: Element>(
        &self,
        n_cubes: usize,
        target: Target,
        control: &Control,
    ) -> Result<u64, Cancelled> {
        if n_cubes == 0 {
            return control.check().map(|()| 0);
        }
        let frames = self.cubes.recipe.shape[0];
        let out_bytes = n_cubes.saturating_mul(self.cubes.cube_bytes);
        let shape = self.shape(matches!(target, Target::Memory(_)) && out_bytes >= STREAM_BYTES);
        let layers = (BLOCK_BYTES / shape.layer_bytes()).max(1);
        let cubes_a_block = layers.min(n_cubes);
        let frames_a_block = (layers / cubes_a_block).min(frames);
        let groups = n_cubes.div_ceil(cubes_a_block);
        let n_blocks = groups * frames.div_ceil(frames_a_block);
        let target = &target;
        Team::run(self.n_threads.min(n_blocks), control, |team| {
            let mut workers: Vec<_> =
                (0..team.n_threads()).map(|_| Worker::<E>::new(self, shape)).collect();
            team.for_each(&mut vec![(); n_blocks], &mut workers, |block, (), worker| {
                let (cube, frame) =
                    (block % groups * cubes_a_block, block / groups * frames_a_block);
                let cubes = cube..(cube + cubes_a_block).min(n_cubes);
                let frames = frame..(frame + frames_a_block).min(frames);
                // SAFETY: the target has room for the block, whose layers no other block has.
                unsafe { worker.block(cubes, frames, target) };
            })?;
            Ok(workers.iter().fold(0u64, |sum, worker| sum.wrapping_add(worker.sum)))
        })
    }

    fn shape(&self, stream: bool) -> Shape {
        let Recipe { shape: [_, rows, columns], dtype, layout, .. } = self.cubes.recipe;
        Shape {
            rows,
            columns,
            by_column: layout == Layout::FrameColumnRow,
            out_size: dtype.size(),
            convert: converter(self.cubes.stack.dtype, dtype, self.isa),
            stream,
        }
    }
}

/// What one thread works with.
struct Worker<'a, E> {
    call: &'a Call<'a>,
    shape: Shape,
    draws: Draws<'a>,
    /// The columns of a layer; where layers share them, those of each cube of the block.
    picks: Vec<u32>,
    /// The first cube of the block.
    first: usize,
    current: Columns<E>,
    next: Columns<E>,
    rows: Option<PickedRows<E>>,
    buffers: Buffers<E>,
    /// A layer that is added up, and the sum of those before it.
    layer: Vec<u8>,
    sum: u64,
}

/// Rows that are not adjacent, or too few for a tile: they are copied out of their columns first.
struct PickedRows<E> {
    picks: Vec<u32>,
    copies: Vec<E>,
    columns: Columns<E>,
    /// Nothing is asked for ahead: which lines would be needed depends on the rows.
    none: Columns<E>,
}

impl<'a, E: Element> Worker<'a, E> {
    fn new(call: &'a Call<'a>, shape: Shape) -> Self {
        let (stack, recipe) = (call.cubes.stack, call.cubes.recipe);
        let (start, adjacent) = match recipe.rows {
            Rows::Every { start, step } => (start, step == 1 || shape.rows == 1),
            Rows::Random => (0, false),
        };
        let picked = !adjacent || stack.rows < TILE_MAX;
        let len = shape.rows.max(TILE_MAX);
        let columns = || Columns::new(if picked { 0 } else { start }, stack.rows);
        Self {
            call,
            shape,
            draws: Draws::new(call.cubes),
            picks: vec![0; shape.columns],
            first: 0,
            current: columns(),
            next: columns(),
            rows: picked.then(|| PickedRows {
                picks: vec![0; shape.rows],
                copies: Vec::new(),
                columns: Columns::new(0, len),
                none: Columns::new(0, len),
            }),
            buffers: Buffers::new(),
            layer: Vec::new(),
            sum: 0,
        }
    }

    /// Makes the layers `frames` of each of `cubes`.
    ///
    /// # Safety
    /// Memory that is the target has room for them, and no other thread touches these layers.
    unsafe fn block(&mut self, cubes: Range<usize>, frames: Range<usize>, target: &Target) {
        self.draw_shared(cubes.clone());
        let mut layers = frames.flat_map(|frame| cubes.clone().map(move |cube| (cube, frame)));
        let mut ahead = layers.next();
        if let Some((cube, frame)) = ahead {
            self.draw(cube, frame);
        }
        while let Some((cube, frame)) = ahead {
            std::mem::swap(&mut self.current, &mut self.next);
            ahead = layers.next();
            match ahead {
                Some((cube, frame)) => self.draw(cube, frame),
                None => self.next.clear(),
            }
            match *target {
                Target::Memory(out) => {
                    let (cube_bytes, layer_bytes) =
                        (self.call.cubes.cube_bytes, self.shape.layer_bytes());
                    // SAFETY: the caller's promise; so the layer stands in memory.
                    unsafe {
                        let out = out.add(cube * cube_bytes + frame * layer_bytes);
                        self.make(cube, frame, out);
                    }
                }
                Target::Sum => self.add(cube, frame),
            }
        }
        fence();
    }

    /// Draws once what the layers of a cube share.
    fn draw_shared(&mut self, cubes: Range<usize>) {
        self.first = cubes.start;
        if self.call.cubes.recipe.per_layer {
            return;
        }
        self.picks.resize(cubes.len() * self.shape.columns, 0);
        for (cube, picks) in cubes.zip(self.picks.chunks_exact_mut(self.shape.columns)) {
            self.draws.columns(self.call.first.wrapping_add(cube as u64), 0, picks);
        }
    }

    /// Makes `next` the columns of a layer.
    fn draw(&mut self, cube: usize, frame: usize) {
        let frame_bytes = self.call.stack.len() / self.call.cubes.stack.frames;
        let stack = &self.call.stack[frame * frame_bytes..][..frame_bytes];
        let columns = self.shape.columns;
        let picks = if self.call.cubes.recipe.per_layer {
            let cube = self.call.first.wrapping_add(cube as u64);
            self.draws.columns(cube, frame, &mut self.picks);
            &self.picks[..]
        } else {
            &self.picks[(cube - self.first) * columns..][..columns]
        };
        self.next.point_to(stack, picks);
    }

    /// Adds the hash of the layer of the `current` columns to the sum.
    fn add(&mut self, cube: usize, frame: usize) {
        let mut layer = std::mem::take(&mut self.layer);
        layer.resize(self.shape.layer_bytes(), 0);
        // SAFETY: there is room for the layer.
        unsafe { self.make(cube, frame, layer.as_mut_ptr()) };
        let cube = self.call.first.wrapping_add(cube as u64);
        let frames = self.call.cubes.recipe.shape[0] as u64;
        let seed = cube.wrapping_mul(frames).wrapping_add(frame as u64);
        self.sum = self.sum.wrapping_add(xxh64(&layer, seed));
        self.layer = layer;
    }

    /// Writes the layer of the `current` columns to `out`.
    ///
    /// # Safety
    /// There is room for it.
    unsafe fn make(&mut self, cube: usize, frame: usize, out: *mut u8) {
        let (shape, buffers) = (&self.shape, &mut self.buffers);
        let (mut columns, mut next) = (&self.current, &self.next);
        if let Some(rows) = &mut self.rows {
            let cube = self.call.first.wrapping_add(cube as u64);
            self.draws.rows(cube, frame, &mut rows.picks);
            // SAFETY: the columns lie in the stack, which is borrowed.
            unsafe {
                rows.columns.copy_rows(columns, shape.columns, &rows.picks, &mut rows.copies);
            }
            (columns, next) = (&rows.columns, &rows.none);
        }
        // SAFETY: the CPU has the instruction set, as `fill` checked; the columns have all rows, and a
        // tile's side of them at least; the caller vouches for `out`.
        unsafe {
            match self.call.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512(shape, columns, next, buffers, out),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2(shape, columns, next, buffers, out),
                _ => layer::<E, Plain>(shape, columns, next, buffers, out),
            }
        }
    }
}

/// # Safety
/// That of [`layer`], on AVX-512 F, VL, DQ and BW.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt,avx512f,avx512vl,avx512dq,avx512bw")]
unsafe fn avx512<E: Element>(
    shape: &Shape,
    columns: &Columns<E>,
    next: &Columns<E>,
    buffers: &mut Buffers<E>,
    out: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { layer::<E, E::Avx512>(shape, columns, next, buffers, out) }
}

/// # Safety
/// That of [`layer`], on AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<E: Element>(
    shape: &Shape,
    columns: &Columns<E>,
    next: &Columns<E>,
    buffers: &mut Buffers<E>,
    out: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { layer::<E, E::Avx2>(shape, columns, next, buffers, out) }
}
