//! Gradients by filters: for each channel of the output a list of what is not 0, then the sums of the
//! channel's filter in registers while its list passes.

use crate::kernels::simd::{Kernel, LANES_MAX, Simd};
use crate::ops::conv::Geometry;
use crate::ops::conv::planes::{Padded, turn};
use crate::ops::square::Lanes;
use crate::view::Float;

/// Rows of a filter, and vectors of each, that are held at once.
const ROWS: usize = 3;
const VECTORS: usize = 3;

/// Adds to the gradients of filters those by the pixels `g` of the output.
pub(in crate::ops::conv) struct AddToFilters<'a, T> {
    pub(in crate::ops::conv) geometry: Geometry,
    /// What the windows of the rows cover, padded.
    pub(in crate::ops::conv) x: &'a [T],
    pub(in crate::ops::conv) g: &'a [T],
    /// Gradients `[m][kh][kw][c]`.
    pub(in crate::ops::conv) sums: &'a mut [T],
    /// Room for [`lists`](Self::lists) elements.
    pub(in crate::ops::conv) lists: &'a mut [T],
}

impl<T> AddToFilters<'_, T> {
    /// Elements of the lists for so many pixels: their places, then for each channel that is read at
    /// a time places and values. Vectors are written to their ends.
    pub(in crate::ops::conv) fn lists(pixels: usize) -> usize {
        (1 + 2 * LANES_MAX) * (pixels + LANES_MAX)
    }
}

impl<T: Float> Kernel<T> for AddToFilters<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { geometry, x, g, sums, lists } = self;
        let (patch, padded) = (geometry.patch(), Padded::new(geometry));
        let outputs = sums.len() / patch;
        let pixels = g.len() / outputs;
        let covered = padded.elements(pixels / geometry.output[1]);
        assert!(x.len() >= covered && u32::try_from(covered).is_ok(), "the windows' rows");
        assert!(lists.len() >= Self::lists(pixels), "room for the lists");
        let (places, lists) = lists.split_at_mut(pixels + LANES_MAX);
        for (pixel, place) in places[..pixels].iter_mut().enumerate() {
            let (row, column) = (pixel / geometry.output[1], pixel % geometry.output[1]);
            let [down, across] = geometry.strides;
            let at = row * down * padded.row() + column * across * geometry.channels;
            *place = T::from_index(at as u32);
        }
        for first in (0..outputs).step_by(S::LANES) {
            let count = S::LANES.min(outputs - first);
            let from = Lanes { at: g[first..].as_ptr(), lane: outputs, step: 1 };
            // SAFETY: the caller vouches for the instruction set; `g` has the channels of each pixel,
            // and there is room, as checked.
            let lens = unsafe { gather::<T, S>(from, [pixels, count], places, lists) };
            let filters = sums[first * patch..].chunks_exact_mut(patch);
            let lists = lists.chunks_exact(2 * (pixels + LANES_MAX));
            for ((filter, list), &len) in filters.zip(lists).zip(&lens).take(count) {
                let (places, values) = list.split_at(pixels + LANES_MAX);
                let window = Windows {
                    x: x.as_ptr(),
                    row: padded.row(),
                    filter: filter.as_mut_ptr(),
                    filter_row: patch / geometry.size[0],
                    places: &places[..len],
                    values: &values[..len],
                };
                // SAFETY: the caller vouches for the instruction set; the windows lie in `x`, whose
                // rows of whole vectors are as many as the filter's.
                unsafe { window.add_all::<S>(geometry.size[0]) };
            }
        }
    }
}

