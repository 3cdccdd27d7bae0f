//! Cubes: samples of the columns and rows of many equal frames, stacked.
//!
//! The frames lie in one arena, `[frame][column][row]`, so that a column is one run of memory. Cube `i` is a
//! function of (seed, `i`) alone (see `draw`): any thread or process makes any cube, with the
//! same bits on every instruction set.

mod checksum;
mod convert;
mod draw;
mod fill;
mod gather;
mod tile;

use ferrule_base::{Coded, DType, ErrorCode};

pub use checksum::xxh64;

use crate::control::{Cancelled, Control};
use crate::cpu::Isa;
use draw::{Axis, Picker};
use fill::{Call, Target};

/// Equal frames in one arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackShape {
    /// Frames.
    pub frames: usize,
    /// Columns of each frame.
    pub columns: usize,
    /// Rows of each frame, adjacent in memory.
    pub rows: usize,
    /// The element type: 16, 32 or 64-bit floating-point numbers.
    pub dtype: DType,
}

/// Which rows of its frames a cube has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every `step`-th from `start` on.
    Every {
        /// The first.
        start: usize,
        /// From one to the next.
        step: usize,
    },
    /// A sample without replacement, drawn as the columns are.
    Random,
}

/// The order of a cube's elements in memory, the last axis running fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Frame, row, column.
    FrameRowColumn,
    /// Frame, column, row.
    FrameColumnRow,
}

/// What cubes are made of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Frames, rows and columns of a cube; the frames are the stack's first.
    pub shape: [usize; 3],
    /// Whether each frame has a draw of its own, not one for the whole cube.
    pub per_layer: bool,
    /// Which rows.
    pub rows: Rows,
    /// The element type of a cube.
    pub dtype: DType,
    /// The order of elements.
    pub layout: Layout,
    /// The seed of the draws.
    pub seed: u64,
}

/// Why a stack or a recipe is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CubesError {
    /// A dtype that is not 16, 32 or 64-bit floating point.
    #[error("elements of {0} are not supported; expected FP16, FP32 or FP64")]
    DType(DType),
    /// A side of a cube is 0 or more than the stack has.
    #[error("a cube has {wanted} {what}; expected 1 to {available}")]
    Side {
        /// Frames, rows or columns.
        what: &'static str,
        /// In a cube.
        wanted: usize,
        /// In the stack.
        available: usize,
    },
    /// Sizes whose product no memory holds, or more columns or rows than an index can name.
    #[error("a stack or a cube of this size cannot be addressed")]
    TooLarge,
    /// Bytes that are not those of the stack or of whole cubes.
    #[error("{what} has {got} bytes; expected {expected}")]
    Length {
        /// The stack or the output.
        what: &'static str,
        /// Bytes there.
        got: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Stopped through the control.
    #[error("{0}")]
    Cancelled(#[from] Cancelled),
}

impl Coded for CubesError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Cancelled(_) => ErrorCode::Cancelled,
            _ => ErrorCode::InvalidArgument,
        }
    }
}

/// A stream of cubes of a stack.
#[derive(Clone, Debug)]
pub struct Cubes {
    stack: StackShape,
    recipe: Recipe,
    stack_bytes: usize,
    cube_bytes: usize,
}

impl Cubes {
    /// Checks that cubes of `recipe` can be made of a stack of this shape.
    ///
    /// # Errors
    /// [`CubesError`], but for `Length` and `Cancelled`.
    pub fn new(stack: StackShape, recipe: Recipe) -> Result<Self, CubesError> {
        for dtype in [stack.dtype, recipe.dtype] {
            if !matches!(dtype, DType::Fp16 | DType::Fp32 | DType::Fp64) {
                return Err(CubesError::DType(dtype));
            }
        }
        let [frames, rows, columns] = recipe.shape;
        let most_rows = match recipe.rows {
            Rows::Random => stack.rows,
            Rows::Every { start, step } => stack.rows.saturating_sub(start).div_ceil(step.max(1)),
        };
        for (what, wanted, available) in [
            ("frames", frames, stack.frames),
            ("rows", rows, most_rows),
            ("columns", columns, stack.columns),
        ] {
            if wanted == 0 || wanted > available {
                return Err(CubesError::Side { what, wanted, available });
            }
        }
        if stack.columns.max(stack.rows) > u32::MAX as usize {
            return Err(CubesError::TooLarge);
        }
        let stack_bytes = bytes([stack.frames, stack.columns, stack.rows, stack.dtype.size()])?;
        let cube_bytes = bytes([frames, rows, columns, recipe.dtype.size()])?;
        Ok(Self { stack, recipe, stack_bytes, cube_bytes })
    }

    /// Bytes of a cube.
    pub fn cube_bytes(&self) -> usize {
        self.cube_bytes
    }

    /// The numbers of indices that [`indices`](Self::indices) writes: of columns, of rows.
    pub fn index_counts(&self) -> (usize, usize) {
        let [frames, rows, columns] = self.recipe.shape;
        (frames * columns, frames * rows)
    }

