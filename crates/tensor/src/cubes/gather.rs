//! One layer of a cube: columns of a frame, side by side.
//!
//! A block of rows is put together in a buffer that stays in the first cache, converted there if need
//! be, and written out as whole cache lines, past the caches where the output is too large for them: a
//! line that is written whole need not be read first. What is read next is known, so the next layer is
//! brought into the second cache meanwhile. (Asking for the next rows in the first cache as well took
//! 10 to 20 % longer: requests compete with streamed lines for the same buffers of the core.)

use super::convert::Convert;
use super::tile::{Plain, TILE_MAX, Tile};
use crate::cpu::fetch_ahead;

/// Bytes of a cache line.
pub(super) const LINE: usize = 64;
/// Columns that a buffer holds side by side: 16 KiB of it with one line a column.
const PANEL: usize = 256;
/// Bytes of columns that are put together where columns stay columns.
const RUN: usize = 8 << 10;

/// Writes whole lines.
///
/// # Safety
/// Every function demands that the CPU has the instruction set, and room for the bytes named at both
/// places, which do not overlap.
#[allow(clippy::missing_safety_doc, reason = "one contract for all, above")]
pub(super) trait Stream {
    /// Copies a line to `to`, which is aligned to one, past the caches where the CPU can.
    unsafe fn line(from: *const u8, to: *mut u8);

    /// Copies `bytes`, in lines but for the ends.
    #[inline(always)]
    unsafe fn stream(from: *const u8, to: *mut u8, bytes: usize) {
        let head = to.align_offset(LINE).min(bytes);
        let tail = head + (bytes - head) / LINE * LINE;
        // SAFETY: the trait's contract; `to + at` is aligned.
        unsafe {
            to.copy_from_nonoverlapping(from, head);
            let mut at = head;
            while at < tail {
                Self::line(from.add(at), to.add(at));
                at += LINE;
            }
            to.add(tail).copy_from_nonoverlapping(from.add(tail), bytes - tail);
        }
    }
}

impl Stream for Plain {
    #[inline(always)]
    unsafe fn line(from: *const u8, to: *mut u8) {
        // SAFETY: the trait's contract.
        unsafe { to.copy_from_nonoverlapping(from, LINE) }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::tile::x86::{Avx2, Avx512};
    use super::Stream;
    use std::arch::x86_64::*;

    impl Stream for Avx512 {
        #[inline(always)]
        unsafe fn line(from: *const u8, to: *mut u8) {
            // SAFETY: the trait's contract.
            unsafe { _mm512_stream_si512(to.cast(), _mm512_loadu_si512(from.cast())) }
        }
    }

    impl Stream for Avx2 {
        #[inline(always)]
        unsafe fn line(from: *const u8, to: *mut u8) {
            // SAFETY: the trait's contract.
            unsafe {
                _mm256_stream_si256(to.cast(), _mm256_loadu_si256(from.cast()));
                _mm256_stream_si256(to.add(32).cast(), _mm256_loadu_si256(from.add(32).cast()));
            }
        }
    }
}

/// Makes other threads see the lines that were streamed.
#[inline(always)]
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// What all layers of a call have in common.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Rows and columns of a layer.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether a layer's columns stay adjacent in memory, not its rows.
    pub(super) by_column: bool,
    /// Bytes of an element of the output.
    pub(super) out_size: usize,
    pub(super) convert: Option<Convert>,
    /// Whether the output goes past the caches.
    pub(super) stream: bool,
}

impl Shape {
    /// Bytes of a layer.
    pub(super) fn layer_bytes(&self) -> usize {
        self.rows * self.columns * self.out_size
    }
}

/// The columns of a layer, each of `len` adjacent elements of which those from `start` on count.
pub(super) struct Columns<E> {
    /// One pointer a column; then the last one again, for the columns that are missing to a tile.
    pointers: Vec<*const E>,
    start: usize,
    len: usize,
}

// SAFETY: the pointers lead to memory that is borrowed, shared, for as long as they are used.
unsafe impl<E> Send for Columns<E> {}

impl<E: Copy + Default> Columns<E> {
    /// Points to nothing yet.
    pub(super) fn new(start: usize, len: usize) -> Self {
        Self { pointers: Vec::new(), start, len }
    }

    /// Points to nothing again.
    pub(super) fn clear(&mut self) {
        self.pointers.clear();
    }

