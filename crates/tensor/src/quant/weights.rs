//! A matrix of weights, in tiles.

use std::sync::Arc;

use ferrule_base::BlockKind;

use super::by_kind;
use super::floats::Stored;
use super::kinds::TILE;
use super::kinds::{BLOCK, Kind, Scales};
use super::pack::pack;
use crate::cpu::Isa;
use crate::engine::{Code, Engine, entry};
use crate::ops::blocks::Parts;
use crate::pool::for_each_block;

/// Bytes that a thread packs in a go.
const PACKED_BYTES: usize = 1 << 18;

/// A matrix of weights as kernels read it: tiles of 16 rows, of as many bits as the source. The last tile
/// has 16 rows too.
#[derive(Clone, Debug)]
pub struct Weights {
    kind: BlockKind,
    rows: usize,
    cols: usize,
    bytes: Bytes,
}

/// Where tiles lie.
#[derive(Clone)]
struct Bytes {
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    /// Their first byte in what the owner has.
    start: usize,
    len: usize,
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        &(*self.owner).as_ref()[self.start..self.start + self.len]
    }
}

impl Weights {
    /// Bytes of `rows` times `cols` weights once packed, which is 16 whole rows a tile; `None` where rows are
    /// not whole blocks or the size overflows.
    pub fn packed_len(kind: BlockKind, rows: usize, cols: usize) -> Option<usize> {
        let row = kind.bytes_of(cols)?;
        rows.div_ceil(TILE).checked_mul(TILE)?.checked_mul(row)
    }

    /// Packs `source`, the blocks of `kind` of one row after the other, on all threads.
    ///
    /// # Panics
    /// Where `source` is not as long as that, or rows are not whole blocks.
    pub fn pack(kind: BlockKind, rows: usize, cols: usize, source: &[u8]) -> Self {
        let len = Self::packed_len(kind, rows, cols).expect("rows of whole blocks");
        // Memory that is zero already, and touched first by who packs into it.
        let mut bytes = vec![0u8; len + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        Self::pack_into(kind, rows, cols, source, &mut bytes[start..start + len]);
        Self { kind, rows, cols, bytes: Bytes { owner: Arc::new(bytes), start, len } }
    }

    /// As [`pack`](Self::pack), into `to`, which is all zero and [`packed_len`](Self::packed_len) long. What
    /// stands there afterwards depends on nothing else: it may be kept in a file.
    ///
    /// # Panics
    /// Where lengths are not these, or rows are not whole blocks.
    pub fn pack_into(kind: BlockKind, rows: usize, cols: usize, source: &[u8], to: &mut [u8]) {
        let row = kind.bytes_of(cols).expect("rows of whole blocks");
        assert_eq!(source.len(), rows * row, "bytes of {rows} x {cols} weights of {kind}");
        assert_eq!(Some(to.len()), Self::packed_len(kind, rows, cols), "packed bytes");
        if to.is_empty() {
            return;
        }
        let tile = TILE * row;
        let tiles = (PACKED_BYTES / tile).max(1);
        let parts = Parts::new(to);
        for_each_block(parts.len().div_ceil(tiles * tile), |index| {
            let first = index * tiles * tile;
            let len = (tiles * tile).min(parts.len() - first);
            // SAFETY: parts do not overlap, and each is handed out once.
            let to = unsafe { parts.part(first, len) };
            let source = &source[first..source.len().min(first + len)];
            for (source, to) in source.chunks(tile).zip(to.chunks_exact_mut(tile)) {
                pack_tile(kind, cols, source, to);
            }
        });
    }

    /// Weights that were packed before and lie in `owner` from byte `start` on; fastest where that is a
    /// multiple of 64 in memory. `None` where they end beyond it, or rows are not whole blocks.
    pub fn from_packed(
        kind: BlockKind,
        rows: usize,
        cols: usize,
        owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
        start: usize,
    ) -> Option<Self> {
        let len = Self::packed_len(kind, rows, cols)?;
        let end = start.checked_add(len)?;
        if end > (*owner).as_ref().len() {
            return None;
        }
        Some(Self { kind, rows, cols, bytes: Bytes { owner, start, len } })
    }

    /// The number of rows: of outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns: of inputs.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// How they are stored.
    pub fn kind(&self) -> BlockKind {
        self.kind
    }

    /// The packed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Whether inputs are multiplied as floats.
    pub(super) fn is_float(&self) -> bool {
        self.kind.block_len() == 1
    }

    /// Bytes of a tile.
    pub(super) fn tile_bytes(&self) -> usize {
        TILE * self.kind.bytes_of(self.cols).expect("rows of whole blocks")
    }

    /// Writes the weights of `row` to `out`: what [`dequantise`](super::dequantise()) gives of the source, bit for bit.
    ///
    /// # Panics
    /// Where there is no such row, or `out` has not as many elements as there are columns.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        assert_eq!(out.len(), self.cols, "columns");
        let bytes = self.tile_bytes();
        let tile = &self.as_bytes()[row / TILE * bytes..][..bytes];
        let args = Row { tile, row: row % TILE, out };
        let isa = Isa::detect();
        by_kind!(self.kind, K => {
            // SAFETY: `entry` asks for what this CPU has.
            unsafe { entry::<RowOf<K>, _>(isa)(args) }
        }, S => {
            let elements = args.tile.chunks_exact(S::BYTES);
            for (out, from) in args.out.iter_mut().zip(elements.skip(args.row).step_by(TILE)) {
                *out = S::value(from);
            }
        });
    }
}

