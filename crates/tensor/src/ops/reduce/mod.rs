//! Reductions, running sums and the like along axes.
//!
//! The order in which elements are folded depends on the shape alone. Sums and products of `f32` are
//! made in `f64` and rounded once.

mod arg;
mod cumulative;
mod fold;
mod top_k;

pub use arg::arg_extreme;
pub use cumulative::cum_sum;
pub use top_k::top_k;

use fold::{Fold, Max, Min, Prod, Sum, fold_columns, fold_runs};

use super::Reduction;
use super::blocks::{Parts, piece_rows};
use super::number::{Number, with_floats, with_numbers};
use crate::array::{Buffer, RANK_MAX, View};
use crate::pool::for_each_block;

/// Elements folded by one thread in a go, where a few large groups are divided.
const CHUNK: usize = 1 << 16;
/// Most parts of a group, roughly.
const PARTS_MAX: usize = 256;
/// Groups from which on they are not divided.
const MANY_GROUPS: usize = 64;
/// Results made at a time.
const STRIP: usize = 256;

/// Folds the elements along the axes marked to one; the others keep their order in `out`.
///
/// # Panics
/// Where `axes` has not one mark an axis, or `f` is not for the dtype: `Mean` is for floats, `Any` and
/// `All` are for truth values.
pub fn reduce(f: Reduction, x: View, axes: &[bool], out: &mut Buffer) {
    let groups = Groups::new(x.shape, axes);
    match f {
        Reduction::Sum => with_numbers!(x.dtype, T => {
            fold_to::<Sum<T>, T>(&groups, x, out, |sum, _| T::narrow(sum));
        }),
        Reduction::Mean => with_floats!(x.dtype, T => {
            fold_to::<Sum<T>, T>(&groups, x, out, |sum, count| T::narrow(sum.over(count)));
        }),
        Reduction::Prod => with_numbers!(x.dtype, T => {
            fold_to::<Prod<T>, T>(&groups, x, out, |product, _| T::narrow(product));
        }),
        Reduction::Max => with_numbers!(x.dtype, T => {
            fold_to::<Max<T>, T>(&groups, x, out, |most, _| most);
        }),
        Reduction::Min => with_numbers!(x.dtype, T => {
            fold_to::<Min<T>, T>(&groups, x, out, |least, _| least);
        }),
        Reduction::Any => fold_to::<Max<u8>, u8>(&groups, x, out, |any, _| any),
        Reduction::All => fold_to::<Min<u8>, u8>(&groups, x, out, |all, _| all.min(1)),
    }
}

/// An array as `outer` times `run` times `inner` elements, of which the runs are folded.
#[derive(Clone, Copy)]
struct Runs {
    outer: usize,
    run: usize,
    inner: usize,
}

impl Runs {
    fn results(&self) -> usize {
        self.outer * self.inner
    }

    /// How much of a run is a part, where there are few long ones.
    fn part(&self) -> Option<usize> {
        let group = self.run * self.inner;
        let few = self.outer < MANY_GROUPS && self.inner <= CHUNK / 16;
        (few && group >= 2 * CHUNK).then(|| (CHUNK / self.inner).max(self.run.div_ceil(PARTS_MAX)))
    }
}

/// Axes joined to alternately kept and folded ones.
struct Groups {
    sizes: [usize; RANK_MAX],
    folded: [bool; RANK_MAX],
    len: usize,
}

impl Groups {
    fn new(shape: &[usize], axes: &[bool]) -> Self {
        assert_eq!(shape.len(), axes.len(), "one mark an axis");
        let mut groups = Self { sizes: [1; RANK_MAX], folded: [false; RANK_MAX], len: 0 };
        for (&size, &folded) in shape.iter().zip(axes).filter(|&(&size, _)| size != 1) {
            if groups.len == 0 || groups.folded[groups.len - 1] != folded {
                groups.folded[groups.len] = folded;
                groups.len += 1;
            }
            groups.sizes[groups.len - 1] *= size;
        }
        groups
    }

    /// How many elements become one.
    fn count(&self) -> usize {
        self.of(true, self.len)
    }

    /// The product of the kept or folded sizes before group `end`.
    fn of(&self, folded: bool, end: usize) -> usize {
        let sizes = self.sizes.iter().zip(&self.folded).take(end);
        sizes.filter(|&(_, &f)| f == folded).map(|(&size, _)| size).product()
    }

    /// The last folded group with all before it and all after it, and what is left to fold then.
    fn last(&self) -> (Runs, Option<Self>) {
        let Some(at) = (0..self.len).rev().find(|&at| self.folded[at]) else {
            return (
                Runs { outer: 1, run: 1, inner: self.sizes[..self.len].iter().product() },
                None,
            );
        };
        let outer = self.sizes[..at].iter().product();
        let inner = self.sizes[at + 1..self.len].iter().product();
        let rest = self.folded[..at].contains(&true).then(|| {
            let mut rest = Self { sizes: self.sizes, folded: self.folded, len: at };
            if inner != 1 {
                rest.sizes[at - 1] *= inner;
            }
            rest
        });
        (Runs { outer, run: self.sizes[at], inner }, rest)
    }
}