    /// Takes the columns `picks` of a frame.
    pub(super) fn point_to(&mut self, frame: &[u8], picks: &[u32]) {
        let bytes = self.len * size_of::<E>();
        let column = |&pick: &u32| frame[pick as usize * bytes..][..bytes].as_ptr().cast::<E>();
        self.pointers.clear();
        self.pointers.extend(picks.iter().map(column));
        self.pad();
    }

    /// Takes `rows` of each of the `n` columns of `from`, copied to `copies`.
    ///
    /// # Safety
    /// The columns of `from` can be read.
    pub(super) unsafe fn copy_rows(
        &mut self,
        from: &Self,
        n: usize,
        rows: &[u32],
        copies: &mut Vec<E>,
    ) {
        copies.resize(n * self.len, E::default());
        self.pointers.clear();
        for (column, to) in from.pointers[..n].iter().zip(copies.chunks_exact_mut(self.len)) {
            for (&row, to) in rows.iter().zip(to.iter_mut()) {
                assert!((row as usize) < from.len, "a row of the column");
                // SAFETY: the row lies in the column, which can be read.
                *to = unsafe { column.add(row as usize).read_unaligned() };
            }
            self.pointers.push(to.as_ptr());
        }
        self.pad();
    }

    fn pad(&mut self) {
        if let Some(&last) = self.pointers.last() {
            self.pointers.extend([last; TILE_MAX]);
        }
    }
}

/// Where one thread puts layers together.
pub(super) struct Buffers<E> {
    block: Vec<E>,
    /// The block, converted.
    converted: Vec<u8>,
}

impl<E: Copy + Default> Buffers<E> {
    pub(super) fn new() -> Self {
        let elements = (PANEL * LINE).max(RUN) / size_of::<E>() + TILE_MAX;
        let converted = elements * size_of::<u64>();
        Self { block: vec![E::default(); elements], converted: vec![0; converted] }
    }
}

/// Writes the layer of `columns` to `out`, and asks for those of `next` meanwhile.
///
/// # Safety
/// The CPU has the instruction set `S`; the columns can be read from `start` on for `shape.rows`
/// elements, `len` is at least `S::N`, and `out` has room for the layer.
#[inline(always)]
pub(super) unsafe fn layer<E: Copy + Default, S: Tile<E> + Stream>(
    shape: &Shape,
    columns: &Columns<E>,
    next: &Columns<E>,
    buffers: &mut Buffers<E>,
    out: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if shape.by_column {
            by_column::<E, S>(shape, columns, next, buffers, out);
        } else {
            by_row::<E, S>(shape, columns, next, buffers, out);
        }
    }
}

/// Rows side by side, so that a line of each column is read and a few rows are written at a time.
///
/// # Safety
/// That of [`layer`].
#[inline(always)]
unsafe fn by_row<E: Copy + Default, S: Tile<E> + Stream>(
    shape: &Shape,
    columns: &Columns<E>,
    next: &Columns<E>,
    buffers: &mut Buffers<E>,
    out: *mut u8,
) {
    let height = LINE / size_of::<E>();
    for panel in (0..shape.columns).step_by(PANEL) {
        let width = PANEL.min(shape.columns - panel);
        for row in (0..shape.rows).step_by(height) {
            let block = Block { panel, width, row, height: height.min(shape.rows - row) };
            // SAFETY: the block lies in the layer, and the buffer holds a panel of a line a column.
            unsafe {
                assemble::<E, S>(columns, next, block, buffers.block.as_mut_ptr());
                if width == shape.columns {
                    let to = out.add(row * width * shape.out_size);
                    put::<E, S>(shape, buffers, 0, block.height * width, to);
                    continue;
                }
                for line in 0..block.height {
                    let to = out.add(((row + line) * shape.columns + panel) * shape.out_size);
                    put::<E, S>(shape, buffers, line * width, width, to);
                }
            }
        }
    }
}

/// Part of a layer: `width` columns from `panel` on, `height` rows from `row` on.
#[derive(Clone, Copy)]
struct Block {
    panel: usize,
    width: usize,
    row: usize,
    height: usize,
}

