//! Where the greatest and the least elements are.

use std::marker::PhantomData;

use super::fold::{Fold, Max, Min, fold_runs};
use crate::array::{Buffer, View};
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::blocks::{Parts, for_each_piece, piece_rows};
use crate::ops::number::{Number, with_numbers};
use crate::pool::for_each_block;

/// Elements of a run looked through at a time.
const CHUNK: usize = 1 << 12;
/// Elements compared side by side.
const FEW: usize = 64;
/// Columns looked through side by side.
const STRIP: usize = 128;

/// The place (`INT64`) of the greatest or least element along `axis`: the first of equals, and of
/// NaNs where there are any.
///
/// # Panics
/// Where the axis has no element, but there are results.
pub fn arg_extreme(max: bool, x: View, axis: usize, out: &mut Buffer) {
    let run = x.shape[axis];
    let inner = x.shape[axis + 1..].iter().product();
    let outer: usize = x.shape[..axis].iter().product();
    let out = out.as_mut_slice::<i64>(outer * inner);
    assert!(run > 0 || out.is_empty(), "an axis with an element");
    assert!(u32::try_from(run).is_ok(), "an axis of less than 2^32 elements");
    with_numbers!(x.dtype, T => {
        let x = x.as_slice::<T>();
        if max { places::<Max<T>, T>(x, run, inner, out) } else { places::<Min<T>, T>(x, run, inner, out) }
    });
}

fn places<F: Fold<In = T, Acc = T>, T: Number>(x: &[T], run: usize, inner: usize, out: &mut [i64]) {
    if out.is_empty() {
        return;
    }
    if inner == 1 {
        let rows = piece_rows(run);
        for_each_piece(out, rows, |piece, out| {
            let rows = x[piece * rows * run..].chunks_exact(run);
            for (place, row) in out.iter_mut().zip(rows) {
                *place = place_in_run::<F, T>(row) as i64;
            }
        });
        return;
    }
    let across = inner.div_ceil(STRIP);
    let strips = out.len() / inner * across;
    let piece = piece_rows(run * STRIP.min(inner));
    let out = Parts::new(out);
    for_each_block(strips.div_ceil(piece), |block| {
        for strip in block * piece..(block * piece + piece).min(strips) {
            let (group, column) = (strip / across, strip % across * STRIP);
            let width = STRIP.min(inner - column);
            // SAFETY: each strip is written once.
            let out = unsafe { out.part(group * inner + column, width) };
            let x = &x[group * run * inner + column..];
            let columns = Columns::<F, T> { x, run, stride: inner, out, fold: PhantomData };
            dispatch(Isa::detect(), columns);
        }
    });
}

/// Whether `candidate` is taken rather than `best`, which came before it.
#[inline(always)]
fn wins<F: Fold<In = T, Acc = T>, T: Number>(candidate: T, best: T) -> bool {
    let joined = F::join(best, candidate);
    !best.is_nan() & (joined.is_nan() | (joined != best))
}

/// The chunk with the extreme first, by whole vectors; then the place in it.
fn place_in_run<F: Fold<In = T, Acc = T>, T: Number>(row: &[T]) -> usize {
    let (mut best, mut chunk) = (F::START, 0);
    for (index, elements) in row.chunks(CHUNK).enumerate() {
        let mut extreme = [F::START];
        fold_runs::<F>(elements, elements.len(), &mut extreme);
        if wins::<F, T>(extreme[0], best) {
            (best, chunk) = (extreme[0], index);
        }
    }
    let start = chunk * CHUNK;
    start + dispatch(Isa::detect(), First { x: &row[start..], value: best })
}

/// Where `value` first stands, or a NaN where it is one.
struct First<'a, T> {
    x: &'a [T],
    value: T,
}

impl<T: Number> Kernel for First<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let is = |&x: &T| (x == self.value) | (x.is_nan() & self.value.is_nan());
        let has = |x: &[T]| x.iter().fold(false, |has, x| has | is(x));
        let chunk = self.x.chunks(FEW).position(has).unwrap_or(0) * FEW;
        chunk + self.x[chunk..].iter().position(is).unwrap_or(0)
    }
}

struct Columns<'a, F, T> {
    x: &'a [T],
    run: usize,
    stride: usize,
    out: &'a mut [i64],
    fold: PhantomData<F>,
}

impl<F: Fold<In = T, Acc = T>, T: Number> Kernel for Columns<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, run, stride, out, .. } = self;
        let (mut best, mut places) = ([F::START; STRIP], [0u32; STRIP]);
        let (best, places) = (&mut best[..out.len()], &mut places[..out.len()]);
        best.copy_from_slice(&x[..out.len()]);
        for row in 1..run {
            let columns = places.iter_mut().zip(best.iter_mut()).zip(&x[row * stride..]);
            for ((place, best), &x) in columns {
                let wins = wins::<F, T>(x, *best);
                *best = if wins { x } else { *best };
                *place = if wins { row as u32 } else { *place };
            }
        }
        for (out, &place) in out.iter_mut().zip(&*places) {
            *out = i64::from(place);
        }
    }
}
