//! Native code at run time, for steps on registers of floats that are done again and again.
//!
//! A [`Step`] says what is computed; a [`Native`] is it compiled, loop and all. It gives the bits that
//! the instructions give one by one: nothing is contracted or re-associated, and a function that is no
//! instruction of the CPU's is a call of [`Float`]'s; only which NaN comes out is left open, as it is in
//! Rust. Code is made on x86-64 Unix with the cargo feature `native-code`, where the environment variable
//! `FERRULE_NATIVE` is not `0` and the system grants executable memory; elsewhere there is none, and
//! whoever has a step interprets it.

#[cfg(all(feature = "native-code", target_arch = "x86_64", unix))]
#[path = "compiler/mod.rs"]
mod compiler;
#[cfg(not(all(feature = "native-code", target_arch = "x86_64", unix)))]
#[path = "no_compiler.rs"]
mod compiler;

use std::marker::PhantomData;
use std::sync::OnceLock;

use ferrule_base::DType;

use crate::array::Element;
use crate::ops::tape::{binary_f32, binary_f64, unary_f32, unary_f64};
use crate::ops::{Binary, Unary};
use compiler::Code;

/// Registers of a step: as many as a byte can name, so that none is ever looked for outside of them.
pub const REGISTERS: usize = 256;

/// One instruction, on registers by their numbers. Truth values are 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are operands, the last one the result")]
pub enum Inst {
    Add(u8, u8, u8),
    Sub(u8, u8, u8),
    Mul(u8, u8, u8),
    Div(u8, u8, u8),
    Neg(u8, u8),
    Square(u8, u8),
    Copy(u8, u8),
    /// The second operand where the first is not 0, else the third.
    Select(u8, u8, u8, u8),
    Unary(Unary, u8, u8),
    Binary(Binary, u8, u8, u8),
}

/// What is done once for each row.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// In this order; each writes a register that nothing wrote before.
    pub insts: Vec<Inst>,
    /// Registers that take the next element of each row.
    pub feeds: Vec<u8>,
    /// Registers that are read after the last step.
    pub results: Vec<u8>,
    /// What is copied between two steps, from and to; nothing that is copied to is copied from.
    pub turns: Vec<(u8, u8)>,
}

/// A float that steps compute with: `f32` or `f64`.
pub trait Float: Element {
    /// Its dtype.
    const DTYPE: DType;
    /// `f(x)`; 1 for true and 0 for false.
    fn unary(f: Unary, x: Self) -> Self;
    /// `f(x, y)`; 1 for true and 0 for false.
    fn binary(f: Binary, x: Self, y: Self) -> Self;
}

macro_rules! float {
    ($type:ty, $dtype:ident, $unary:ident, $binary:ident) => {
        impl Float for $type {
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn unary(f: Unary, x: Self) -> Self {
                $unary(f, x)
            }

            #[inline]
            fn binary(f: Binary, x: Self, y: Self) -> Self {
                $binary(f, x, y)
            }
        }
    };
}

float!(f32, Fp32, unary_f32, binary_f32);
float!(f64, Fp64, unary_f64, binary_f64);

/// A [`Step`] as native code.
#[derive(Debug)]
pub struct Native<T> {
    code: Code,
    n_feeds: usize,
    of: PhantomData<T>,
}

impl<T: Float> Native<T> {
    /// `step` compiled; `None` where there is no native code, see [the module](self).
    pub fn compile(step: &Step) -> Option<Self> {
        let code = if is_wanted() { compiler::compile::<T>(step)? } else { return None };
        Some(Self { code, n_feeds: step.feeds.len(), of: PhantomData })
    }

    /// Does `steps` steps on `registers`, the first of them with element `first` of each of `rows`, which
    /// start again after their ends. Registers that are no results are unspecified afterwards, unless
    /// nothing writes them.
    ///
    /// # Panics
    /// Where there are not as many rows as feeds, or one is empty.
    pub fn run(&self, registers: &mut [T; REGISTERS], rows: &[&[T]], first: usize, steps: usize) {
        assert_eq!(rows.len(), self.n_feeds, "one row a feed");
        let cursors: Vec<Cursor<T>> = rows.iter().map(|row| Cursor::new(row, first)).collect();
        if steps > 0 {
            // SAFETY: the code is that of a step of so many feeds on elements of type `T`; it stays
            // within the rows, which are borrowed, and within the registers.
            unsafe { self.code.run(registers.as_mut_ptr(), cursors.as_ptr(), steps) }
        }
    }
}

/// Where a row is read next, as compiled code wants it.
#[repr(C)]
struct Cursor<T> {
    next: *const T,
    start: *const T,
    end: *const T,
}

impl<T> Cursor<T> {
    fn new(row: &[T], first: usize) -> Self {
        assert!(!row.is_empty(), "a row has at least one element");
        let std::ops::Range { start, end } = row.as_ptr_range();
        Self { next: &raw const row[first % row.len()], start, end }
    }
}

/// Whether the environment variable `FERRULE_NATIVE` does not say `0`; it is read once.
fn is_wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| std::env::var_os("FERRULE_NATIVE").is_none_or(|value| value != "0"))
}
