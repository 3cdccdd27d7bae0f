//! Elements in other places: transposed, joined, cut, padded, repeated.

mod pad;
mod transpose;
mod walk;

pub use pad::{PadMode, pad};
pub use transpose::transpose;

use super::blocks::{for_each_piece, piece_rows};
use super::number::with_size;
use crate::array::{Buffer, Shape, View};
use walk::{Walk, gather, scatter};

/// The arrays `xs` one after the other along `axis`.
///
/// # Panics
/// Where their other axes differ.
pub fn concat(xs: &[View], axis: usize, out: &mut Buffer) {
    let Some(first) = xs.first() else { return };
    let row = |x: &View| -> usize { x.shape[axis..].iter().product() };
    let outer: usize = first.shape[..axis].iter().product();
    let width: usize = xs.iter().map(row).sum();
    if outer * width == 0 {
        return;
    }
    with_size!(first.dtype, T => {
        let out = out.as_mut_slice::<T>(outer * width);
        let rows = piece_rows(width);
        for_each_piece(out, rows * width, |piece, out| {
            for (index, mut out) in out.chunks_exact_mut(width).enumerate() {
                for x in xs {
                    let (to, rest) = out.split_at_mut(row(x));
                    let from = (piece * rows + index) * to.len();
                    to.copy_from_slice(&x.data.as_slice::<T>(outer * to.len())[from..][..to.len()]);
                    out = rest;
                }
            }
        });
    });
}

/// Of the first axes, `starts[i]`, `starts[i] + strides[i]` and so on, of the others all: `shape` says
/// how many.
///
/// # Panics
/// Where an element lies outside `x`.
pub fn slice(x: View, starts: &[usize], strides: &[i64], shape: &Shape, out: &mut Buffer) {
    let walk = slice_walk(x.shape, starts, strides, shape);
    with_size!(x.dtype, T => {
        gather::<T>(x.data.as_slice(x.shape.elements()), &walk, out.as_mut_slice(walk.len()));
    });
}

/// `g` at the places that [`slice`] takes from an array of `shape`; zeros at the others.
///
/// # Panics
/// Where an element lies outside `shape`.
pub fn slice_grad(g: View, starts: &[usize], strides: &[i64], shape: &Shape, out: &mut Buffer) {
    let walk = slice_walk(shape, starts, strides, g.shape);
    with_size!(g.dtype, T => {
        let out = out.as_mut_slice::<T>(shape.elements());
        out.fill(T::default());
        scatter::<T>(g.data.as_slice(walk.len()), &walk, out);
    });
}

/// The places of a slice of shape `part` in an array of shape `whole`.
fn slice_walk(whole: &Shape, starts: &[usize], strides: &[i64], part: &Shape) -> Walk {
    let steps = whole.strides();
    let start = starts.iter().zip(steps.iter()).map(|(&start, &step)| start * step).sum();
    let axes = part.iter().zip(steps.iter()).enumerate().map(|(axis, (&size, &step))| {
        (size, step as isize * strides.get(axis).map_or(1, |&stride| stride as isize))
    });
    Walk::new(start, axes)
}

/// `x` repeated whole, `multiples[i]` times along axis `i`.
pub fn tile(x: View, multiples: &[usize], out: &mut Buffer) {
    let steps = x.shape.strides();
    let axes = x.shape.iter().zip(steps.iter()).zip(multiples);
    let axes = axes.flat_map(|((&size, &step), &times)| [(times, 0), (size, step as isize)]);
    gather_walk(x, &Walk::new(0, axes), out);
}

/// The elements of `x` in reverse order along the axes marked.
pub fn reverse(x: View, axes: &[bool], out: &mut Buffer) {
    let steps = x.shape.strides();
    let start = axes.iter().enumerate().filter(|&(_, &reversed)| reversed);
    let start = start.map(|(axis, _)| x.shape[axis].saturating_sub(1) * steps[axis]).sum();
    let axes = x.shape.iter().zip(steps.iter()).zip(axes);
    let axes = axes.map(|((&size, &step), &reversed)| {
        (size, if reversed { -(step as isize) } else { step as isize })
    });
    gather_walk(x, &Walk::new(start, axes), out);
}

/// `x` repeated to `shape`, to which it broadcasts.
///
/// # Panics
/// Where it does not.
pub fn broadcast(x: View, shape: &Shape, out: &mut Buffer) {
    let (steps, lead) = (x.shape.strides(), shape.len() - x.shape.len());
    let axes = shape.iter().enumerate().map(|(axis, &size)| {
        let Some(own) = axis.checked_sub(lead) else { return (size, 0) };
        assert!(x.shape[own] == size || x.shape[own] == 1, "{} broadcasts to {shape}", x.shape);
        (size, if x.shape[own] == 1 { 0 } else { steps[own] as isize })
    });
    gather_walk(x, &Walk::new(0, axes), out);
}

fn gather_walk(x: View, walk: &Walk, out: &mut Buffer) {
    with_size!(x.dtype, T => {
        gather::<T>(x.data.as_slice(x.shape.elements()), walk, out.as_mut_slice(walk.len()));
    });
}
