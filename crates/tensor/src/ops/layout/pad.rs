//! Something around an array.

use super::walk::{Walk, scatter};
use crate::array::{Buffer, Element, RANK_MAX, Shape, View};
use crate::ops::number::{Number, with_numbers, with_size};
use serde::{Deserialize, Serialize};

/// What is put around an array.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// A value; infinities and NaN are written as text, since JSON has no numbers for them.
    Constant(#[serde(with = "any_float")] f64),
    /// Its elements mirrored, without the edge.
    Reflect,
    /// Its elements mirrored, with the edge.
    Symmetric,
}

mod any_float {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_f64(*value)
        } else {
            serializer.collect_str(value)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(value) => Ok(value),
            Written::Text(text) => match text.as_str() {
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                "nan" | "NaN" => Ok(f64::NAN),
                _ => Err(D::Error::custom("a number is expected, or \"inf\", \"-inf\" or \"nan\"")),
            },
        }
    }
}

/// `x` in the middle of an array of `shape`, with `before[i]` elements before it along axis `i`.
///
/// # Panics
/// Where it does not fit, or has fewer elements along an axis than are mirrored.
pub fn pad(x: View, before: &[usize], mode: PadMode, shape: &Shape, out: &mut Buffer) {
    if let PadMode::Constant(value) = mode {
        with_numbers!(x.dtype, T => {
            out.as_mut_slice::<T>(shape.elements()).fill(T::from_f64(value));
        });
    }
    with_size!(x.dtype, T => {
        let (from, out) = (x.data.as_slice::<T>(x.shape.elements()), out.as_mut_slice::<T>(shape.elements()));
        match mode {
            PadMode::Constant(_) => pad_constant(from, x.shape, before, shape, out),
            PadMode::Reflect => pad_mirrored(from, x.shape, before, 1, shape, out),
            PadMode::Symmetric => pad_mirrored(from, x.shape, before, 0, shape, out),
        }
    });
}

fn pad_constant<T: Element>(x: &[T], own: &Shape, before: &[usize], shape: &Shape, out: &mut [T]) {
    let steps = shape.strides();
    let start = before.iter().zip(steps.iter()).map(|(&before, &step)| before * step).sum();
    let axes = own.iter().zip(steps.iter()).map(|(&size, &step)| (size, step as isize));
    scatter(x, &Walk::new(start, axes), out);
}

/// Mirrored about the edge (`skip` 1) or beyond it (`skip` 0).
fn pad_mirrored<T: Element>(
    x: &[T],
    own: &Shape,
    before: &[usize],
    skip: usize,
    shape: &Shape,
    out: &mut [T],
) {
    let Some((&width, outer)) = shape.split_last() else {
        return out.copy_from_slice(x);
    };
    if out.is_empty() {
        return;
    }
    let steps = own.strides();
    let source = |axis: usize, index: usize| mirrored(index, before[axis], own[axis], skip);
    let last = outer.len();
    let mut index = [0; RANK_MAX];
    for row in out.chunks_exact_mut(width) {
        let start: usize = (0..last).map(|axis| source(axis, index[axis]) * steps[axis]).sum();
        for (column, out) in row.iter_mut().enumerate() {
            *out = x[start + source(last, column)];
        }
        for axis in (0..last).rev() {
            index[axis] += 1;
            if index[axis] < outer[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Where element `index` of a padded axis comes from.
#[inline(always)]
fn mirrored(index: usize, before: usize, size: usize, skip: usize) -> usize {
    if index < before {
        before - index - 1 + skip
    } else if index - before < size {
        index - before
    } else {
        2 * size - 1 - skip - (index - before)
    }
}
