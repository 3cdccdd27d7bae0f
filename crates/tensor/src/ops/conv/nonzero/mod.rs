//! Gradients of convolutions of which most elements are 0, as those of a pool of greatest elements and of
//! rectifiers are: only the others are multiplied.
//!
//! The sums are the chains of the dense kernels without the products with 0, so their bits are the same.

mod filters;
mod images;

pub(super) use filters::AddToFilters;
pub(super) use images::AddToImage;

use crate::kernels::simd::{Kernel, Simd};
use crate::view::Float;

/// Least elements for each that is not 0.
const SPARSITY: usize = 3;

/// Whether to multiply the elements that are not 0 one by one is less work than to multiply all, and
/// what they are multiplied by fills vectors.
pub(super) struct IsSparse<'a, T> {
    pub(super) g: &'a [T],
    /// Adjacent elements that each is multiplied by.
    pub(super) width: usize,
}

impl<T: Float> Kernel<T> for IsSparse<'_, T> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) -> bool {
        let nonzero = || self.g.iter().map(|&x| u32::from(x != T::ZERO)).sum::<u32>() as usize;
        self.width.is_multiple_of(S::LANES) && nonzero() * SPARSITY <= self.g.len()
    }
}

/// Whether no product of an element with 0 is NaN.
pub(super) struct IsFinite<'a, T>(pub(super) &'a [T]);

impl<T: Float> Kernel<T> for IsFinite<'_, T> {
    type Output = bool;

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) -> bool {
        self.0.iter().map(|x| u32::from(!x.is_finite())).sum::<u32>() == 0
    }
}
