//! Loops over the elements of a tile, one a function and type.

use std::marker::PhantomData;

use crate::cpu::Isa;
use crate::dispatch::{Code, compiled};

/// What a loop reads and writes.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Elements of each.
    pub(super) n: usize,
    pub(super) to: *mut u8,
    /// As many as the function has operands; the others are unspecified.
    pub(super) from: [*const u8; 3],
    /// Whether the second operand is one element for all; only for a loop that takes one.
    pub(super) one: bool,
}

impl Run {
    /// # Safety
    /// `n` elements of type `T`, which none writes meanwhile, lie at operand `k`.
    #[inline(always)]
    unsafe fn from<'a, T>(&self, k: usize) -> &'a [T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(self.from[k].cast(), self.n) }
    }

    /// # Safety
    /// There is room for `n` elements of type `T`, which none else uses meanwhile.
    #[inline(always)]
    unsafe fn to<'a, T>(&self) -> &'a mut [T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.to.cast(), self.n) }
    }
}

/// What went wrong in a loop: a bit each.
pub(super) type Faults = u8;
pub(super) const DIVISION_BY_ZERO: Faults = 1;
pub(super) const NEGATIVE_EXPONENT: Faults = 2;

/// A loop for one instruction set.
///
/// # Safety
/// The operands and the result lie where [`Run`] says, aligned, in the types of the function; the
/// result overlaps no operand.
pub(super) type Loop = unsafe fn(Run) -> Faults;

/// A function of one element.
pub(super) trait Map<T: Copy> {
    type To: Copy;

    /// Its value, where `x` is not [beyond](Self::is_beyond).
    fn value(x: T) -> Self::To;

    /// Whether `x` needs [`Map::value_beyond`].
    #[inline(always)]
    fn is_beyond(_: T) -> bool {
        false
    }

    /// The value for rare elements that take long.
    fn value_beyond(x: T) -> Self::To {
        Self::value(x)
    }
}

/// A function of two elements.
pub(super) trait Zip<T: Copy> {
    type To: Copy;

    fn value(x: T, y: T) -> Self::To;

    /// What is wrong with dividing by `y`, or with raising to it.
    #[inline(always)]
    fn faults(_: T) -> Faults {
        0
    }
}

/// The loop of `F`.
pub(super) fn map<F: Map<T>, T: Copy>(isa: Isa) -> Loop {
    compiled::<Maps<F, T>, Run>(isa)
}

/// The loop of `F`.
pub(super) fn zip<F: Zip<T>, T: Copy>(isa: Isa) -> Loop {
    compiled::<Zips<F, T>, Run>(isa)
}

/// The loop of `F` that also takes one element as its second operand.
pub(super) fn zip_or_one<F: Zip<T>, T: Copy>(isa: Isa) -> Loop {
    compiled::<ZipsOrOne<F, T>, Run>(isa)
}

/// The loop that chooses between elements of the size of `T` by a truth value.
pub(super) fn select<T: Copy>(isa: Isa) -> Loop {
    compiled::<Selects<T>, Run>(isa)
}

struct Maps<F, T>(PhantomData<(F, T)>);

impl<F: Map<T>, T: Copy> Code<Run> for Maps<F, T> {
    type Output = Faults;

    #[inline(always)]
    unsafe fn run(run: Run) -> Faults {
        // SAFETY: as the caller of a `Loop` promises.
        let (x, to) = unsafe { (run.from::<T>(0), run.to::<F::To>()) };
        let mut beyond = 0;
        for (to, &x) in to.iter_mut().zip(x) {
            *to = F::value(x);
            beyond |= u32::from(F::is_beyond(x));
        }
        if beyond != 0 {
            for (to, &x) in to.iter_mut().zip(x).filter(|(_, x)| F::is_beyond(**x)) {
                *to = F::value_beyond(x);
            }
        }
        0
    }
}

struct Zips<F, T>(PhantomData<(F, T)>);

impl<F: Zip<T>, T: Copy> Code<Run> for Zips<F, T> {
    type Output = Faults;

    #[inline(always)]
    unsafe fn run(run: Run) -> Faults {
        // SAFETY: as the caller of a `Loop` promises.
        let (x, y, to) = unsafe { (run.from::<T>(0), run.from::<T>(1), run.to::<F::To>()) };
        let mut faults = 0;
        for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
            *to = F::value(x, y);
            faults |= F::faults(y);
        }
        faults
    }
}

struct ZipsOrOne<F, T>(PhantomData<(F, T)>);

impl<F: Zip<T>, T: Copy> Code<Run> for ZipsOrOne<F, T> {
    type Output = Faults;

    #[inline(always)]
    unsafe fn run(run: Run) -> Faults {
        if !run.one {
            // SAFETY: as the caller of a `Loop` promises.
            return unsafe { Zips::<F, T>::run(run) };
        }
        // SAFETY: as above; the second operand is there for one element.
        let (x, y, to) = unsafe { (run.from::<T>(0), *run.from[1].cast::<T>(), run.to::<F::To>()) };
        for (to, &x) in to.iter_mut().zip(x) {
            *to = F::value(x, y);
        }
        F::faults(y)
    }
}

struct Selects<T>(PhantomData<T>);

impl<T: Copy> Code<Run> for Selects<T> {
    type Output = Faults;

    #[inline(always)]
    unsafe fn run(run: Run) -> Faults {
        // SAFETY: as the caller of a `Loop` promises.
        let (cond, to) = unsafe { (run.from::<u8>(0), run.to::<T>()) };
        // SAFETY: as above.
        let (yes, no) = unsafe { (run.from::<T>(1), run.from::<T>(2)) };
        for (((to, &cond), &yes), &no) in to.iter_mut().zip(cond).zip(yes).zip(no) {
            *to = if cond != 0 { yes } else { no };
        }
        0
    }
}
