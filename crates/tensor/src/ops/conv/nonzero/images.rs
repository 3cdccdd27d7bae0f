//! Gradients by images: sums of the pixels that a window touches stay in registers while it moves along a
//! row of the output.

use std::ops::Range;

use crate::kernels::simd::{Kernel, Simd};
use crate::ops::conv::Geometry;
use crate::ops::conv::planes::Padded;
use crate::view::Float;

/// Rows and columns of a window that are held at once.
const ROWS: usize = 3;
const COLUMNS: usize = 3;
/// Channels of the output that are looked at at once.
const CHUNK: usize = 64;

/// Adds to rows of an image what comes back of the pixels `g` of the output.
pub(in crate::ops::conv) struct AddToImage<'a, T> {
    pub(in crate::ops::conv) geometry: Geometry,
    /// Filters `[m][kh][kw][c]`.
    pub(in crate::ops::conv) filters: &'a [T],
    /// The gradients of some rows of windows: those that touch the rows of the image.
    pub(in crate::ops::conv) g: &'a [T],
    pub(in crate::ops::conv) windows: Range<usize>,
    pub(in crate::ops::conv) rows: Range<usize>,
    /// Those rows, padded to the right and left.
    pub(in crate::ops::conv) room: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddToImage<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { geometry, filters, g, windows, rows, room } = self;
        let Geometry { size, strides, channels, .. } = geometry;
        let (patch, padded) = (geometry.patch(), Padded::new(geometry));
        let (width, filter_row) = (geometry.output[1], patch / size[0]);
        let outputs = filters.len() / patch;
        assert!(room.len() == rows.len() * padded.row());
        assert!(g.len() == windows.len() * width * outputs);
        assert!(channels.is_multiple_of(S::LANES), "whole vectors");
        room.fill(T::ZERO);
        for (y, g) in windows.zip(g.chunks_exact((width * outputs).max(1))) {
            let top = (y * strides[0]) as isize - geometry.pad[0] as isize;
            let within = |row: usize| (row as isize - top).clamp(0, size[0] as isize) as usize;
            let places = within(rows.start)..within(rows.end);
            if places.is_empty() {
                continue;
            }
            let first = (top + places.start as isize) as usize - rows.start;
            let windows = Windows {
                image: room[first * padded.row()..].as_mut_ptr(),
                row: padded.row(),
                filters: filters[places.start * filter_row..].as_ptr(),
                filter_row,
                patch,
                channels,
                stride: strides[1],
                outputs,
                g,
            };
            // SAFETY: the caller vouches for the instruction set; the rows of the windows that are
            // named lie in `room`, and there are filters for each channel of `g`.
            unsafe { windows.add_all::<S>([places.len(), size[1]]) };
        }
    }
}

/// A row of windows, and the filters that they meet.
#[derive(Clone, Copy)]
struct Windows<'a, T> {
    /// The first one's place in the image.
    image: *mut T,
    /// Elements between rows of the image.
    row: usize,
    filters: *const T,
    /// Elements between rows of a filter, and between filters.
    filter_row: usize,
    patch: usize,
    /// Channels of the image.
    channels: usize,
    /// Pixels between windows.
    stride: usize,
    /// Channels of the output.
    outputs: usize,
    g: &'a [T],
}

