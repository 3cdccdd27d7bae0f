//! Products of a tile of weights with some rows of inputs: the one place where numbers become floats.

use super::inputs::Block;
use super::kinds::TILE;
use super::kinds::{BLOCK, Kind, Scales};
use crate::engine::Engine;

/// How far ahead of the weights that are read the next are asked for, in bytes.
const AHEAD: usize = 2048;

/// A tile, some of whose rows may be none.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) at: *const u8,
    pub(super) columns: usize,
}

/// Rows of inputs: block `b` of row `r` is at `at + b * step + r`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) at: *const Block,
    pub(super) step: usize,
    pub(super) count: usize,
}

impl Rows {
    fn from(self, row: usize) -> Self {
        Self { at: self.at.wrapping_add(row), count: self.count - row, ..self }
    }
}

/// Where the products go: that of row `r` and the tile's row `i`, which is less than `width`, to
/// `at + r * step + i`.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) at: *mut f32,
    pub(super) step: usize,
    pub(super) width: usize,
}

impl Out {
    /// From row `row` on.
    #[inline(always)]
    pub(super) fn from(self, row: usize) -> Self {
        Self { at: self.at.wrapping_add(row * self.step), ..self }
    }

    /// Writes the products of the first row with the weights' rows from `first` on that are less than the
    /// width.
    ///
    /// # Safety
    /// The CPU has the engine's instruction set, and there is room.
    #[inline(always)]
    pub(super) unsafe fn write<E: Engine>(self, first: usize, products: E::F) {
        // SAFETY: as the caller promises.
        unsafe {
            if first + E::LANES <= self.width {
                E::store_f32(self.at.add(first), products);
            } else if first < self.width {
                E::store_some_f32(self.at.add(first), products, self.width - first);
            }
        }
    }
}

/// The products of all `rows` with `tile`.
///
/// # Safety
/// The CPU has the engine's instruction set; `tile` is one of kind `K`, `rows` have its columns, and `out`
/// has room.
#[inline(always)]
pub(super) unsafe fn multiply<E: Engine, K: Kind>(tile: Tile, mut rows: Rows, mut out: Out) {
    while rows.count > 0 {
        // SAFETY: as the caller promises; no more rows than there are.
        let done = unsafe {
            match rows.count {
                12.. if E::ROWS >= 12 => few::<E, K, 12>(tile, rows, out),
                8.. if E::ROWS >= 8 => few::<E, K, 8>(tile, rows, out),
                4.. if E::ROWS >= 4 => few::<E, K, 4>(tile, rows, out),
                2.. if E::ROWS >= 2 => few::<E, K, 2>(tile, rows, out),
                _ => few::<E, K, 1>(tile, rows, out),
            }
        };
        (rows, out) = (rows.from(done), out.from(done));
    }
}

/// The products of the first `R` rows, which it returns the number of.
#[inline(always)]
unsafe fn few<E: Engine, K: Kind, const R: usize>(tile: Tile, rows: Rows, out: Out) -> usize {
    for lane in (0..TILE).step_by(E::LANES) {
        // SAFETY: as the caller promises.
        unsafe {
            let sums = sums::<E, K, R>(tile, rows, lane);
            for (r, &sum) in sums.iter().enumerate() {
                out.from(r).write::<E>(lane, sum);
            }
        }
    }
    R
}

/// The products of `R` rows with the tile's rows from `lane` on: each is a sum over blocks in order, of
/// `scale of the inputs * (scale * sum of products - less * sum of inputs)`, whose inner sums are of
/// integers.
#[inline(always)]
unsafe fn sums<E: Engine, K: Kind, const R: usize>(
    tile: Tile,
    rows: Rows,
    lane: usize,
) -> [E::F; R] {
    let n_groups = tile.columns / BLOCK / K::GROUP;
    // SAFETY: as `multiply`'s caller promises.
    unsafe {
        let mut sums = [E::splat_f32(0.0); R];
        let mut numbers = tile.at.add(4 * lane);
        let mut scales = tile.at.add(n_groups * K::NUMBERS);
        let mut inputs = rows.at;
        // One loop, not one of groups and another of their blocks, which would be unrolled.
        for index in 0..n_groups * K::GROUP {
            let j = index % K::GROUP;
            if lane == 0 {
                for line in 0..K::NUMBERS / K::GROUP / 64 {
                    let near = numbers.wrapping_add(j * (K::NUMBERS / K::GROUP) + line * 64);
                    E::prefetch(near.wrapping_add(AHEAD));
                }
            }
            let of_block = K::scales::<E>(scales, j, lane);
            block::<E, K, R>(numbers, j, &of_block, inputs, &mut sums);
            inputs = inputs.add(rows.step);
            if j + 1 == K::GROUP {
                numbers = numbers.add(K::NUMBERS);
                scales = scales.add(K::SCALES);
            }
        }
        sums
    }
}

