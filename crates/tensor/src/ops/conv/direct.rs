//! Convolutions whose sums stay in registers.

use std::cell::Cell;
use std::ops::Range;

use super::Geometry;
use super::bands::Bands;
use super::planes::Planes;
use crate::array::{Buffer, Element};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, LANES_MAX, Simd, dispatch};
use crate::ops::blocks::{Parts, with_scratch};
use crate::ops::matmul::pack;
use crate::ops::square::Lanes;
use crate::pool::for_each_block;
use crate::view::Float;

/// Vectors of channels that are summed side by side.
const VECTORS: usize = 2;

thread_local! {
    static FILTERS: Cell<Buffer> = Cell::default();
    static PLANES: Cell<Buffer> = Cell::default();
}

/// Filters `[kh, kw, c, m]`, as a convolution reads them.
#[derive(Clone, Copy)]
pub(super) struct Filters<'a, T> {
    pub(super) data: &'a [T],
    /// `c` and `m`.
    pub(super) channels: [usize; 2],
    /// Whether images have `m` channels and outputs `c`, the places of a window in reverse order.
    pub(super) turned: bool,
}

impl<T> Filters<'_, T> {
    /// Channels of the output.
    fn outputs(&self) -> usize {
        self.channels[usize::from(!self.turned)]
    }

    /// Channels of the images.
    fn inputs(&self) -> usize {
        self.channels[usize::from(self.turned)]
    }

    /// The filters at a place of so many: their channels of the output are lanes, those of images steps.
    fn lanes(&self, place: usize, places: usize) -> Lanes<T> {
        let [c, m] = self.channels;
        let place = if self.turned { places - 1 - place } else { place };
        let (lane, step) = if self.turned { (m, 1) } else { (1, m) };
        Lanes { at: self.data[place * c * m..].as_ptr(), lane, step }
    }
}

/// What is added to each pixel of the output, and whether what is less than 0 then becomes 0.
#[derive(Clone, Copy)]
pub(super) struct Bias<'a, T> {
    pub(super) of: &'a [T],
    pub(super) rectifies: bool,
}

/// The convolution of images `x`: each sum is one chain of fused multiply-adds, over the places of the
/// window row by row and the channels of each. `then` is called with each range of elements once they
/// are written.
pub(super) fn convolve<T: Float + Element>(
    geometry: Geometry,
    x: &[T],
    filters: Filters<T>,
    bias: Option<Bias<T>>,
    out: &Parts<T>,
    then: &(dyn Fn(Range<usize>) + Sync),
) {
    let (outputs, image) = (filters.outputs(), geometry.image());
    if out.len() == 0 {
        return;
    }
    let bands = Bands::of_output(&geometry, outputs);
    let row = geometry.output[1] * outputs;
    Direct::with_filters(geometry, filters, |direct| {
        let direct = Direct { bias, ..direct };
        for_each_block(bands.count(), |band| {
            let band = bands.band(band);
            let start = (band.image * geometry.output[0] + band.rows.start) * row;
            let len = band.rows.len() * row;
            let x = &x[band.image * image..][..image];
            // SAFETY: bands do not overlap.
            direct.rows(x, band.rows, unsafe { out.part(start, len) });
            then(start..start + len);
        });
    });
}

/// A convolution whose filters were copied to where they are read.
#[derive(Clone, Copy)]
pub(super) struct Direct<'a, T> {
    planes: Planes,
    panels: &'a [T],
    outputs: usize,
    bias: Option<Bias<'a, T>>,
}

impl<T: Float + Element> Direct<'_, T> {
    pub(super) fn with_filters(
        geometry: Geometry,
        filters: Filters<T>,
        work: impl FnOnce(Direct<T>),
    ) {
        assert_eq!(geometry.channels, filters.inputs(), "channels fit");
        let outputs = filters.outputs();
        let len = geometry.patch() * outputs.next_multiple_of(LANES_MAX);
        with_scratch(&FILTERS, len, |panels: &mut [T]| {
            let places = geometry.size[0] * geometry.size[1];
            dispatch(Isa::detect(), Pack { filters, places, panels });
            work(Direct { planes: Planes::new(geometry), panels, outputs, bias: None });
        });
    }

    /// Some rows of the output of an image.
    pub(super) fn rows(&self, image: &[T], rows: Range<usize>, out: &mut [T]) {
        with_scratch(&PLANES, self.planes.elements(rows.len()), |room: &mut [T]| {
            dispatch(Isa::detect(), Rows { direct: *self, image, rows, room, out });
        });
    }
}

/// Filters copied to panels `[vector][place][channel]`, the last one filled with zeros.
struct Pack<'a, T> {
    filters: Filters<'a, T>,
    places: usize,
    panels: &'a mut [T],
}

impl<T: Float> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { filters, places, panels } = self;
        let (depth, outputs) = (filters.inputs(), filters.outputs());
        let panels = panels.chunks_exact_mut(places * depth * S::LANES);
        for (panel, to) in panels.enumerate().take(outputs.div_ceil(S::LANES)) {
            let first = panel * S::LANES;
            for (place, to) in to.chunks_exact_mut(depth * S::LANES).enumerate() {
                let from = filters.lanes(place, places);
                let from = Lanes { at: from.at.wrapping_add(first * from.lane), ..from };
                let lanes = S::LANES.min(outputs - first);
                // SAFETY: the caller vouches for the instruction set; the filters have the elements,
                // and `to` has room for a panel of them.
                unsafe { pack::<T, S>(from, lanes, depth, to.as_mut_ptr()) };
            }
        }
    }
}

