//! Borrowed matrices of any positive strides.

use crate::kernels::simd::Vectors;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// An element type that the kernels take.
pub trait Float:
    Copy
    + Default
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::fmt::Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + Vectors
    + 'static
{
    /// The dtype's name, for messages.
    const NAME: &'static str;
    /// Zero.
    const ZERO: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// The distance from 1 to the next number.
    const EPSILON: Self;
    /// The least positive number at full precision.
    const MIN_POSITIVE: Self;
    /// Rounds from `f64`.
    fn from_f64(value: f64) -> Self;
    /// Widens to `f64`, exactly.
    fn to_f64(self) -> f64;
    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether it is NaN.
    fn is_nan(self) -> bool;
    /// A value whose bits are the integer `index`; no number, only carried in vectors.
    fn from_index(index: u32) -> Self;
    /// The integer that [`from_index`](Self::from_index) took.
    fn to_index(self) -> i32;
}

macro_rules! impl_float {
    ($float:ident, $bits:ident, $name:literal) => {
        impl Float for $float {
            const NAME: &'static str = $name;
            const ZERO: Self = 0.0;
            const INFINITY: Self = $float::INFINITY;
            const EPSILON: Self = $float::EPSILON;
            const MIN_POSITIVE: Self = $float::MIN_POSITIVE;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                $float::mul_add(self, factor, addend)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
            #[inline(always)]
            fn from_index(index: u32) -> Self {
                $float::from_bits($bits::from(index))
            }
            #[inline(always)]
            fn to_index(self) -> i32 {
                self.to_bits() as i32
            }
        }
    };
}

impl_float!(f32, u32, "float32");
impl_float!(f64, u64, "float64");

/// A matrix of `rows` × `cols` over borrowed elements; strides count elements.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T: Copy> MatrixView<'a, T> {
    /// A view with the strides given; `None` where an element would lie outside `data`.
    pub fn new(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Option<Self> {
        if rows > 0 && cols > 0 {
            let last_row = (rows - 1).checked_mul(row_stride)?;
            let last_col = (cols - 1).checked_mul(col_stride)?;
            if last_row.checked_add(last_col)? >= data.len() {
                return None;
            }
        }
        Some(Self { data, rows, cols, row_stride, col_stride })
    }

    /// A row-major view of the whole of `data`; `None` where the length is not `rows * cols`.
    pub fn contiguous(data: &'a [T], rows: usize, cols: usize) -> Option<Self> {
        (rows.checked_mul(cols)? == data.len()).then_some(())?;
        Self::new(data, rows, cols, cols, 1)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Elements between a row and the next.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements between a column and the next.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The elements, from the first of row 0.
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// The element at (`row`, `col`).
    pub fn get(&self, row: usize, col: usize) -> T {
        self.data[row * self.row_stride + col * self.col_stride]
    }

    /// Row `row` as a slice, where its elements are adjacent.
    pub fn row(&self, row: usize) -> Option<&'a [T]> {
        (self.col_stride == 1 || self.cols <= 1).then(|| {
            let start = row * self.row_stride;
            &self.data[start..start + self.cols]
        })
    }
}
