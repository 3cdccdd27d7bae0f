//! Running sums.

use crate::array::{Buffer, View};
use crate::ops::blocks::{for_each_piece, piece_rows};
use crate::ops::number::{Number, with_numbers};

/// Columns summed side by side.
const STRIP: usize = 128;

/// The sum of all elements up to each along `axis`, without the element itself where `exclusive`;
/// from the end where `reverse`. Sums of `f32` are made in `f64`; integers wrap around.
pub fn cum_sum(x: View, axis: usize, exclusive: bool, reverse: bool, out: &mut Buffer) {
    let run = x.shape[axis];
    let inner: usize = x.shape[axis + 1..].iter().product();
    let group = run * inner;
    if x.shape.elements() == 0 {
        return;
    }
    with_numbers!(x.dtype, T => {
        let x = x.as_slice::<T>();
        let out = out.as_mut_slice::<T>(x.len());
        let groups = piece_rows(group);
        for_each_piece(out, groups * group, |piece, out| {
            let x = &x[piece * groups * group..];
            for (out, x) in out.chunks_exact_mut(group).zip(x.chunks_exact(group)) {
                for column in (0..inner).step_by(STRIP) {
                    let width = STRIP.min(inner - column);
                    sum_columns(x, column, width, [run, inner], [exclusive, reverse], out);
                }
            }
        });
    });
}

/// `width` columns from `column` on of `run` rows of `inner` elements.
fn sum_columns<T: Number>(
    x: &[T],
    column: usize,
    width: usize,
    [run, inner]: [usize; 2],
    [exclusive, reverse]: [bool; 2],
    out: &mut [T],
) {
    let mut sums = [T::Wide::ZERO; STRIP];
    for step in 0..run {
        let row = if reverse { run - 1 - step } else { step };
        let start = row * inner + column;
        let columns = out[start..][..width].iter_mut().zip(&x[start..]).zip(&mut sums);
        for ((out, &x), sum) in columns {
            let before = *sum;
            *sum = before.plus(x.widen());
            *out = T::narrow(if exclusive { before } else { *sum });
        }
    }
}