/// Bytes that a vector is aligned to.
const ALIGNMENT: usize = 64;

/// Packs up to 16 rows.
fn pack_tile(kind: BlockKind, cols: usize, source: &[u8], to: &mut [u8]) {
    let groups = cols / kind.block_len();
    by_kind!(kind, K => pack::<K>(source, groups, kind.block_bytes(), to), S => {
        for (row, source) in source.chunks_exact(groups * S::BYTES).enumerate() {
            let places = to.chunks_exact_mut(S::BYTES).skip(row).step_by(TILE);
            for (to, from) in places.zip(source.chunks_exact(S::BYTES)) {
                to.copy_from_slice(from);
            }
        }
    });
}

/// A row of a tile.
struct Row<'a> {
    tile: &'a [u8],
    row: usize,
    out: &'a mut [f32],
}

/// Rows of kind `K`.
struct RowOf<K>(std::marker::PhantomData<K>);

impl<K: Kind> Code<Row<'_>> for RowOf<K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<E: Engine>(Row { tile, row, out }: Row<'_>) {
        let n_groups = out.len() / BLOCK / K::GROUP;
        assert_eq!(tile.len(), n_groups * (K::NUMBERS + K::SCALES), "bytes of a tile");
        let (lane, place) = (row / E::LANES * E::LANES, row % E::LANES);
        let centre = K::CENTRE.map_or(0, |centre| 1 << centre);
        for (index, out) in out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let (group, j) = (index / K::GROUP, index % K::GROUP);
            // SAFETY: the tile has the groups, as checked above.
            let (vectors, Scales { scale, less }) = unsafe {
                let numbers = tile.as_ptr().add(group * K::NUMBERS + 4 * lane);
                let scales = tile.as_ptr().add(n_groups * K::NUMBERS + group * K::SCALES);
                let mut vectors = [E::splat(0); 8];
                for (k, vector) in vectors.iter_mut().enumerate() {
                    *vector = K::vector::<E>(numbers, j, k);
                }
                (vectors, K::scales::<E>(scales, j, lane))
            };
            for (k, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let (mut bytes, part) = ([[0u8; 4]; TILE], k / 4);
                // SAFETY: vectors are no longer than a tile's.
                unsafe { E::store(bytes.as_mut_ptr().cast(), vectors[k]) };
                let (scale, less) = (pick::<E>(scale[part], place), pick::<E>(less[part], place));
                for (out, number) in out.iter_mut().zip(bytes[place]) {
                    *out = scale * (f32::from(number) - centre as f32);
                    if K::CENTRE.is_none() {
                        *out -= less;
                    }
                }
            }
        }
    }
}

/// The lane at `place`.
#[inline(always)]
fn pick<E: Engine>(v: E::F, place: usize) -> f32 {
    let mut floats = [0.0; TILE];
    // SAFETY: a vector has at most as many lanes; `E` is there, since it made `v`.
    unsafe { E::store_f32(floats.as_mut_ptr(), v) };
    floats[place]
}