impl<T: Float> Windows<'_, T> {
    /// Adds to `rows` rows and `columns` columns of each window the filters times the gradients of their
    /// channels: some of them at a time, the columns from the right, so that each pixel of the image
    /// meets the windows in their order.
    ///
    /// # Safety
    /// The CPU has `S`, and the windows and the filters have the elements.
    #[inline(always)]
    unsafe fn add_all<S: Simd<T>>(&self, [rows, columns]: [usize; 2]) {
        for channel in (0..self.channels).step_by(S::LANES) {
            let mut row = 0;
            while row < rows {
                let many_rows = rows - row >= ROWS;
                let mut column = columns;
                while column > 0 {
                    let many = column >= COLUMNS;
                    column -= if many { COLUMNS } else { 1 };
                    let within = column * self.channels + channel;
                    let part = Windows {
                        image: self.image.wrapping_add(row * self.row + within),
                        filters: self.filters.wrapping_add(row * self.filter_row + within),
                        ..*self
                    };
                    // SAFETY: as the caller promises.
                    unsafe {
                        match (many_rows, many) {
                            (true, true) => part.add::<S, ROWS, COLUMNS>(),
                            (true, false) => part.add::<S, ROWS, 1>(),
                            (false, true) => part.add::<S, 1, COLUMNS>(),
                            (false, false) => part.add::<S, 1, 1>(),
                        }
                    }
                }
                row += if many_rows { ROWS } else { 1 };
            }
        }
    }

    /// The same of a vector of channels of `R` rows and `K` columns.
    #[inline(always)]
    unsafe fn add<S: Simd<T>, const R: usize, const K: usize>(&self) {
        // SAFETY: as the caller promises.
        unsafe {
            if self.stride == 1 {
                return self.slide::<S, R, K>();
            }
            for window in 0..self.g.len() / self.outputs {
                let mut sums = [[S::splat(T::ZERO); K]; R];
                for (r, sums) in sums.iter_mut().enumerate() {
                    for (k, sum) in sums.iter_mut().enumerate() {
                        *sum = S::load(self.at(window, r, k));
                    }
                }
                sums = self.add_window::<S, R, K>(window, sums);
                for (r, sums) in sums.iter().enumerate() {
                    for (k, &sum) in sums.iter().enumerate() {
                        S::store(self.at(window, r, k), sum);
                    }
                }
            }
        }
    }

    /// The same, where the next window shares all columns but the first.
    #[inline(always)]
    unsafe fn slide<S: Simd<T>, const R: usize, const K: usize>(&self) {
        let n_windows = self.g.len() / self.outputs;
        // SAFETY: as the caller promises; behind the last window nothing is stored of the last column.
        unsafe {
            let mut sums = [[S::splat(T::ZERO); K]; R];
            for (r, sums) in sums.iter_mut().enumerate() {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(self.at(0, r, k));
                }
            }
            for window in 0..n_windows {
                sums = self.add_window::<S, R, K>(window, sums);
                let next = (window + 1).min(n_windows - 1);
                for (r, sums) in sums.iter_mut().enumerate() {
                    S::store(self.at(window, r, 0), sums[0]);
                    for k in 1..K {
                        sums[k - 1] = sums[k];
                    }
                    sums[K - 1] = S::load(self.at(next, r, K - 1));
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (k, &sum) in sums.iter().enumerate().take(K - 1) {
                    S::store(self.at(n_windows, r, k), sum);
                }
            }
        }
    }

    /// Where row `r` and column `k` of a window are.
    #[inline(always)]
    fn at(&self, window: usize, r: usize, k: usize) -> *mut T {
        self.image.wrapping_add((window * self.stride + k) * self.channels + r * self.row)
    }

    /// The sums and the filters times the gradients of a window that are not 0.
    #[inline(always)]
    unsafe fn add_window<S: Simd<T>, const R: usize, const K: usize>(
        &self,
        window: usize,
        mut sums: [[S::V; K]; R],
    ) -> [[S::V; K]; R] {
        let g = &self.g[window * self.outputs..][..self.outputs];
        for first in (0..g.len()).step_by(CHUNK) {
            let g = &g[first..(first + CHUNK).min(g.len())];
            let filters = self.filters.wrapping_add(first * self.patch);
            // SAFETY: the caller vouches for the instruction set.
            let mut bits = unsafe { nonzero::<T, S>(g) };
            while bits != 0 {
                let channel = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let filter = filters.wrapping_add(channel * self.patch);
                // SAFETY: as the caller promises; the bits are of channels.
                unsafe {
                    let g = S::splat(*g.get_unchecked(channel));
                    for (r, sums) in sums.iter_mut().enumerate() {
                        for (k, sum) in sums.iter_mut().enumerate() {
                            let at = filter.wrapping_add(r * self.filter_row + k * self.channels);
                            *sum = S::mul_add(g, S::load(at), *sum);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// A bit for each of at most [`CHUNK`] elements: whether it is not 0.
#[inline(always)]
unsafe fn nonzero<T: Float, S: Simd<T>>(g: &[T]) -> u64 {
    let mut bits = 0;
    for (vector, g) in g.chunks(S::LANES).enumerate() {
        // SAFETY: the caller vouches for the instruction set; the elements are there.
        let nonzero =
            unsafe { S::bits(S::ne(S::load_partial(g.as_ptr(), g.len()), S::splat(T::ZERO))) };
        bits |= u64::from(nonzero) << (vector * S::LANES);
    }
    bits
}
