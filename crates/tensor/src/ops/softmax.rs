//! Softmax and its logarithm.

use super::blocks::{for_each_piece, piece_rows};
use super::math::{self, Real};
use super::number::with_floats;
use crate::array::{Buffer, View};
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::view::Float;

/// Elements that cost as much time to copy as one to exponentiate, roughly.
const EXP_COST: usize = 8;
/// Elements of a row that are folded side by side.
const LANES: usize = 16;
/// Least rows that are worth a lane each.
const MANY_ROWS: usize = 4;

/// exp(x) / sum(exp(x)) along the last axis, or its logarithm; NaN throughout a row in which there is a
/// NaN or +∞.
pub fn softmax(x: View, log: bool, out: &mut Buffer) {
    let row = *x.shape.last().expect("an axis");
    if x.shape.elements() == 0 {
        return;
    }
    with_floats!(x.dtype, T => {
        let x = x.as_slice::<T>();
        let out = out.as_mut_slice::<T>(x.len());
        let piece = piece_rows(EXP_COST * row) * row;
        for_each_piece(out, piece, |index, out| {
            dispatch(Isa::detect(), Softmax { x: &x[index * piece..][..out.len()], out, row, log });
        });
    });
}

struct Softmax<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    row: usize,
    log: bool,
}

impl<T: Float + Real> Kernel for Softmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.row <= LANES && self.x.len() >= MANY_ROWS * self.row {
            let (x, out) = (self.x.chunks(LANES * self.row), self.out.chunks_mut(LANES * self.row));
            for (x, out) in x.zip(out) {
                softmax_of_short_rows(x, out, self.row, self.log);
            }
            return;
        }
        let rows = self.x.chunks_exact(self.row).zip(self.out.chunks_exact_mut(self.row));
        for (x, out) in rows {
            if self.log { log_softmax_of_row(x, out) } else { softmax_of_row(x, out) }
        }
    }
}

/// At most `LANES` rows of at most as many elements, a row a lane.
#[inline(always)]
fn softmax_of_short_rows<T: Float + Real>(x: &[T], out: &mut [T], row: usize, log: bool) {
    let mut columns = [[T::ZERO; LANES]; LANES];
    let columns = &mut columns[..row];
    for (lane, x) in x.chunks_exact(row).enumerate().take(LANES) {
        for (column, &x) in columns.iter_mut().zip(x) {
            column[lane] = x;
        }
    }
    let mut most = columns[0];
    for column in columns.iter() {
        for lane in 0..LANES {
            most[lane] = greater(most[lane], column[lane]);
        }
    }
    let mut sums = [0.0; LANES];
    for column in columns.iter_mut() {
        for lane in 0..LANES {
            let shifted = column[lane] - most[lane];
            let exp = math::exp(shifted);
            sums[lane] += exp.to_f64();
            column[lane] = if log { shifted } else { exp };
        }
    }
    let mut wholes = [T::ZERO; LANES];
    for lane in 0..LANES {
        let sum = T::from_f64(sums[lane]);
        wholes[lane] = if log { math::log(sum) } else { sum };
    }
    for column in columns.iter_mut() {
        for lane in 0..LANES {
            let x = column[lane];
            column[lane] = if log { x - wholes[lane] } else { x / wholes[lane] };
        }
    }
    for (lane, out) in out.chunks_exact_mut(row).enumerate().take(LANES) {
        for (out, column) in out.iter_mut().zip(columns.iter()) {
            *out = column[lane];
        }
    }
}

#[inline(always)]
fn softmax_of_row<T: Float + Real>(x: &[T], out: &mut [T]) {
    let most = greatest(x);
    map(x, out, |x| math::exp(x - most));
    let sum = T::from_f64(sum(out));
    for out in out.iter_mut() {
        *out = *out / sum;
    }
}

#[inline(always)]
fn log_softmax_of_row<T: Float + Real>(x: &[T], out: &mut [T]) {
    let most = greatest(x);
    map(x, out, |x| math::exp(x - most));
    let log = math::log(T::from_f64(sum(out)));
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - most) - log;
    }
}

/// Writes `f` of each element; those behind the last whole vector are filled up to one.
#[inline(always)]
fn map<T: Float>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    let (body, tail) = x.as_chunks::<LANES>();
    let (out_body, out_tail) = out.as_chunks_mut::<LANES>();
    for (x, out) in body.iter().zip(out_body) {
        for lane in 0..LANES {
            out[lane] = f(x[lane]);
        }
    }
    if !tail.is_empty() {
        let mut vector = [T::ZERO; LANES];
        vector[..tail.len()].copy_from_slice(tail);
        for x in &mut vector {
            *x = f(*x);
        }
        out_tail.copy_from_slice(&vector[..tail.len()]);
    }
}

/// The greater; NaN where either is.
#[inline(always)]
fn greater<T: Float>(a: T, b: T) -> T {
    if (b > a) | b.is_nan() { b } else { a }
}

#[inline(always)]
fn greatest<T: Float>(x: &[T]) -> T {
    let (body, tail) = x.as_chunks::<LANES>();
    let mut lanes = [-T::INFINITY; LANES];
    for chunk in body {
        for lane in 0..LANES {
            lanes[lane] = greater(lanes[lane], chunk[lane]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane = greater(*lane, x);
    }
    by_halves(lanes, greater)
}

#[inline(always)]
fn sum<T: Float>(x: &[T]) -> f64 {
    if x.len() <= LANES {
        // As rows side by side are summed.
        return x.iter().fold(0.0, |sum, &x| sum + x.to_f64());
    }
    let (body, tail) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in body {
        for lane in 0..LANES {
            lanes[lane] += chunk[lane].to_f64();
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane += x.to_f64();
    }
    by_halves(lanes, |a, b| a + b)
}

#[inline(always)]
fn by_halves<T: Copy>(mut lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = join(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}
