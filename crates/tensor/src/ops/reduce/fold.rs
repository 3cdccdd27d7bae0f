//! How elements become one, and the loops that make them.

use std::marker::PhantomData;

use crate::array::Element;
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::ops::number::Number;

/// Elements of a run that are folded side by side.
const LANES: usize = 32;
/// Elements of a chain of a block.
const BLOCK: usize = 64;
/// Columns below which rows are joined to wider ones.
const WIDE: usize = 64;

/// An associative function by which elements become one.
pub(super) trait Fold: 'static {
    /// An element.
    type In: Element;
    /// Several of them, folded.
    type Acc: Element;
    /// The same for what is folded already.
    type Again: Fold<In = Self::Acc, Acc = Self::Acc, Again = Self::Again>;
    /// Nothing, folded.
    const START: Self::Acc;

    /// One element, folded.
    fn lift(x: Self::In) -> Self::Acc;
    /// Both.
    fn join(a: Self::Acc, b: Self::Acc) -> Self::Acc;
}

macro_rules! wide_fold {
    ($(#[$doc:meta])* $name:ident, $start:ident, $join:ident) => {
        $(#[$doc])*
        pub(super) struct $name<T>(PhantomData<T>);

        impl<T: Number> Fold for $name<T> {
            type In = T;
            type Acc = T::Wide;
            type Again = $name<T::Wide>;
            const START: T::Wide = T::Wide::$start;

            #[inline(always)]
            fn lift(x: T) -> T::Wide {
                x.widen()
            }
            #[inline(always)]
            fn join(a: T::Wide, b: T::Wide) -> T::Wide {
                a.$join(b)
            }
        }
    };
}

wide_fold!(
    /// The sum.
    Sum, ZERO, plus
);
wide_fold!(
    /// The product.
    Prod, ONE, times
);

macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident, $start:ident, $is:tt) => {
        $(#[$doc])*
        pub(super) struct $name<T>(PhantomData<T>);

        impl<T: Number> Fold for $name<T> {
            type In = T;
            type Acc = T;
            type Again = Self;
            const START: T = T::$start;

            #[inline(always)]
            fn lift(x: T) -> T {
                x
            }
            /// A NaN is taken, and stays: nothing compares with it.
            #[inline(always)]
            fn join(a: T, b: T) -> T {
                if (b $is a) | b.is_nan() { b } else { a }
            }
        }
    };
}

extreme!(
    /// The greatest; NaN where one is.
    Max, LEAST, >
);
extreme!(
    /// The least; NaN where one is.
    Min, GREATEST, <
);

/// Folds each `run` elements of `x` to one of `accs`.
pub(super) fn fold_runs<F: Fold>(x: &[F::In], run: usize, accs: &mut [F::Acc]) {
    dispatch(Isa::detect(), Runs::<F> { x, run, accs });
}

/// Folds the columns of `x`, whose rows start every `stride` elements, one to each of `accs`.
pub(super) fn fold_columns<F: Fold>(x: &[F::In], rows: usize, stride: usize, accs: &mut [F::Acc]) {
    dispatch(Isa::detect(), Columns::<F> { x, rows, stride, accs });
}

struct Runs<'a, F: Fold> {
    x: &'a [F::In],
    run: usize,
    accs: &'a mut [F::Acc],
}

impl<F: Fold> Kernel for Runs<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.run == 0 {
            return self.accs.fill(F::START);
        }
        for (x, acc) in self.x.chunks_exact(self.run).zip(self.accs) {
            *acc = fold_run::<F>(x);
        }
    }
}

/// Every 32nd element of a block in a chain of its own, the blocks' chains joined in turn, then by halves:
/// chains stay short, so that sums of many elements keep their digits. Few elements in one chain.
#[inline(always)]
fn fold_run<F: Fold>(x: &[F::In]) -> F::Acc {
    let (body, tail) = x.as_chunks::<LANES>();
    if body.is_empty() {
        return tail.iter().fold(F::START, |acc, &x| F::join(acc, F::lift(x)));
    }
    let mut lanes = [F::START; LANES];
    for block in body.chunks(BLOCK) {
        let mut own = [F::START; LANES];
        for chunk in block {
            for lane in 0..LANES {
                own[lane] = F::join(own[lane], F::lift(chunk[lane]));
            }
        }
        for (lane, own) in lanes.iter_mut().zip(own) {
            *lane = F::join(*lane, own);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane = F::join(*lane, F::lift(x));
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = F::join(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

struct Columns<'a, F: Fold> {
    x: &'a [F::In],
    rows: usize,
    stride: usize,
    accs: &'a mut [F::Acc],
}

impl<F: Fold> Kernel for Columns<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, rows, stride, accs } = self;
        accs.fill(F::START);
        if stride == accs.len() && 2 * stride <= WIDE {
            return fold_narrow::<F>(&x[..rows * stride], accs);
        }
        let width = accs.len();
        let row = |r: usize| &x[r * stride..][..width];
        let whole = rows / 4 * 4;
        for r in (0..whole).step_by(4) {
            let rows = [row(r), row(r + 1), row(r + 2), row(r + 3)];
            fold_four::<F>(rows, accs);
        }
        for r in whole..rows {
            for (acc, &x) in accs.iter_mut().zip(&x[r * stride..]) {
                *acc = F::join(*acc, F::lift(x));
            }
        }
    }
}

/// Four rows in order, so that the sums are read and written once for all of them.
#[inline(always)]
fn fold_four<F: Fold>([a, b, c, d]: [&[F::In]; 4], accs: &mut [F::Acc]) {
    let columns = accs.iter_mut().zip(a).zip(b).zip(c).zip(d);
    for ((((acc, &a), &b), &c), &d) in columns {
        let two = F::join(F::join(*acc, F::lift(a)), F::lift(b));
        *acc = F::join(F::join(two, F::lift(c)), F::lift(d));
    }
}

/// Few columns: as many rows side by side as make a wide one.
#[inline(always)]
fn fold_narrow<F: Fold>(x: &[F::In], accs: &mut [F::Acc]) {
    let width = accs.len();
    let mut wide = [F::START; WIDE];
    let wide = &mut wide[..WIDE / width * width];
    let rows = x.chunks_exact(wide.len());
    let tail = rows.remainder();
    for row in rows {
        for (acc, &x) in wide.iter_mut().zip(row) {
            *acc = F::join(*acc, F::lift(x));
        }
    }
    for row in wide.chunks_exact(width) {
        for (acc, &x) in accs.iter_mut().zip(row) {
            *acc = F::join(*acc, x);
        }
    }
    for row in tail.chunks_exact(width) {
        for (acc, &x) in accs.iter_mut().zip(row) {
            *acc = F::join(*acc, F::lift(x));
        }
    }
}
