//! Rows that weights are multiplied with, in the forms that kernels read.

use super::kinds::BLOCK;
use super::weights::Weights;
use crate::cpu::Isa;
use crate::engine::{Code, Engine, entry};
use crate::ops::blocks::Parts;
use crate::pool::for_each_block;

/// Rows whose blocks lie together, so that a kernel finds them at fixed distances.
pub(super) const GROUP: usize = 12;

/// Elements that are worth another thread.
const THREAD_ELEMENTS: usize = 1 << 14;

/// 32 inputs as `scale * number`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Block {
    pub(super) numbers: [i8; BLOCK],
    pub(super) scale: f32,
    /// 0 less the sum of the numbers.
    pub(super) taken: i32,
    /// 0 less that of each half.
    pub(super) halves_taken: [i32; 2],
}

/// Rows of inputs of a product, in memory that is used again and again.
///
/// For quantised weights, each 32 inputs become bytes of -127 to 127 times a scale, to the nearest, ties to
/// even; where one of them is not finite, the scale is NaN, and so are all products. For weights of floats
/// they stay as they are.
///
/// # Examples
/// ```
/// use ferrule_base::BlockKind;
/// use ferrule_tensor::quant::{Inputs, Weights, matmul};
///
/// let ones: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
/// let weights = Weights::pack(BlockKind::F32, 2, 2, &ones);
/// let mut inputs = Inputs::new();
/// inputs.set(&[1.0, 10.0], 1, 2, &[&weights]);
/// let mut out = [0.0; 2];
/// matmul(&inputs, &[&weights], &mut [&mut out]);
/// assert_eq!(out, [21.0, 43.0]);
/// ```
#[derive(Debug, Default)]
pub struct Inputs {
    rows: usize,
    columns: usize,
    /// Groups of up to [`GROUP`] rows; in each, block 0 of all its rows, block 1, …
    blocks: Vec<Block>,
    has_blocks: bool,
    /// Groups likewise; in each, column 0 of all its rows, column 1, …
    floats: Vec<f32>,
    has_floats: bool,
}

impl Inputs {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Takes over `rows` rows of `columns` inputs each, one after the other in `x`, to be multiplied with
    /// any of `weights`.
    ///
    /// # Panics
    /// Where `x` has not as many elements, or a weight has another number of columns.
    pub fn set(&mut self, x: &[f32], rows: usize, columns: usize, weights: &[&Weights]) {
        assert_eq!(
            Some(x.len()),
            rows.checked_mul(columns),
            "elements of {rows} rows of {columns}"
        );
        assert!(weights.iter().all(|weights| weights.cols() == columns), "columns of the weights");
        (self.rows, self.columns) = (rows, columns);
        self.has_blocks = weights.iter().any(|weights| !weights.is_float());
        self.has_floats = weights.iter().any(|weights| weights.is_float());
        if self.has_blocks {
            self.blocks.resize(rows * (columns / BLOCK), Block::default());
            let quantise = |x: &[f32], to: &mut [Block], rows| {
                // SAFETY: `entry` asks for what this CPU has.
                unsafe { entry::<Quantise, _>(Isa::detect())(Quantise { x, rows, columns, to }) };
            };
            for_each_group(x, rows, columns, &mut self.blocks, quantise);
        }
        if self.has_floats {
            self.floats.resize(rows * columns, 0.0);
            for_each_group(x, rows, columns, &mut self.floats, |x, to, rows| {
                for (r, x) in x.chunks_exact(columns).enumerate() {
                    for (to, &x) in to.iter_mut().skip(r).step_by(rows).zip(x) {
                        *to = x;
                    }
                }
            });
        }
    }

    /// Rows as bytes; `None` where they were not set for weights that are quantised.
    pub(super) fn blocks(&self) -> Option<&[Block]> {
        self.has_blocks.then_some(&self.blocks)
    }

    /// Rows as floats; `None` where they were not set for weights that are floats.
    pub(super) fn floats(&self) -> Option<&[f32]> {
        self.has_floats.then_some(&self.floats)
    }
}

/// Calls `work(inputs, outputs, rows)` for each group of rows, whose outputs are as many a row.
fn for_each_group<T: Send>(
    x: &[f32],
    rows: usize,
    columns: usize,
    out: &mut [T],
    work: impl Fn(&[f32], &mut [T], usize) + Sync,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    let len = out.len() / rows;
    let parts = Parts::new(out);
    let group = |first: usize| {
        let count = GROUP.min(rows - first);
        // SAFETY: groups do not overlap, and each is handed out once.
        let out = unsafe { parts.part(first * len, count * len) };
        work(&x[first * columns..(first + count) * columns], out, count);
    };
    let groups = rows.div_ceil(GROUP);
    if x.len() < THREAD_ELEMENTS {
        (0..groups).for_each(|index| group(index * GROUP));
    } else {
        for_each_block(groups, |index| group(index * GROUP));
    }
}

/// Rows of a group to blocks.
struct Quantise<'a> {
    x: &'a [f32],
    rows: usize,
    columns: usize,
    to: &'a mut [Block],
}

impl Code<Quantise<'_>> for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<E: Engine>(args: Quantise<'_>) {
        let Quantise { x, rows, columns, to } = args;
        for (r, x) in x.chunks_exact(columns).enumerate() {
            for (b, x) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
                // SAFETY: as the caller promises.
                unsafe { quantise::<E>(x, &mut to[b * rows + r]) };
            }
        }
    }
}

/// # Safety
/// The CPU has the engine's instruction set.
#[inline(always)]
unsafe fn quantise<E: Engine>(x: &[f32; BLOCK], to: &mut Block) {
    /// Less than this counts as 0, so that its reciprocal is finite.
    const LEAST: f32 = 1e-30;
    // SAFETY: vectors are within the block; the instruction set is the caller's promise.
    unsafe {
        // The bits of floats without their signs are ordered as they are, NaN above all.
        let (sizes, mut largest) = (E::splat(0x7FFF_FFFF), E::splat(0));
        for from in (0..BLOCK).step_by(E::LANES) {
            let bits = E::bits(E::load_f32(x.as_ptr().add(from)));
            largest = E::max(largest, E::and(bits, sizes));
        }
        let largest = f32::from_bits(E::greatest(largest));
        let factor;
        (to.scale, factor) = if largest < LEAST {
            (0.0, 0.0)
        } else if largest < f32::INFINITY {
            (largest / 127.0, 127.0 / largest)
        } else {
            (f32::NAN, 0.0)
        };
        for (half, taken) in to.halves_taken.iter_mut().enumerate() {
            let mut sum = E::splat(0);
            for from in (half * BLOCK / 2..(half + 1) * BLOCK / 2).step_by(E::LANES) {
                let scaled = E::mul(E::load_f32(x.as_ptr().add(from)), E::splat_f32(factor));
                let numbers = E::round(scaled);
                E::store_i8(to.numbers.as_mut_ptr().add(from), numbers);
                sum = E::add(sum, numbers);
            }
            *taken = E::sum(sum).wrapping_neg();
        }
        to.taken = to.halves_taken[0].wrapping_add(to.halves_taken[1]);
    }
}