    /// Writes which columns and rows each layer of `cube` has, layer by layer.
    ///
    /// # Panics
    /// Where a slice's length is not that of [`index_counts`](Self::index_counts).
    pub fn indices(&self, cube: u64, columns: &mut [u32], rows: &mut [u32]) {
        let [frames, n_rows, n_columns] = self.recipe.shape;
        assert_eq!((columns.len(), rows.len()), self.index_counts(), "one index each");
        let mut draws = Draws::new(self);
        for frame in 0..frames {
            draws.columns(cube, frame, &mut columns[frame * n_columns..][..n_columns]);
            draws.rows(cube, frame, &mut rows[frame * n_rows..][..n_rows]);
        }
    }

    /// Makes as many cubes as `out` has room for, from cube `first` on, with `n_threads` threads.
    ///
    /// # Errors
    /// [`CubesError::Length`]: `stack` is not the stack, or `out` does not hold whole cubes;
    /// [`CubesError::Cancelled`]: some of `out` was not written.
    ///
    /// # Panics
    /// Where this CPU lacks `isa`.
    pub fn fill(
        &self,
        stack: &[u8],
        first: u64,
        out: &mut [u8],
        isa: Isa,
        n_threads: usize,
        control: &Control,
    ) -> Result<(), CubesError> {
        let whole = out.len() / self.cube_bytes * self.cube_bytes;
        check_length("the output", out.len(), whole)?;
        let call = self.call(stack, first, isa, n_threads)?;
        let n_cubes = out.len() / self.cube_bytes;
        // SAFETY: `out` has room for as many cubes, and is borrowed for the call.
        unsafe { self.run(&call, n_cubes, Target::Memory(out.as_mut_ptr()), control) }.map(|_| ())
    }

    /// Makes `n_cubes` from cube `first` on, layer by layer in the cores' caches, and returns the sum
    /// modulo 2^64 of the XXH64 of each layer's bytes, with seed `cube * frames + frame`.
    ///
    /// # Errors
    /// [`CubesError::Length`]: `stack` is not the stack; [`CubesError::Cancelled`].
    ///
    /// # Panics
    /// Where this CPU lacks `isa`.
    pub fn checksum(
        &self,
        stack: &[u8],
        first: u64,
        n_cubes: usize,
        isa: Isa,
        n_threads: usize,
        control: &Control,
    ) -> Result<u64, CubesError> {
        let call = self.call(stack, first, isa, n_threads)?;
        // SAFETY: no memory is the target.
        unsafe { self.run(&call, n_cubes, Target::Sum, control) }
    }

    fn call<'a>(
        &'a self,
        stack: &'a [u8],
        first: u64,
        isa: Isa,
        n_threads: usize,
    ) -> Result<Call<'a>, CubesError> {
        assert!(isa.is_available(), "this CPU has no {isa:?}");
        check_length("the stack", stack.len(), self.stack_bytes)?;
        Ok(Call { cubes: self, stack, first, isa, n_threads })
    }

    /// # Safety
    /// That of [`Call::run`].
    unsafe fn run(
        &self,
        call: &Call,
        n_cubes: usize,
        target: Target,
        control: &Control,
    ) -> Result<u64, CubesError> {
        // SAFETY: the caller's promise.
        let sum = unsafe {
            match self.stack.dtype.size() {
                2 => call.run::<u16>(n_cubes, target, control),
                4 => call.run::<u32>(n_cubes, target, control),
                _ => call.run::<u64>(n_cubes, target, control),
            }
        };
        Ok(sum?)
    }
}

fn check_length(what: &'static str, got: usize, expected: usize) -> Result<(), CubesError> {
    if got == expected { Ok(()) } else { Err(CubesError::Length { what, got, expected }) }
}

/// The product, where it can be the length of a slice.
fn bytes(factors: [usize; 4]) -> Result<usize, CubesError> {
    factors
        .iter()
        .try_fold(1usize, |product, &factor| product.checked_mul(factor))
        .filter(|&product| product <= isize::MAX as usize)
        .ok_or(CubesError::TooLarge)
}

/// Draws the columns and rows of layers.
struct Draws<'a> {
    cubes: &'a Cubes,
    columns: Picker,
    rows: Option<Picker>,
}

impl<'a> Draws<'a> {
    fn new(cubes: &'a Cubes) -> Self {
        let [_, rows, columns] = cubes.recipe.shape;
        let random = cubes.recipe.rows == Rows::Random;
        Self {
            cubes,
            columns: Picker::new(cubes.stack.columns as u32, columns),
            rows: random.then(|| Picker::new(cubes.stack.rows as u32, rows)),
        }
    }

    /// The layer that a frame's draw is named after.
    fn layer(&self, frame: usize) -> u64 {
        if self.cubes.recipe.per_layer { frame as u64 } else { 0 }
    }

    fn columns(&mut self, cube: u64, frame: usize, picks: &mut [u32]) {
        let layer = self.layer(frame);
        self.columns.pick(self.cubes.recipe.seed, [cube, layer], Axis::Columns, picks);
    }

    fn rows(&mut self, cube: u64, frame: usize, picks: &mut [u32]) {
        let layer = self.layer(frame);
        match (&mut self.rows, self.cubes.recipe.rows) {
            (Some(rows), _) => rows.pick(self.cubes.recipe.seed, [cube, layer], Axis::Rows, picks),
            (None, Rows::Every { start, step }) => {
                for (index, pick) in picks.iter_mut().enumerate() {
                    *pick = (start + index * step) as u32;
                }
            }
            (None, Rows::Random) => unreachable!("random rows have a picker"),
        }
    }
}
