//! Elements by their places.

use ferrule_base::DType;

use super::OpError;
use super::blocks::{for_each_piece, piece_rows};
use super::number::{Number, with_numbers, with_size};
use crate::array::{Buffer, Element, Shape, View};

/// Elements of `x` at `places` (`INT32` or `INT64`) along `axis`, which the axes of `places` replace.
///
/// # Errors
/// [`OpError::IndexOutOfRange`]: a place is negative or not below the size of the axis.
pub fn gather(x: View, places: View, axis: usize, out: &mut Buffer) -> Result<(), OpError> {
    match places.dtype {
        DType::Int32 => gather_at(x, places.as_slice::<i32>(), axis, out),
        _ => gather_at(x, places.as_slice::<i64>(), axis, out),
    }
}

/// A place in an array.
trait Place: Element {
    /// The place, where it is below `size`.
    fn below(self, size: usize) -> Option<usize>;
    fn to_i64(self) -> i64;
}

macro_rules! place {
    ($type:ty) => {
        impl Place for $type {
            #[inline(always)]
            fn below(self, size: usize) -> Option<usize> {
                usize::try_from(self).ok().filter(|&place| place < size)
            }
            fn to_i64(self) -> i64 {
                i64::from(self)
            }
        }
    };
}

place!(i32);
place!(i64);

/// The first place that is not below `size`, as an error.
fn check(places: &[impl Place], size: usize) -> Result<(), OpError> {
    match places.iter().position(|place| place.below(size).is_none()) {
        Some(at) => Err(OpError::IndexOutOfRange { index: places[at].to_i64(), size, place: at }),
        None => Ok(()),
    }
}

fn gather_at<I: Place>(
    x: View,
    places: &[I],
    axis: usize,
    out: &mut Buffer,
) -> Result<(), OpError> {
    let size = x.shape[axis];
    let outer: usize = x.shape[..axis].iter().product();
    let inner: usize = x.shape[axis + 1..].iter().product();
    check(places, size)?;
    if outer * inner * places.len() == 0 {
        return Ok(());
    }
    with_size!(x.dtype, T => {
        let x = x.data.as_slice::<T>(outer * size * inner);
        let out = out.as_mut_slice::<T>(outer * places.len() * inner);
        let rows = piece_rows(inner);
        for_each_piece(out, rows * inner, |piece, out| {
            for (index, out) in out.chunks_exact_mut(inner).enumerate() {
                let row = piece * rows + index;
                let place = places[row % places.len()].below(size).expect("checked above");
                let from = (row / places.len() * size + place) * inner;
                out.copy_from_slice(&x[from..][..inner]);
            }
        });
    });
    Ok(())
}

/// Zeros of `shape`, to which each element of `g` is added at its place along `axis`, in the order of
/// `places`: what [`gather`] does, backwards.
///
/// # Errors
/// [`OpError::IndexOutOfRange`]: a place is negative or not below the size of the axis.
pub fn scatter_add(
    g: View,
    places: View,
    axis: usize,
    shape: &Shape,
    out: &mut Buffer,
) -> Result<(), OpError> {
    out.as_mut_slice::<u8>(shape.elements() * g.dtype.size()).fill(0);
    scatter_add_to(g, places, axis, shape, out)
}

/// As [`scatter_add`], on top of what is in `out`.
///
/// # Errors
/// [`OpError::IndexOutOfRange`]: a place is negative or not below the size of the axis; `out` is as it
/// was.
pub fn scatter_add_to(
    g: View,
    places: View,
    axis: usize,
    shape: &Shape,
    out: &mut Buffer,
) -> Result<(), OpError> {
    match places.dtype {
        DType::Int32 => add_at(g, places.as_slice::<i32>(), axis, shape, out),
        _ => add_at(g, places.as_slice::<i64>(), axis, shape, out),
    }
}

fn add_at<I: Place>(
    g: View,
    places: &[I],
    axis: usize,
    shape: &Shape,
    out: &mut Buffer,
) -> Result<(), OpError> {
    let size = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    check(places, size)?;
    if g.shape.elements() == 0 {
        return Ok(());
    }
    with_numbers!(g.dtype, T => {
        let out = out.as_mut_slice::<T>(shape.elements());
        let groups = g.as_slice::<T>().chunks_exact(places.len() * inner);
        for (out, g) in out.chunks_exact_mut(size * inner).zip(groups) {
            for (place, g) in places.iter().zip(g.chunks_exact(inner)) {
                let place = place.below(size).expect("checked above");
                for (sum, &g) in out[place * inner..][..inner].iter_mut().zip(g) {
                    *sum = sum.plus(g);
                }
            }
        }
    });
    Ok(())
}

/// 1 at each of `places` along a new last axis of `depth`, else 0; no 1 for a place out of range.
pub fn one_hot(places: View, depth: usize, dtype: DType, out: &mut Buffer) {
    match places.dtype {
        DType::Int32 => one_hot_at(places.as_slice::<i32>(), depth, dtype, out),
        _ => one_hot_at(places.as_slice::<i64>(), depth, dtype, out),
    }
}

fn one_hot_at<I: Place>(places: &[I], depth: usize, dtype: DType, out: &mut Buffer) {
    with_numbers!(dtype, T => {
        let out = out.as_mut_slice::<T>(places.len() * depth);
        out.fill(T::ZERO);
        for (index, place) in places.iter().enumerate() {
            if let Some(place) = place.below(depth) {
                out[index * depth + place] = T::ONE;
            }
        }
    });
}

/// `start`, `start + step` and so on: `count` numbers.
///
/// # Panics
/// Where `start` and `step` are not scalars of one dtype.
pub fn range_fill(start: View, step: View, count: usize, out: &mut Buffer) {
    with_numbers!(start.dtype, T => {
        let (start, step) = (start.as_slice::<T>()[0], step.as_slice::<T>()[0]);
        for (index, out) in out.as_mut_slice::<T>(count).iter_mut().enumerate() {
            *out = start.plus(step.times(T::from_i64(index as i64)));
        }
    });
}
