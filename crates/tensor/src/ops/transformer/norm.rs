//! Normalisation of rows.

use super::for_each_rows;
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};

/// Sums that run side by side, so that additions do not wait for each other.
const LANES: usize = 16;
/// Elements whose copying costs as much as normalising one.
const COST: usize = 4;

/// `out = x / sqrt(mean(x²) + eps) · weight` for each row of as many elements as `weight` has
/// (Zhang and Sennrich 2019).
///
/// # Panics
/// Where `x` and `out` differ in length, or do not hold whole rows.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "elements in and out");
    assert!(x.len().is_multiple_of(weight.len()), "whole rows");
    let width = weight.len();
    for_each_rows(out, width, COST, |first, out| {
        out.copy_from_slice(&x[first * width..][..out.len()]);
        dispatch(Isa::detect(), Rms { x: out, weight, eps });
    });
}

/// [`rms_norm`] in its place: also of heads, each a row.
///
/// # Panics
/// Where `x` does not hold whole rows.
pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
    assert!(x.len().is_multiple_of(weight.len()), "whole rows");
    for_each_rows(x, weight.len(), COST, |_, x| {
        dispatch(Isa::detect(), Rms { x, weight, eps });
    });
}

/// `(x - mean) / sqrt(variance + eps) · weight + bias` for each row, in its place (Ba et al. 2016).
///
/// # Panics
/// Where `x` does not hold whole rows, or `bias` differs from `weight` in length.
pub fn layer_norm(x: &mut [f32], weight: &[f32], bias: &[f32], eps: f32) {
    assert_eq!(weight.len(), bias.len(), "weights and biases");
    assert!(x.len().is_multiple_of(weight.len()), "whole rows");
    for_each_rows(x, weight.len(), COST, |_, x| {
        dispatch(Isa::detect(), Layer { x, weight, bias, eps });
    });
}

struct Rms<'a> {
    x: &'a mut [f32],
    weight: &'a [f32],
    eps: f32,
}

impl Kernel for Rms<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.weight.len();
        for row in self.x.chunks_exact_mut(width) {
            let mean = sum_of(row, |x| x * x) / width as f32;
            let scale = 1.0 / (mean + self.eps).sqrt();
            for (x, &w) in row.iter_mut().zip(self.weight) {
                *x = *x * scale * w;
            }
        }
    }
}

struct Layer<'a> {
    x: &'a mut [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f32,
}

impl Kernel for Layer<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.weight.len();
        for row in self.x.chunks_exact_mut(width) {
            let mean = sum_of(row, |x| x) / width as f32;
            let variance = sum_of(row, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + self.eps).sqrt();
            for ((x, &w), &b) in row.iter_mut().zip(self.weight).zip(self.bias) {
                *x = ((*x - mean) * scale).mul_add(w, b);
            }
        }
    }
}

/// `Σ of(x)`, in lanes that are folded at the end.
#[inline(always)]
fn sum_of(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += of(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += of(x);
    }
    lanes.iter().sum()
}
