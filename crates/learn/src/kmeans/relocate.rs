//! Clusters that lost all their weight get a new place.

use std::cmp::Ordering;

use ferrule_tensor::{Float, MatrixView, Team};

use super::problem::Problem;
use super::update::Sums;
use crate::LearnError;

/// Rows of a block of work.
const BLOCK_ROWS: usize = 4096;

/// A sample that is far from its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Far {
    /// Squared distance to its centre.
    pub(crate) distance: f64,
    /// Which sample.
    pub(crate) row: usize,
    /// Its cluster.
    pub(crate) label: usize,
}

impl Far {
    /// The farther first; of equals, the lower row.
    fn order(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then(self.row.cmp(&other.row))
    }
}

/// The clusters without weight.
pub(crate) fn empty_clusters(sums: &Sums) -> Vec<usize> {
    let weights = sums.weights.iter().enumerate();
    weights.filter(|(_, weight)| **weight == 0.0).map(|(cluster, _)| cluster).collect()
}

/// Gives each of `empty` one of the `far` samples, which `add_row(sums, row, label, sign)` takes
/// from its old cluster, as scikit-learn does: not where all samples lie on their centres.
pub(crate) fn relocate(
    sums: &mut Sums,
    empty: &[usize],
    far: &[Far],
    add_row: impl Fn(&mut Sums, usize, usize, f64),
) {
    if far.first().is_none_or(|far| far.distance == 0.0) {
        return;
    }
    for (&cluster, far) in empty.iter().zip(far) {
        add_row(sums, far.row, far.label, -1.0);
        add_row(sums, far.row, cluster, 1.0);
    }
}

/// The `count` farthest of `samples`, the farthest first.
pub(crate) fn farthest(samples: impl Iterator<Item = Far>, count: usize) -> Vec<Far> {
    let mut kept: Vec<Far> = Vec::with_capacity(2 * count);
    for far in samples {
        kept.push(far);
        if kept.len() >= 2 * count {
            kept.select_nth_unstable_by(count - 1, Far::order);
            kept.truncate(count);
        }
    }
    kept.sort_unstable_by(Far::order);
    kept.truncate(count);
    kept
}

/// The `count` samples of `0..n_samples` farthest from their centres, as `measure` finds them.
pub(crate) fn farthest_rows(
    team: &Team,
    n_samples: usize,
    count: usize,
    measure: impl Fn(usize) -> Far + Sync,
) -> Result<Vec<Far>, LearnError> {
    let mut blocks = vec![Vec::new(); n_samples.div_ceil(BLOCK_ROWS)];
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut blocks, &mut no_scratch, |block, kept, ()| {
        let start = block * BLOCK_ROWS;
        let rows = start..(start + BLOCK_ROWS).min(n_samples);
        *kept = farthest(rows.map(&measure), count);
    })?;
    Ok(farthest(blocks.into_iter().flatten(), count))
}

/// [`farthest_rows`] of dense samples in their own order.
pub(crate) fn farthest_dense<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    labels: &[i32],
    centers: &[T],
    count: usize,
) -> Result<Vec<Far>, LearnError> {
    let x = problem.x;
    farthest_rows(team, problem.n_samples(), count, |row| {
        let label = labels[row] as usize;
        let center = &centers[label * x.cols()..][..x.cols()];
        Far { distance: squared_distance(x, row, center), row, label }
    })
}

/// Σ (x − c)² in double precision: as many chains as there are lanes, so that none waits for itself.
pub(crate) fn squared_distance<T: Float>(x: MatrixView<T>, row: usize, center: &[T]) -> f64 {
    match x.row(row) {
        Some(values) => in_lanes(center, |col| values[col]),
        None => in_lanes(center, |col| x.get(row, col)),
    }
}

#[inline(always)]
fn in_lanes<T: Float>(center: &[T], x: impl Fn(usize) -> T) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    for (chunk, center) in center.chunks(LANES).enumerate() {
        for (lane, (sum, c)) in sums.iter_mut().zip(center).enumerate() {
            let difference = x(chunk * LANES + lane).to_f64() - c.to_f64();
            *sum += difference * difference;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(distance: f64, row: usize) -> Far {
        Far { distance, row, label: 0 }
    }

    #[test]
    fn the_farthest_come_in_order_and_ties_by_row() {
        let samples = [1.0, 5.0, 3.0, 5.0, 0.0, 4.0];
        let samples = samples.iter().enumerate().map(|(row, &distance)| far(distance, row));
        assert_eq!(farthest(samples, 3), [far(5.0, 1), far(5.0, 3), far(4.0, 5)]);
        assert_eq!(farthest([far(1.0, 0)].into_iter(), 3), [far(1.0, 0)]);
    }

    #[test]
    fn an_empty_cluster_takes_the_farthest_sample_with_its_weight() {
        let data = [0.0, 2.0, 10.0];
        let x = MatrixView::contiguous(&data, 3, 1).unwrap();
        let weights = [1.0, 1.0, 2.0];
        let mut sums = Sums { sums: vec![22.0, 0.0], weights: vec![4.0, 0.0] };
        let empty = empty_clusters(&sums);
        let samples = [Far { distance: 64.0, row: 2, label: 0 }];
        relocate(&mut sums, &empty, &samples, |sums, row, label, sign| {
            sums.add(x, row, label, sign * weights[row]);
        });
        assert_eq!(sums, Sums { sums: vec![2.0, 20.0], weights: vec![2.0, 2.0] });
    }

    #[test]
    fn nothing_moves_where_every_sample_lies_on_its_centre() {
        let mut sums = Sums { sums: vec![3.0, 0.0], weights: vec![3.0, 0.0] };
        let before = sums.clone();
        relocate(&mut sums, &[1], &[far(0.0, 0)], |_, _, _, _| unreachable!());
        assert_eq!(sums, before);
    }
}