/// Folds `x` by `F`; `finish` makes a result of what a number of elements are folded to.
fn fold_to<F: Fold<In = T>, T: Number>(
    groups: &Groups,
    x: View,
    out: &mut Buffer,
    finish: impl Fn(F::Acc, usize) -> T + Sync,
) {
    let count = groups.count();
    let out = out.as_mut_slice::<T>(groups.of(false, groups.len));
    let out = Parts::new(out);
    let emit = |start: usize, accs: &[F::Acc]| {
        // SAFETY: each result is emitted once.
        let out = unsafe { out.part(start, accs.len()) };
        for (out, &acc) in out.iter_mut().zip(accs) {
            *out = finish(acc, count);
        }
    };
    fold_groups::<F>(groups, x.as_slice::<T>(), &emit);
}

/// Folds all groups, the last first, and gives the results to `emit`, each with its place.
fn fold_groups<F: Fold>(groups: &Groups, x: &[F::In], emit: &(impl Fn(usize, &[F::Acc]) + Sync)) {
    let (runs, rest) = groups.last();
    let Some(rest) = rest else {
        return fold_all::<F>(runs, x, emit);
    };
    let mut between = vec![F::START; runs.results()];
    let parts = Parts::new(&mut between);
    fold_all::<F>(runs, x, &|start, accs: &[F::Acc]| {
        // SAFETY: each result is emitted once.
        unsafe { parts.part(start, accs.len()) }.copy_from_slice(accs);
    });
    fold_groups::<F::Again>(&rest, &between, emit);
}

/// Folds all runs and gives the results to `emit`, each with its place.
fn fold_all<F: Fold>(runs: Runs, x: &[F::In], emit: &(impl Fn(usize, &[F::Acc]) + Sync)) {
    let Runs { outer, run, inner } = runs;
    if runs.results() == 0 {
        return;
    }
    if let Some(part) = runs.part() {
        let parts = run.div_ceil(part);
        let mut between = vec![F::START; outer * parts * inner];
        let places = Parts::new(&mut between);
        for_each_block(outer * parts, |block| {
            let start = block % parts * part;
            let rows = part.min(run - start);
            let x = &x[(block / parts * run + start) * inner..][..rows * inner];
            // SAFETY: each part has its own place.
            let accs = unsafe { places.part(block * inner, inner) };
            if inner == 1 { fold_runs::<F>(x, rows, accs) } else { fold_wide::<F>(x, rows, accs) }
        });
        return fold_all::<F::Again>(Runs { outer, run: parts, inner }, &between, emit);
    }
    if inner == 1 {
        fold_rows::<F>(runs, x, emit);
    } else {
        fold_strips::<F>(runs, x, emit);
    }
}

/// Adjacent elements become one.
fn fold_rows<F: Fold>(runs: Runs, x: &[F::In], emit: &(impl Fn(usize, &[F::Acc]) + Sync)) {
    let Runs { outer, run, .. } = runs;
    let piece = piece_rows(run);
    for_each_block(outer.div_ceil(piece), |block| {
        let end = (block * piece + piece).min(outer);
        for start in (block * piece..end).step_by(STRIP) {
            let mut accs = [F::START; STRIP];
            let accs = &mut accs[..STRIP.min(end - start)];
            fold_runs::<F>(&x[start * run..][..accs.len() * run], run, accs);
            emit(start, accs);
        }
    });
}

/// Elements that lie `inner` apart become one.
fn fold_strips<F: Fold>(runs: Runs, x: &[F::In], emit: &(impl Fn(usize, &[F::Acc]) + Sync)) {
    let Runs { outer, run, inner } = runs;
    let across = inner.div_ceil(STRIP);
    let strips = outer * across;
    let piece = piece_rows(run * STRIP.min(inner));
    for_each_block(strips.div_ceil(piece), |block| {
        for strip in block * piece..(block * piece + piece).min(strips) {
            let (group, column) = (strip / across, strip % across * STRIP);
            let mut accs = [F::START; STRIP];
            let accs = &mut accs[..STRIP.min(inner - column)];
            // An empty run has no element to start from.
            let x = x.get(group * run * inner + column..).unwrap_or_default();
            fold_columns::<F>(x, run, inner, accs);
            emit(group * inner + column, accs);
        }
    });
}

/// The columns of whole rows, strip by strip.
fn fold_wide<F: Fold>(x: &[F::In], rows: usize, accs: &mut [F::Acc]) {
    let stride = accs.len();
    for (strip, accs) in accs.chunks_mut(STRIP).enumerate() {
        fold_columns::<F>(&x[strip * STRIP..], rows, stride, accs);
    }
}