/// Transposes a block of the columns to `to`, its rows adjacent.
///
/// # Safety
/// That of [`layer`]; the block lies in the layer and at `to` there is room for it and a tile's side.
#[inline(always)]
unsafe fn assemble<E: Copy + Default, S: Tile<E> + Stream>(
    columns: &Columns<E>,
    next: &Columns<E>,
    block: Block,
    to: *mut E,
) {
    let Block { panel, width, row, height } = block;
    let pointers = columns.pointers[panel..].as_ptr();
    let ahead = next.pointers.get(panel..).filter(|ahead| ahead.len() >= width + TILE_MAX);
    let mut column = 0;
    loop {
        // The last tile overlaps the one before it where columns are no multiple of its side.
        let left = column.min(width.saturating_sub(S::N));
        if let Some(ahead) = ahead {
            for pointer in &ahead[left..left + S::N] {
                fetch_ahead(pointer.wrapping_add(next.start + row));
            }
        }
        for top in (0..height).step_by(S::N) {
            // SAFETY: the pointers are padded to a tile; `first` leaves a tile's side of elements.
            unsafe {
                let from = pointers.add(left);
                let wanted = columns.start + row + top;
                let first = wanted.min(columns.len - S::N);
                let to = to.add(top * width + left);
                if first == wanted {
                    S::transpose(from, first, to, width);
                } else {
                    let rows = wanted - first..(wanted - first + height - top).min(S::N);
                    part_of_tile::<E, S>(from, first, rows, to, width);
                }
            }
        }
        column += S::N;
        if column >= width {
            break;
        }
    }
}

/// Transposes a tile of which only `rows` are wanted, so that nothing is read past a column's end.
///
/// # Safety
/// That of [`Tile::transpose`], with room for the wanted rows alone.
#[inline(always)]
unsafe fn part_of_tile<E: Copy + Default, S: Tile<E>>(
    from: *const *const E,
    first: usize,
    rows: std::ops::Range<usize>,
    to: *mut E,
    stride: usize,
) {
    let mut tile = [E::default(); TILE_MAX * TILE_MAX];
    let width = S::N.min(stride);
    // SAFETY: the tile has room for its rows; the caller vouches for the wanted ones.
    unsafe {
        S::transpose(from, first, tile.as_mut_ptr(), S::N);
        for (line, row) in rows.enumerate() {
            let row = tile.as_ptr().add(row * S::N);
            to.add(line * stride).copy_from_nonoverlapping(row, width);
        }
    }
}

/// Columns side by side, as they are.
///
/// # Safety
/// That of [`layer`].
#[inline(always)]
unsafe fn by_column<E: Copy + Default, S: Stream>(
    shape: &Shape,
    columns: &Columns<E>,
    next: &Columns<E>,
    buffers: &mut Buffers<E>,
    out: *mut u8,
) {
    let run = RUN / size_of::<E>();
    let together = (run / shape.rows).max(1);
    for left in (0..shape.columns).step_by(together) {
        let count = together.min(shape.columns - left);
        for start in (0..shape.rows).step_by(run) {
            let len = run.min(shape.rows - start);
            for column in 0..count {
                // SAFETY: the columns can be read; the buffer holds a run.
                unsafe {
                    let from = columns.pointers[left + column].add(columns.start + start);
                    let to = buffers.block.as_mut_ptr().add(column * len);
                    // As bytes: the stack may start anywhere.
                    to.cast::<u8>().copy_from_nonoverlapping(from.cast(), len * size_of::<E>());
                }
                if let Some(ahead) = next.pointers.get(left + column) {
                    for line in (0..len).step_by(LINE / size_of::<E>()) {
                        let address = ahead.wrapping_add(next.start + start + line);
                        fetch_ahead(address);
                    }
                }
            }
            // SAFETY: the columns lie in the layer; where there are several, they are whole.
            unsafe {
                let to = out.add((left * shape.rows + start) * shape.out_size);
                put::<E, S>(shape, buffers, 0, count * len, to);
            }
        }
    }
}

/// Writes `count` elements of the block, from `start` on, to `out`, converted where asked.
///
/// # Safety
/// The block has the elements, `out` has room for them, and the CPU has the instruction set `S`.
#[inline(always)]
unsafe fn put<E, S: Stream>(
    shape: &Shape,
    buffers: &mut Buffers<E>,
    start: usize,
    count: usize,
    out: *mut u8,
) {
    let bytes = count * shape.out_size;
    // SAFETY: the caller's promise; the converted block is as long as the block.
    unsafe {
        let mut from: *const u8 = buffers.block.as_ptr().add(start).cast();
        if let Some(convert) = shape.convert {
            let converted = buffers.converted.as_mut_ptr();
            convert(from, converted, count);
            from = converted;
        }
        if shape.stream {
            S::stream(from, out, bytes);
        } else {
            out.copy_from_nonoverlapping(from, bytes);
        }
    }
}
