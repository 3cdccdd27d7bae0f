//! Random numbers, each a function of a seed, a counter and its place.

mod philox;
mod quantile;

use ferrule_base::DType;
use serde::{Deserialize, Serialize};

use super::blocks::for_each_piece;
use super::math;
use super::number::Number;
use crate::array::Buffer;
use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use philox::{Blocks, LANES, WORDS, group};
use quantile::truncated_normal;

/// Elements that a thread makes in a go: a multiple of those of a group of blocks.
const PIECE: usize = 1 << 13;
/// Elements of a group of blocks that take a word each.
const SINGLES: usize = WORDS * LANES;
/// Elements of a group of blocks that take two words each.
const PAIRS: usize = WORDS / 2 * LANES;

/// A distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Random {
    /// From `low` on, below `high`.
    Uniform {
        /// The least number.
        low: f64,
        /// What all numbers are below.
        high: f64,
    },
    /// Gaussian.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        stddev: f64,
    },
    /// Gaussian, but within two standard deviations of the mean.
    TruncatedNormal {
        /// The mean.
        mean: f64,
        /// The standard deviation before it is cut off.
        stddev: f64,
    },
}

/// Fills the first `len` elements of `out`.
///
/// # Panics
/// Where the dtype is no float (whole numbers may be uniform, too).
pub fn fill(kind: Random, seed: u64, counter: u64, dtype: DType, len: usize, out: &mut Buffer) {
    let source = Source { seed, counter };
    match (dtype, kind) {
        (DType::Fp32, _) => source.fill::<f32>(kind, out.as_mut_slice(len)),
        (DType::Fp64, _) => source.fill::<f64>(kind, out.as_mut_slice(len)),
        (DType::Int32, Random::Uniform { .. }) => source.fill::<i32>(kind, out.as_mut_slice(len)),
        (DType::Int64, Random::Uniform { .. }) => source.fill::<i64>(kind, out.as_mut_slice(len)),
        _ => panic!("no {kind:?} of {dtype}"),
    }
}

#[derive(Clone, Copy)]
struct Source {
    seed: u64,
    counter: u64,
}

impl Source {
    fn fill<T: Drawn>(self, kind: Random, out: &mut [T]) {
        for_each_piece(out, PIECE, |piece, out| {
            let first = piece * PIECE / T::GROUP;
            dispatch(Isa::detect(), Fill { source: self, kind, first: first as u64, out });
        });
    }
}

struct Fill<'a, T> {
    source: Source,
    kind: Random,
    /// The group of blocks of the first element.
    first: u64,
    out: &'a mut [T],
}

impl<T: Drawn> Kernel for Fill<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Source { seed, counter } = self.source;
        for (index, out) in (self.first..).zip(self.out.chunks_mut(T::GROUP)) {
            let mut bits = [0; SINGLES];
            T::join(&group(seed, counter, index), &mut bits);
            let mut made = [T::default(); SINGLES];
            T::make(self.kind, &bits[..T::GROUP], &mut made[..T::GROUP]);
            out.copy_from_slice(&made[..out.len()]);
        }
    }
}

/// A type of which random numbers are made.
trait Drawn: Number {
    /// Elements of a group of blocks.
    const GROUP: usize;
    /// Takes the words of each element together.
    fn join(words: &Blocks<LANES>, bits: &mut [u64; SINGLES]);
    /// Makes elements of their bits.
    fn make(kind: Random, bits: &[u64], out: &mut [Self]);
}

macro_rules! drawn {
    ($type:ty, $group:ident, $join:ident, $make:expr) => {
        impl Drawn for $type {
            const GROUP: usize = $group;

            #[inline(always)]
            fn join(words: &Blocks<LANES>, bits: &mut [u64; SINGLES]) {
                $join(words, bits);
            }
            #[inline(always)]
            fn make(kind: Random, bits: &[u64], out: &mut [Self]) {
                $make(kind, bits, out);
            }
        }
    };
}