/// Writes to the lists of channels the places and values of the pixels where they are not 0; returns how
/// many each has.
///
/// # Safety
/// The CPU has `S`, `from` has the elements of the pixels, `places` and each list room for a vector more.
#[inline(always)]
unsafe fn gather<T: Float, S: Simd<T>>(
    from: Lanes<T>,
    [pixels, channels]: [usize; 2],
    places: &[T],
    lists: &mut [T],
) -> [usize; LANES_MAX] {
    let mut lens = [0; LANES_MAX];
    let room = pixels + LANES_MAX;
    assert!(places.len() >= room && lists.len() >= 2 * LANES_MAX * room);
    let lists = lists.as_mut_ptr();
    // SAFETY: as the caller promises; a list has no more elements than there are pixels.
    unsafe {
        turn::<T, S>(from, [pixels, channels], |channel, pixel, v, count| {
            let v = if count == S::LANES { v } else { first::<T, S>(v, count) };
            let places = S::load(places.as_ptr().add(pixel));
            let (list, len) = (lists.add(2 * channel * room), &mut lens[channel]);
            let is = S::ne(v, S::splat(T::ZERO));
            S::store_where(list.add(*len), is, places);
            *len += S::store_where(list.add(room + *len), is, v);
        });
    }
    lens
}

/// The first `count` lanes, and zeros.
#[inline(always)]
unsafe fn first<T: Float, S: Simd<T>>(v: S::V, count: usize) -> S::V {
    let mut lanes = [T::ZERO; LANES_MAX];
    // SAFETY: the caller vouches for the instruction set; there is room for any vector.
    unsafe {
        S::store(lanes.as_mut_ptr(), v);
        S::load_partial(lanes.as_ptr(), count)
    }
}

/// The windows that one filter meets, each with a gradient that is not 0.
struct Windows<'a, T> {
    x: *const T,
    /// Elements between rows of a window.
    row: usize,
    filter: *mut T,
    /// Elements between rows of the filter, of which all are taken.
    filter_row: usize,
    /// Where each window begins, as an index.
    places: &'a [T],
    values: &'a [T],
}

impl<T: Float> Windows<'_, T> {
    /// Adds them to `rows` rows of whole vectors of the filter, some at a time.
    ///
    /// # Safety
    /// The CPU has `S`, and the windows and the filter have the elements.
    #[inline(always)]
    unsafe fn add_all<S: Simd<T>>(&self, rows: usize) {
        let vectors = self.filter_row / S::LANES;
        let mut row = 0;
        while row < rows {
            let many_rows = rows - row >= ROWS;
            let mut vector = 0;
            while vector < vectors {
                let many = vectors - vector >= VECTORS;
                let part = Windows {
                    x: self.x.wrapping_add(row * self.row + vector * S::LANES),
                    filter: self.filter.wrapping_add(row * self.filter_row + vector * S::LANES),
                    ..*self
                };
                // SAFETY: as the caller promises.
                unsafe {
                    match (many_rows, many) {
                        (true, true) => part.add::<S, ROWS, VECTORS>(),
                        (true, false) => part.add::<S, ROWS, 1>(),
                        (false, true) => part.add::<S, 1, VECTORS>(),
                        (false, false) => part.add::<S, 1, 1>(),
                    }
                }
                vector += if many { VECTORS } else { 1 };
            }
            row += if many_rows { ROWS } else { 1 };
        }
    }

    /// Adds them to `R` rows of `V` vectors.
    #[inline(always)]
    unsafe fn add<S: Simd<T>, const R: usize, const V: usize>(&self) {
        let at = |r: usize, v: usize| self.filter.wrapping_add(r * self.filter_row + v * S::LANES);
        // SAFETY: as the caller promises.
        unsafe {
            let mut sums: [[S::V; V]; R] =
                std::array::from_fn(|r| std::array::from_fn(|v| S::load(at(r, v))));
            for (place, &g) in self.places.iter().zip(self.values) {
                let x = self.x.add(place.to_index() as u32 as usize);
                let g = S::splat(g);
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = S::mul_add(S::load(x.add(r * self.row + v * S::LANES)), g, *sum);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    S::store(at(r, v), sum);
                }
            }
        }
    }
}
