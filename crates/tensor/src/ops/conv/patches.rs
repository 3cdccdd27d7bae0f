//! Windows as the rows of a matrix, and back.

use std::ops::Range;

use super::Geometry;
use crate::view::Float;

/// Writes the windows given of one image, each a row `[kh, kw, c]` with zeros outside the image.
pub(super) fn take<T: Float>(
    geometry: &Geometry,
    image: &[T],
    windows: Range<usize>,
    patches: &mut [T],
) {
    for_each_row(geometry, windows, |row, line| {
        let to = &mut patches[row..][..geometry.size[1] * geometry.channels];
        let Some(Line { at, len, from }) = line else { return to.fill(T::ZERO) };
        to[..at].fill(T::ZERO);
        to[at..at + len].copy_from_slice(&image[from..][..len]);
        to[at + len..].fill(T::ZERO);
    });
}

/// As [`take`] for images of one channel and steps of 1 to the right, but each place of the window is a
/// row: the elements of neighbouring windows are neighbours in the image.
pub(super) fn take_rows<T: Float>(
    geometry: &Geometry,
    image: &[T],
    windows: Range<usize>,
    patches: &mut [T],
) {
    let Geometry { input, size, output, strides, pad, .. } = *geometry;
    for (place, row) in patches.chunks_exact_mut(windows.len()).enumerate() {
        let (down, right) = (place / size[1], place % size[1]);
        let mut window = windows.start;
        while window < windows.end {
            let (y, x) = (window / output[1], window % output[1]);
            let count = (output[1] - x).min(windows.end - window);
            let to = &mut row[window - windows.start..][..count];
            let from = (y * strides[0] + down).checked_sub(pad[0]).filter(|&y| y < input[0]);
            let from = from.map(|y| &image[y * input[1]..][..input[1]]).unwrap_or_default();
            // Windows from `x + skip` on begin within the image.
            let skip = pad[1].saturating_sub(x + right).min(count);
            let from = from.get(x + right + skip - pad[1].min(x + right + skip)..);
            let from = from.unwrap_or_default();
            let len = from.len().min(count - skip);
            to[..skip].fill(T::ZERO);
            to[skip..skip + len].copy_from_slice(&from[..len]);
            to[skip + len..].fill(T::ZERO);
            window += count;
        }
    }
}

/// Adds the windows given to the places in the image that they came from.
pub(super) fn add<T: Float>(
    geometry: &Geometry,
    patches: &[T],
    windows: Range<usize>,
    image: &mut [T],
) {
    for_each_row(geometry, windows, |row, line| {
        let Some(Line { at, len, from }) = line else { return };
        let patch = &patches[row + at..][..len];
        for (sum, &x) in image[from..][..len].iter_mut().zip(patch) {
            *sum += x;
        }
    });
}

/// The part of a window's row that lies in the image: `len` elements from `at` in the window's row are
/// those from `from` in the image.
struct Line {
    at: usize,
    len: usize,
    from: usize,
}

/// Visits each row of the windows with its place among them all and the part within the image.
#[inline(always)]
fn for_each_row(
    geometry: &Geometry,
    windows: Range<usize>,
    mut visit: impl FnMut(usize, Option<Line>),
) {
    let Geometry { input, size, output, channels, .. } = *geometry;
    let mut row = 0;
    for window in windows {
        let (rows, top) = geometry.clip(0, window / output[1]);
        let (columns, left) = geometry.clip(1, window % output[1]);
        for y in 0..size[0] {
            let line = rows.contains(&y).then(|| Line {
                at: columns.start * channels,
                len: columns.len() * channels,
                from: ((top + y - rows.start) * input[1] + left) * channels,
            });
            visit(row, line.filter(|line| line.len > 0));
            row += size[1] * channels;
        }
    }
}
