//! Windows as the rows of a matrix, and back.

use std::ops::Range;

use super::Geometry;
use crate::view::Float;

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