/// Some rows of an image's convolution.
struct Rows<'a, T> {
    direct: Direct<'a, T>,
    image: &'a [T],
    rows: Range<usize>,
    room: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Float> Kernel<T> for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { direct, image, rows, room, out } = self;
        let Direct { planes, panels, outputs, bias } = direct;
        let geometry = planes.geometry();
        let width = geometry.output[1];
        let panel = geometry.patch() * S::LANES;
        assert!(
            out.len() == rows.len() * width * outputs && room.len() == planes.elements(rows.len())
        );
        assert!(panels.len() >= outputs.div_ceil(S::LANES) * panel, "all filters");
        assert!(bias.is_none_or(|bias| bias.of.len() == outputs), "a bias a channel");
        // SAFETY: the caller vouches for the instruction set; the windows of the rows lie in the planes,
        // and their sums in `out`.
        unsafe {
            planes.fill::<T, S>(image, rows.clone(), room);
            for first in (0..outputs).step_by(VECTORS * S::LANES) {
                let count = (VECTORS * S::LANES).min(outputs - first);
                let bias = bias.map(|bias| Bias { of: &bias.of[first..][..count], ..bias });
                let panels = panels[first * geometry.patch()..].as_ptr();
                for row in 0..rows.len() {
                    let from = room[row * geometry.strides[0] * planes.row()..].as_ptr();
                    let to = out[row * width * outputs + first..].as_mut_ptr();
                    let tile = Tile { planes: &planes, from, panels, bias, to, outputs, count };
                    if count > S::LANES {
                        tile.row::<S, 2, NR>(width);
                    } else {
                        tile.row::<S, 1, NR>(width);
                    }
                }
            }
        }
    }
}

/// Windows next to each other, and channels of the output.
struct Tile<'a, T> {
    planes: &'a Planes,
    from: *const T,
    panels: *const T,
    bias: Option<Bias<'a, T>>,
    to: *mut T,
    /// Elements between pixels of the output.
    outputs: usize,
    /// Channels that are written.
    count: usize,
}

impl<T: Float> Tile<'_, T> {
    /// A row of `width` windows, in tiles whose sums fill the registers.
    #[inline(always)]
    unsafe fn row<S: Simd<T>, const NV: usize, const NR: usize>(&self, width: usize) {
        // Of sums 2 vectors wide, 14 fill 32 registers.
        let is_wide = NR >= 8;
        let mut x = 0;
        // SAFETY: as `windows`.
        unsafe {
            while x < width {
                x += match width - x {
                    16 if is_wide => self.windows::<S, 8, NV>(x),
                    14.. if is_wide => self.windows::<S, 14, NV>(x),
                    8.. if is_wide => self.windows::<S, 8, NV>(x),
                    7 if is_wide => self.windows::<S, 7, NV>(x),
                    4.. => self.windows::<S, 4, NV>(x),
                    2.. => self.windows::<S, 2, NV>(x),
                    _ => self.windows::<S, 1, NV>(x),
                };
            }
        }
    }

    /// `MR` windows from the `x`th on; returns how many.
    #[inline(always)]
    unsafe fn windows<S: Simd<T>, const MR: usize, const NV: usize>(&self, x: usize) -> usize {
        let geometry = self.planes.geometry();
        let (panel, channel) = (geometry.patch() * S::LANES, self.planes.channel());
        // SAFETY: the caller vouches for the instruction set and the elements.
        unsafe {
            let mut sums = [[S::splat(T::ZERO); NV]; MR];
            let mut filters = self.panels;
            for y in 0..geometry.size[0] {
                let row = self.from.add(x + y * self.planes.row());
                self.planes.for_each_place(|place| {
                    let mut from = row.add(place);
                    for _ in 0..geometry.channels {
                        let columns: [S::V; NV] =
                            std::array::from_fn(|v| S::load(filters.add(v * panel)));
                        for (i, sums) in sums.iter_mut().enumerate() {
                            let x = S::splat(*from.add(i));
                            for v in 0..NV {
                                sums[v] = S::mul_add(x, columns[v], sums[v]);
                            }
                        }
                        from = from.wrapping_add(channel);
                        filters = filters.wrapping_add(S::LANES);
                    }
                });
            }
            if let Some(bias) = self.bias {
                bias.add::<S, MR, NV>(&mut sums);
            }
            for (i, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    let to = self.to.add((x + i) * self.outputs + v * S::LANES);
                    match self.count - v * S::LANES {
                        count if count < S::LANES => S::store_partial(to, sum, count),
                        _ => S::store(to, sum),
                    }
                }
            }
        }
        MR
    }
}

impl<T: Float> Bias<'_, T> {
    /// Adds it to the sums, and rectifies them: each step is rounded.
    #[inline(always)]
    unsafe fn add<S: Simd<T>, const MR: usize, const NV: usize>(
        &self,
        sums: &mut [[S::V; NV]; MR],
    ) {
        // SAFETY: the caller vouches for the instruction set; there is a bias for each channel.
        unsafe {
            let [zero, one] = [T::ZERO, T::from_f64(1.0)].map(|x| S::splat(x));
            for v in 0..NV {
                let count = S::LANES.min(self.of.len() - v * S::LANES);
                let bias = S::load_partial(self.of[v * S::LANES..].as_ptr(), count);
                for sums in sums.iter_mut() {
                    let sum = S::mul_add(sums[v], one, bias);
                    let least = if self.rectifies { zero } else { sum };
                    sums[v] = S::select(S::lt(sum, least), zero, sum);
                }
            }
        }
    }
}
