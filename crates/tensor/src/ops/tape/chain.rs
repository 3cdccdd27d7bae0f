//! Chains of cheap functions of floats, whose elements stay in vector registers from the first to the
//! last: a tile is read and written once, not once a function.

#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no vectors wide enough"))]

use std::marker::PhantomData;

use ferrule_base::DType;

use super::Inst;
use super::links::Link;
use super::source::Sources;
use crate::cpu::Isa;
use crate::dispatch::{Code, compiled};
use crate::kernels::simd::Arithmetic;
use crate::view::Float;

/// Vectors that go along a chain together: as many as hide how long an instruction takes.
const VECTORS: usize = 8;

/// Links, and the places that they work on. The result may be in the place of an operand.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    code: unsafe fn(Task),
    from: u16,
    /// Functions, and where their other operands are; unspecified where they have none.
    links: Vec<(Link, u16)>,
    pub(super) to: u16,
}

/// A chain, and a tile that it goes over: what [`Chain::run`] was given.
struct Task {
    chain: *const Chain,
    n: usize,
    places: *const *mut u8,
    sources: *const Sources,
}

impl Chain {
    /// The chain of `insts`, as [`links::parts`](super::links::parts) finds them; `place` says where a
    /// register lies that is written before them, and `to` is where the result goes.
    pub(super) fn new(isa: Isa, insts: &[Inst], place: impl Fn(u16) -> u16, to: u16) -> Self {
        let mut x = insts[0].operands().next().expect("a link has an operand");
        let from = place(x);
        let mut links = Vec::with_capacity(insts.len());
        for inst in insts {
            let (link, y) = Link::of(inst, x).expect("a chain is made of links");
            links.push((link, if y == x { from } else { place(y) }));
            x = inst.to();
        }
        let code = match insts[0].dtype() {
            DType::Fp64 => code::<f64>(isa),
            _ => code::<f32>(isa),
        };
        let code = code.expect("chains are made where they are faster");
        Self { code, from, links, to }
    }

    /// Computes `n` elements.
    ///
    /// # Safety
    /// As many elements are at `places`, but one at those of lone `sources`, of the type of the chain, which
    /// none else writes, and there is room for as many at that of the result. It may be an operand's,
    /// but overlaps none otherwise.
    #[inline]
    pub(super) unsafe fn run(&self, n: usize, places: &[*mut u8], sources: &Sources) {
        // SAFETY: as the caller promises.
        unsafe { (self.code)(Task { chain: self, n, places: places.as_ptr(), sources }) }
    }
}

/// Whether chains are faster than loops on `isa`: in plain code they are not.
pub(super) fn are_for(isa: Isa) -> bool {
    code::<f32>(isa).is_some()
}

/// What runs chains of `T` on `isa`.
fn code<T: Float>(isa: Isa) -> Option<unsafe fn(Task)> {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if isa.is_available() => Some(compiled::<Pass<T, T::Avx512>, _>(isa)),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 if isa.is_available() => Some(compiled::<Pass<T, T::Avx2>, _>(isa)),
        _ => None,
    }
}

/// A chain at work, on vectors of `S`.
struct Pass<T, S>(PhantomData<(T, S)>);

impl<T: Float, S: Arithmetic<T>> Code<Task> for Pass<T, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(task: Task) {
        let block = VECTORS * S::LANES;
        let whole = task.n / block * block;
        // SAFETY: as the caller of `Chain::run` promises; `compiled` has seen to the instructions.
        unsafe {
            for first in (0..whole).step_by(block) {
                task.block::<T, S, VECTORS, false>(first);
            }
            match task.n - whole {
                0 => {}
                few if few <= S::LANES => task.block::<T, S, 1, true>(whole),
                _ => task.block::<T, S, VECTORS, true>(whole),
            }
        }
    }
}

/// Where an operand is.
#[derive(Clone, Copy)]
struct Operand<T> {
    at: *const T,
    /// Whether it is one element for all.
    one: bool,
}

