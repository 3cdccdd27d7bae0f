//! Gradients of convolutions by their images.

use std::cell::Cell;
use std::ops::Range;

use super::bands::{Band, Bands};
use super::direct::{Direct, Filters};
use super::nonzero::{AddToImage, IsFinite, IsSparse};
use super::planes::{Padded, turn};
use super::{Geometry, patches};
use crate::array::{Buffer, Element};
use crate::cpu::Isa;
use crate::kernels::simd::{Kernel, Simd, dispatch};
use crate::ops::blocks::{Parts, with_scratch};
use crate::ops::matmul::{multiply, transposed};
use crate::ops::square::Lanes;
use crate::pool::for_each_block;
use crate::view::{Float, MatrixView};

thread_local! {
    static TURNED: Cell<Buffer> = Cell::default();
    static PADDED: Cell<Buffer> = Cell::default();
    static WINDOWS: Cell<Buffer> = Cell::default();
}

/// The gradient by images, where `filters` are `[kh, kw, c, m]`.
pub(super) fn input_grad<T: Float + Element>(
    geometry: &Geometry,
    filters: &[T],
    outputs: usize,
    g: &[T],
    out: &mut [T],
) {
    if out.is_empty() {
        return;
    }
    if outputs == 0 {
        return out.fill(T::ZERO);
    }
    let is_finite = dispatch(Isa::detect(), IsFinite(filters));
    // Its zeros around `g` would make NaN of filters that are not.
    let turned = turned_geometry(geometry, outputs).filter(|_| is_finite);
    let [height, width] = geometry.input;
    let row_work = width * geometry.patch() * outputs;
    // Without a convolution that gives rows by themselves, images stay whole.
    let row_work = if turned.is_some() { row_work } else { 0 };
    let bands = Bands::new(geometry.images, height, row_work);
    let all = Filters { data: filters, channels: [geometry.channels, outputs], turned: true };
    let row = width * geometry.channels;
    with_scratch(&TURNED, filters.len(), |by_output: &mut [T]| {
        dispatch(Isa::detect(), Turn { filters, outputs, to: by_output });
        let by_output = is_finite.then_some(&*by_output);
        let out = Parts::new(out);
        let each = |direct: Option<Direct<T>>| {
            let images = InputGrad { geometry: *geometry, filters, outputs, by_output, direct, g };
            for_each_block(bands.count(), |band| {
                let band = bands.band(band);
                let first = band.image * height + band.rows.start;
                // SAFETY: bands do not overlap.
                let out = unsafe { out.part(first * row, band.rows.len() * row) };
                images.make(band, out);
            });
        };
        match turned {
            Some(turned) => Direct::with_filters(turned, all, |direct| each(Some(direct))),
            None => each(None),
        }
    });
}

/// The convolution of `g` that gives the gradient by images, where there is one and its channels fill
/// vectors.
fn turned_geometry(geometry: &Geometry, outputs: usize) -> Option<Geometry> {
    /// Least channels of images.
    const CHANNELS_MIN: usize = 8;
    let pad = [0, 1].map(|axis| (geometry.size[axis] - 1).checked_sub(geometry.pad[axis]));
    let fits = geometry.strides == [1, 1] && geometry.channels >= CHANNELS_MIN;
    Some(Geometry {
        images: geometry.images,
        input: geometry.output,
        output: geometry.input,
        pad: [pad[0]?, pad[1]?],
        channels: outputs,
        ..*geometry
    })
    .filter(|_| fits)
}

/// Filters `[kh][kw][c][m]` as `[m][kh][kw][c]`.
struct Turn<'a, T> {
    filters: &'a [T],
    outputs: usize,
    to: &'a mut [T],
}

impl<T: Float> Kernel<T> for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T>, const MV: usize, const NR: usize>(self) {
        let Self { filters, outputs, to } = self;
        let patch = filters.len() / outputs.max(1);
        assert_eq!(filters.len(), to.len(), "room for the filters");
        let lanes = Lanes { at: filters.as_ptr(), lane: outputs, step: 1 };
        // SAFETY: the caller vouches for the instruction set; both have the elements.
        unsafe {
            turn::<T, S>(lanes, [patch, outputs], |output, element, v, count| {
                S::store_partial(to.as_mut_ptr().add(output * patch + element), v, count);
            });
        }
    }
}

struct InputGrad<'a, T> {
    geometry: Geometry,
    filters: &'a [T],
    outputs: usize,
    /// Filters `[m][kh][kw][c]`, where all are finite.
    by_output: Option<&'a [T]>,
    direct: Option<Direct<'a, T>>,
    g: &'a [T],
}

impl<T: Float + Element> InputGrad<'_, T> {
    /// Makes some rows of an image.
    fn make(&self, band: Band, out: &mut [T]) {
        let (geometry, row) = (self.geometry, self.geometry.output[1] * self.outputs);
        let image = geometry.output[0] * row;
        let g = &self.g[band.image * image..][..image];
        let windows = self.windows_of(&band.rows);
        let near = &g[windows.start * row..windows.end * row];
        let is_sparse = IsSparse { g: near, width: geometry.channels };
        let filters = self.by_output.filter(|_| dispatch(Isa::detect(), is_sparse));
        match (filters, &self.direct) {
            (Some(filters), _) => self.add_nonzero(filters, near, windows, band.rows, out),
            (None, Some(direct)) => direct.rows(g, band.rows, out),
            (None, None) => self.add_windows(g, out),
        }
    }

    /// The rows of windows that touch some rows of an image.
    fn windows_of(&self, rows: &Range<usize>) -> Range<usize> {
        let Geometry { size, strides, pad, output, .. } = self.geometry;
        let start = (rows.start + pad[0] + 1).saturating_sub(size[0]).div_ceil(strides[0]);
        let end = (rows.end + pad[0]).div_ceil(strides[0]).min(output[0]);
        start.min(end)..end
    }

    fn add_nonzero(
        &self,
        filters: &[T],
        g: &[T],
        windows: Range<usize>,
        rows: Range<usize>,
        out: &mut [T],
    ) {
        let padded = Padded::new(self.geometry);
        let n_rows = rows.len();
        with_scratch(&PADDED, n_rows * padded.row(), |room: &mut [T]| {
            let add = AddToImage { geometry: self.geometry, filters, g, windows, rows, room };
            dispatch(Isa::detect(), add);
            let inner = padded.inner();
            let out = out.chunks_exact_mut(self.geometry.input[1] * self.geometry.channels);
            for (out, row) in out.zip(room.chunks_exact(padded.row())) {
                let (covered, beyond) = out.split_at_mut(inner.len());
                covered.copy_from_slice(&row[inner.clone()]);
                beyond.fill(T::ZERO);
            }
        });
    }

    /// Multiplies all pixels by all filters, then adds the windows that this gives to the image.
    fn add_windows(&self, g: &[T], out: &mut [T]) {
        /// Windows taken at a time.
        const BLOCK: usize = 256;
        let (patch, outputs) = (self.geometry.patch(), self.outputs);
        let filters = MatrixView::contiguous(self.filters, patch, outputs).expect("all filters");
        out.fill(T::ZERO);
        for start in (0..self.geometry.windows()).step_by(BLOCK) {
            let windows = start..(start + BLOCK).min(self.geometry.windows());
            let g = &g[start * outputs..windows.end * outputs];
            let g = MatrixView::contiguous(g, windows.len(), outputs).expect("the pixels");
            with_scratch(&WINDOWS, windows.len() * patch, |made: &mut [T]| {
                multiply(g, transposed(filters), made, false);
                patches::add(&self.geometry, made, windows, out);
            });
        }
    }
}
