//! Hamerly's rule: one lower bound a row, on the distance to the second nearest centre.

use ferrule_tensor::{Control, Float, MatrixView, Team};

use super::margin::{down, up};
use super::{Pass, Rows, Rule, Scratch};
use crate::LearnError;

/// Rows that are compared with all centres together: whole panels on every instruction set.
const GATHERED_ROWS: usize = 192;

/// What is known of the centres.
pub(in crate::kmeans) struct Hamerly {
    /// How far the nearest other centre of each is, at most.
    separation: Vec<f32>,
    /// The centre that moved farthest, how far, and how far the next.
    fastest: usize,
    most: f32,
    second_most: f32,
}

impl Hamerly {
    /// How much a lower bound of a row of cluster `label` falls.
    fn fall(&self, label: i32) -> f32 {
        if label as usize == self.fastest { self.second_most } else { self.most }
    }
}

impl<T: Float> Rule<T> for Hamerly {
    fn new(n_clusters: usize, _: &Control) -> Result<Self, LearnError> {
        let separation = vec![0.0; n_clusters];
        Ok(Self { separation, fastest: 0, most: 0.0, second_most: 0.0 })
    }

    fn lower_bounds(_: usize) -> usize {
        1
    }

    fn prepare(&mut self, pass: &Pass<T>, team: &Team) -> Result<(), LearnError> {
        (self.fastest, self.most, self.second_most) = (0, 0.0, 0.0);
        for (cluster, &shift) in pass.shifts.iter().enumerate() {
            if shift > self.most {
                (self.fastest, self.second_most, self.most) = (cluster, self.most, shift);
            } else if shift > self.second_most {
                self.second_most = shift;
            }
        }
        pass.between_centers(team, &mut self.separation, |own, squares, separation| {
            let others = squares.iter().enumerate().filter(|(other, _)| *other != own);
            let least = others.fold(T::INFINITY, |a, (_, &b)| if b < a { b } else { a });
            *separation = pass.margin.lower(least);
        })
    }

    fn relabel(&self, pass: &Pass<T>, mut rows: Rows, scratch: &mut Scratch<T>) {
        scratch.positions.clear();
        for at in 0..rows.labels.len() {
            let label = rows.labels[at];
            let mut upper = up(rows.upper[at] + pass.shifts[label as usize]);
            let kept = down(rows.lower[at] - self.fall(label));
            rows.lower[at] = kept;
            let lower = |upper: f32| kept.max(down(self.separation[label as usize] - upper));
            let mut is_settled = lower(upper) > pass.margin.least_lower(upper);
            if !is_settled && upper.is_finite() {
                upper = pass.upper(rows.first + at, label);
                is_settled = lower(upper) > pass.margin.least_lower(upper);
            }
            rows.upper[at] = upper;
            if !is_settled {
                scratch.positions.push(at);
                if scratch.positions.len() == GATHERED_ROWS {
                    compare(pass, &mut rows, scratch);
                }
            }
        }
        compare(pass, &mut rows, scratch);
    }
}

/// Compares the rows at the scratch's positions with all centres.
fn compare<T: Float>(pass: &Pass<T>, rows: &mut Rows, scratch: &mut Scratch<T>) {
    let (count, d) = (scratch.positions.len(), pass.x.cols());
    scratch.values.clear();
    for &at in &scratch.positions {
        let row = rows.first + at;
        match pass.x.row(row) {
            Some(values) => scratch.values.extend_from_slice(values),
            None => scratch.values.extend((0..d).map(|col| pass.x.get(row, col))),
        }
    }
    scratch.labels.resize(count, 0);
    scratch.gaps.resize(count, T::ZERO);
    scratch.squares.resize(count, T::ZERO);
    let gathered = MatrixView::contiguous(&scratch.values, count, d).expect("count x d values");
    let (labels, gaps) = (&mut scratch.labels, &mut scratch.gaps);
    pass.assigner.assign_with_gaps(gathered, 0..count, labels, gaps, &mut scratch.kernel);
    pass.assigner.own_squared_distances(gathered, 0..count, labels, &mut scratch.squares);
    for (i, &at) in scratch.positions.iter().enumerate() {
        rows.set_label(at, scratch.labels[i], &mut scratch.touched);
        rows.upper[at] = pass.margin.upper(scratch.squares[i]);
        rows.lower[at] = pass.margin.lower_by_gap(scratch.squares[i], scratch.gaps[i]);
    }
    scratch.positions.clear();
}