impl Task {
    /// Takes `V` vectors from element `first` on along the chain; `ENDS` where not all elements are there.
    ///
    /// # Safety
    /// As [`Chain::run`]; the CPU has `S`.
    #[inline(always)]
    unsafe fn block<T: Float, S: Arithmetic<T>, const V: usize, const ENDS: bool>(
        &self,
        first: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let chain = &*self.chain;
            let mut x = self.vectors::<T, S, V, ENDS>(self.operand(chain.from), first);
            for &(link, place) in &chain.links {
                let y = self.operand(place);
                self.follow::<T, S, V, ENDS>(link, &mut x, y, first);
            }
            let to = (*self.places.add(chain.to.into())).cast::<T>();
            for (v, x) in x.into_iter().enumerate() {
                let first = first + v * S::LANES;
                if ENDS {
                    S::store_partial(to.wrapping_add(first), x, self.count(first, S::LANES));
                } else {
                    S::store(to.add(first), x);
                }
            }
        }
    }

    /// One link. It branches once for all of `x`, which stay in registers.
    ///
    /// # Safety
    /// As [`Task::block`].
    #[inline(always)]
    unsafe fn follow<T: Float, S: Arithmetic<T>, const V: usize, const ENDS: bool>(
        &self,
        link: Link,
        x: &mut [S::V; V],
        y: Operand<T>,
        first: usize,
    ) {
        macro_rules! each {
            ($x:ident => $value:expr) => {
                for $x in x.iter_mut() {
                    *$x = $value;
                }
            };
        }
        macro_rules! zip {
            ($x:ident, $y:ident => $value:expr) => {
                if y.one {
                    let $y = S::splat(*y.at);
                    each!($x => $value);
                } else {
                    for ($x, $y) in x.iter_mut().zip(self.vectors::<T, S, V, ENDS>(y, first)) {
                        *$x = $value;
                    }
                }
            };
        }
        // SAFETY: as the caller promises.
        unsafe {
            match link {
                Link::Neg => each!(x => S::neg(*x)),
                Link::Abs => each!(x => S::abs(*x)),
                Link::Sqrt => each!(x => S::sqrt(*x)),
                Link::Square => each!(x => S::mul(*x, *x)),
                Link::Add => zip!(x, y => S::add(*x, y)),
                Link::Mul => zip!(x, y => S::mul(*x, y)),
                Link::Sub => zip!(x, y => S::sub(*x, y)),
                Link::SubFrom => zip!(x, y => S::sub(y, *x)),
                Link::Div => zip!(x, y => S::div(*x, y)),
                Link::DivInto => zip!(x, y => S::div(y, *x)),
                Link::Maximum => zip!(x, y => S::maximum(*x, y)),
                Link::MaximumOf => zip!(x, y => S::maximum(y, *x)),
                Link::Minimum => zip!(x, y => S::minimum(*x, y)),
                Link::MinimumOf => zip!(x, y => S::minimum(y, *x)),
            }
        }
    }

    /// The operand at `place`.
    ///
    /// # Safety
    /// It is one of the chain's.
    #[inline(always)]
    unsafe fn operand<T>(&self, place: u16) -> Operand<T> {
        // SAFETY: as the caller promises; what was given to `Chain::run` is there.
        unsafe {
            let at = (*self.places.add(place.into())).cast_const().cast();
            Operand { at, one: (*self.sources).is_lone(place) }
        }
    }

    /// `V` vectors of an operand from element `first` on.
    ///
    /// # Safety
    /// As [`Task::block`].
    #[inline(always)]
    unsafe fn vectors<T: Float, S: Arithmetic<T>, const V: usize, const ENDS: bool>(
        &self,
        operand: Operand<T>,
        first: usize,
    ) -> [S::V; V] {
        // SAFETY: as the caller promises.
        unsafe {
            let mut vectors = [S::splat(T::ZERO); V];
            if operand.one {
                return [S::splat(*operand.at); V];
            }
            for (v, vector) in vectors.iter_mut().enumerate() {
                let first = first + v * S::LANES;
                *vector = if ENDS {
                    S::load_partial(operand.at.wrapping_add(first), self.count(first, S::LANES))
                } else {
                    S::load(operand.at.add(first))
                };
            }
            vectors
        }
    }

    /// How many elements of the vector from `first` on are there.
    #[inline(always)]
    fn count(&self, first: usize, lanes: usize) -> usize {
        self.n.saturating_sub(first).min(lanes)
    }
}