drawn!(f32, SINGLES, single_words, |kind, bits: &[u64], out: &mut [f32]| {
    let scale = 1.0 / (1u64 << 24) as f64;
    make_floats(kind, bits, |bits| (bits >> 8) as f64 * scale, out, f32::next_down);
});
drawn!(f64, PAIRS, pairs_of_words, |kind, bits: &[u64], out: &mut [f64]| {
    let scale = 1.0 / (1u64 << 53) as f64;
    make_floats(kind, bits, |bits| (bits >> 11) as f64 * scale, out, f64::next_down);
});
drawn!(i32, SINGLES, single_words, |kind, bits: &[u64], out: &mut [i32]| {
    make_whole(kind, bits, |bits, count| ((u128::from(bits) * count) >> 32) as i64, out);
});
drawn!(i64, PAIRS, pairs_of_words, |kind, bits: &[u64], out: &mut [i64]| {
    make_whole(kind, bits, |bits, count| ((u128::from(bits) * count) >> 64) as i64, out);
});

#[inline(always)]
fn single_words(words: &Blocks<LANES>, bits: &mut [u64; SINGLES]) {
    for (words, bits) in words.iter().zip(bits.chunks_exact_mut(LANES)) {
        for lane in 0..LANES {
            bits[lane] = u64::from(words[lane]);
        }
    }
}

#[inline(always)]
fn pairs_of_words(words: &Blocks<LANES>, bits: &mut [u64; SINGLES]) {
    for (words, bits) in words.chunks_exact(2).zip(bits.chunks_exact_mut(LANES)) {
        for lane in 0..LANES {
            bits[lane] = u64::from(words[0][lane]) << 32 | u64::from(words[1][lane]);
        }
    }
}

/// `share` makes a number from 0 on, below 1, of an element's bits.
#[inline(always)]
fn make_floats<T: Number>(
    kind: Random,
    bits: &[u64],
    share: impl Fn(u64) -> f64,
    out: &mut [T],
    next_down: impl Fn(T) -> T,
) {
    match kind {
        Random::Uniform { low, high } => {
            // Rounding could reach `high`.
            let last = next_down(T::from_f64(high));
            for (out, &bits) in out.iter_mut().zip(bits) {
                let value = T::from_f64(low + (high - low) * share(bits));
                *out = if value > last && low < high { last } else { value };
            }
        }
        Random::Normal { mean, stddev } => {
            let pairs = bits.chunks_exact(2 * LANES).zip(out.chunks_exact_mut(2 * LANES));
            for (bits, out) in pairs {
                for lane in 0..LANES {
                    let (x, y) = normal_pair(share(bits[lane]), share(bits[lane + LANES]));
                    out[lane] = T::from_f64(mean + stddev * x);
                    out[lane + LANES] = T::from_f64(mean + stddev * y);
                }
            }
        }
        Random::TruncatedNormal { mean, stddev } => {
            for (out, &bits) in out.iter_mut().zip(bits) {
                *out = T::from_f64(mean + stddev * truncated_normal(share(bits)));
            }
        }
    }
}

/// Two normal numbers of two uniform ones, by Box and Muller.
#[inline(always)]
fn normal_pair(radius: f64, angle: f64) -> (f64, f64) {
    let radius = (-2.0 * math::log(1.0 - radius)).sqrt();
    let angle = angle * std::f64::consts::TAU;
    (radius * math::cos(angle), radius * math::sin(angle))
}

/// `scale` makes a number below a count of an element's bits.
#[inline(always)]
fn make_whole<T: Number>(
    kind: Random,
    bits: &[u64],
    scale: impl Fn(u64, u128) -> i64,
    out: &mut [T],
) {
    let Random::Uniform { low, high } = kind else { return };
    let (low, high) = (low as i64, high as i64);
    let count = high.wrapping_sub(low).max(0) as u128;
    for (out, &bits) in out.iter_mut().zip(bits) {
        *out = T::from_i64(low.wrapping_add(scale(bits, count)));
    }
}