/// Adds the products of block `j` to the sums.
#[inline(always)]
unsafe fn block<E: Engine, K: Kind, const R: usize>(
    numbers: *const u8,
    j: usize,
    scales: &Scales<E>,
    inputs: *const Block,
    sums: &mut [E::F; R],
) {
    // SAFETY: as `multiply`'s caller promises.
    unsafe {
        let mut products = [E::splat_f32(0.0); R];
        for (r, product) in products.iter_mut().enumerate() {
            *product = start::<E, K>(scales, inputs.add(r));
        }
        for part in 0..K::PARTS {
            let mut dots = [E::splat(0); R];
            for (r, dot) in dots.iter_mut().enumerate() {
                *dot = centre::<E, K>(inputs.add(r), part);
            }
            half::<E, K, R>(numbers, j, part, inputs, &mut dots);
            if K::PARTS == 1 {
                half::<E, K, R>(numbers, j, 1, inputs, &mut dots);
            }
            for (product, dot) in products.iter_mut().zip(dots) {
                let dot = E::float(dot);
                *product = if part == 0 && K::CENTRE.is_some() {
                    E::mul(dot, scales.scale[0])
                } else {
                    E::mul_add(dot, scales.scale[part], *product)
                };
            }
        }
        for (r, (sum, product)) in sums.iter_mut().zip(products).enumerate() {
            *sum = E::mul_add(product, E::splat_f32((*inputs.add(r)).scale), *sum);
        }
    }
}

/// Adds the products of half `part` of block `j` to `dots`.
#[inline(always)]
unsafe fn half<E: Engine, K: Kind, const R: usize>(
    numbers: *const u8,
    j: usize,
    part: usize,
    inputs: *const Block,
    dots: &mut [E::B; R],
) {
    // SAFETY: as `multiply`'s caller promises.
    unsafe {
        let vectors = [
            K::vector::<E>(numbers, j, 4 * part),
            K::vector::<E>(numbers, j, 4 * part + 1),
            K::vector::<E>(numbers, j, 4 * part + 2),
            K::vector::<E>(numbers, j, 4 * part + 3),
        ];
        for (r, dot) in dots.iter_mut().enumerate() {
            let numbers = (&raw const (*inputs.add(r)).numbers).cast::<i8>().add(16 * part);
            *dot = E::dot(*dot, vectors, numbers, K::BITS);
        }
    }
}

/// What is taken from weights, times the sums of inputs; of kinds without, anything.
#[inline(always)]
unsafe fn start<E: Engine, K: Kind>(scales: &Scales<E>, inputs: *const Block) -> E::F {
    // SAFETY: as `multiply`'s caller promises.
    unsafe {
        if K::CENTRE.is_some() {
            return E::splat_f32(0.0);
        }
        if K::PARTS == 1 {
            return E::mul(scales.less[0], E::float(E::splat((*inputs).taken as u32)));
        }
        let [first, second] = (*inputs).halves_taken;
        let first = E::mul(scales.less[0], E::float(E::splat(first as u32)));
        E::mul_add(scales.less[1], E::float(E::splat(second as u32)), first)
    }
}

/// What a sum of products of part `part` starts from, so that numbers count from the centre.
#[inline(always)]
unsafe fn centre<E: Engine, K: Kind>(inputs: *const Block, part: usize) -> E::B {
    // SAFETY: as `multiply`'s caller promises.
    unsafe {
        match K::CENTRE {
            Some(centre) if !(K::BITS == 8 && E::CENTRES_BYTES) => {
                let sum =
                    if K::PARTS == 1 { (*inputs).taken } else { (*inputs).halves_taken[part] };
                E::up(E::splat(sum as u32), centre)
            }
            _ => E::splat(0),
        }
    }
}
