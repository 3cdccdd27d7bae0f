//! The greatest elements.

use std::cell::Cell;
use std::cmp::Ordering;

use crate::array::{Buffer, View};
use crate::ops::blocks::{Parts, piece_rows, with_scratch};
use crate::ops::number::{Number, with_numbers};
use crate::pool::for_each_block;

thread_local! {
    static ORDER: Cell<Buffer> = Cell::default();
}

/// The `k` greatest elements of the last axis, greatest first, and their `places` (`INT32`); the lower
/// place first of equals, and NaN before any number.
///
/// # Panics
/// Where the last axis has fewer than `k` elements.
pub fn top_k(x: View, k: usize, values: &mut Buffer, places: &mut Buffer) {
    let run = *x.shape.last().expect("an axis");
    assert!(k <= run, "the last axis has {k} elements");
    let rows: usize = x.shape[..x.shape.len() - 1].iter().product();
    if rows * k == 0 {
        return;
    }
    with_numbers!(x.dtype, T => {
        let x = x.as_slice::<T>();
        let values = Parts::new(values.as_mut_slice::<T>(rows * k));
        let places = Parts::new(places.as_mut_slice::<i32>(rows * k));
        let piece = piece_rows(4 * run);
        for_each_block(rows.div_ceil(piece), |block| {
            for row in block * piece..(block * piece + piece).min(rows) {
                // SAFETY: each row is written once.
                let (values, places) = unsafe { (values.part(row * k, k), places.part(row * k, k)) };
                top_of_row(&x[row * run..][..run], values, places);
            }
        });
    });
}

fn top_of_row<T: Number>(x: &[T], values: &mut [T], places: &mut [i32]) {
    let k = places.len();
    with_scratch(&ORDER, x.len(), |order: &mut [i32]| {
        for (place, index) in order.iter_mut().zip(0..) {
            *place = index;
        }
        let by_value =
            |&a: &i32, &b: &i32| descending(x[a as usize], x[b as usize]).then(a.cmp(&b));
        if k < x.len() {
            order.select_nth_unstable_by(k - 1, by_value);
        }
        order[..k].sort_unstable_by(by_value);
        places.copy_from_slice(&order[..k]);
    });
    for (value, &place) in values.iter_mut().zip(&*places) {
        *value = x[place as usize];
    }
}

/// The greater first, NaN before all.
fn descending<T: Number>(a: T, b: T) -> Ordering {
    match b.partial_cmp(&a) {
        Some(order) => order,
        None => b.is_nan().cmp(&a.is_nan()),
    }
}
