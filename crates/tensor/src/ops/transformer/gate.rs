//! Activations between the products of a feed-forward block.

use super::for_each_rows;
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::math;

/// Elements of a piece: rows do not matter here.
const PIECE: usize = 64;
/// Elements whose copying costs as much as activating one.
const COST: usize = 16;

/// What the gate of a feed-forward block is put through (Shazeer 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `x · sigmoid(x)`: SwiGLU.
    Silu,
    /// `x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`: GeGLU as Gemma has it.
    GeluTanh,
}

/// `gate = activation(gate) · up`.
///
/// # Panics
/// Where the lengths differ.
pub fn gate(activation: Gate, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "gates and what they let through");
    for_each_rows(gate, PIECE, COST, |first, gate| {
        let up = &up[first * PIECE..][..gate.len()];
        match activation {
            Gate::Silu => dispatch(Isa::detect(), Silu { gate, up }),
            Gate::GeluTanh => dispatch(Isa::detect(), GeluTanh { gate, up }),
        }
    });
}

/// `x = x / 2 · (1 + erf(x / √2))`, in its place: BERT's.
pub fn gelu(x: &mut [f32]) {
    for_each_rows(x, PIECE, COST, |_, x| dispatch(Isa::detect(), Gelu { x }));
}

/// `x += y`.
///
/// # Panics
/// Where the lengths differ.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "terms");
    for_each_rows(x, PIECE, 1, |first, x| {
        for (x, &y) in x.iter_mut().zip(&y[first * PIECE..]) {
            *x += y;
        }
    });
}

struct Silu<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl Kernel for Silu<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (gate, &up) in self.gate.iter_mut().zip(self.up) {
            let x = *gate;
            *gate = x / (1.0 + math::exp(-x)) * up;
        }
    }
}

struct GeluTanh<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl Kernel for GeluTanh<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        /// √(2/π)
        const ROOT: f32 = 0.797_884_6;
        for (gate, &up) in self.gate.iter_mut().zip(self.up) {
            let x = *gate;
            let inner = ROOT * x * (0.044715 * x * x + 1.0);
            // (1 + tanh(u)) / 2 is the sigmoid of 2u, which takes one exponential.
            *gate = x / (1.0 + math::exp(-2.0 * inner)) * up;
        }
    }
}

struct Gelu<'a> {
    x: &'a mut [f32],
}

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.x {
            *x = 0.5 * *x * (1.0 + math::erf(*x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}
