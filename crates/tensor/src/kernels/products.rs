//! A sparse row against many dense centres.

use crate::cpu::Isa;
use crate::dispatch::{Kernel, dispatch};
use crate::view::Float;

/// Subtracts from `scores[c]` the product of a sparse row with centre `c`.
///
/// The row has `values[i]` in column `columns[i]`; `transposed[column * scores.len() + c]` holds the
/// centres. Each score is one chain of fused multiply-adds in the row's order, with the same bits
/// on every instruction set.
///
/// # Panics
/// Where a column lies outside `transposed`.
pub fn subtract_products<T: Float, A: Float>(
    isa: Isa,
    (columns, values): (&[i32], &[T]),
    transposed: &[A],
    scores: &mut [A],
) {
    dispatch(isa, Products { columns, values, transposed, scores });
}

struct Products<'a, T, A> {
    columns: &'a [i32],
    values: &'a [T],
    transposed: &'a [A],
    scores: &'a mut [A],
}

impl<T: Float, A: Float> Kernel for Products<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n_centers = self.scores.len();
        for (&column, &value) in self.columns.iter().zip(self.values) {
            let factor = -A::from_f64(value.to_f64());
            let centers = &self.transposed[column as usize * n_centers..][..n_centers];
            for (score, &center) in self.scores.iter_mut().zip(centers) {
                *score = factor.mul_add(center, *score);
            }
        }
    }
}

/// The position of the least score, the first of equals.
pub fn first_least<A: Float>(isa: Isa, scores: &[A]) -> usize {
    dispatch(isa, FirstLeast(scores))
}

struct FirstLeast<'a, A>(&'a [A]);

impl<A: Float> Kernel for FirstLeast<'_, A> {
    type Output = usize;

    /// The least value by vector, then where it first stands: both loops are branch-free inside.
    #[inline(always)]
    fn run(self) -> usize {
        let (body, tail) = self.0.as_chunks::<16>();
        let mut least = [A::INFINITY; 16];
        for chunk in body {
            for lane in 0..16 {
                least[lane] = if chunk[lane] < least[lane] { chunk[lane] } else { least[lane] };
            }
        }
        let all = least.iter().chain(tail);
        let least =
            all.fold(A::INFINITY, |least, &score| if score < least { score } else { least });
        self.0.iter().position(|&score| score == least).unwrap_or(0)
    }
}
