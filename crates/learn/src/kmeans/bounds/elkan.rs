//! Elkan's rule: a lower bound a row and centre.

use ferrule_tensor::{Control, Float, Team};

use super::margin::{down, up};
use super::memory::filled;
use super::{Pass, Rows, Rule, Scratch};
use crate::LearnError;

/// What is known of the centres.
pub(in crate::kmeans) struct Elkan {
    /// How far each centre has moved in all, at least. The bounds are kept with the value of their time
    /// added, so that those of rows that are not looked at need no change.
    travelled: Vec<f32>,
    /// How far centres are from each other, at most: clusters × clusters.
    between: Vec<f32>,
    /// The least of those to others, for each.
    separation: Vec<f32>,
}

impl<T: Float> Rule<T> for Elkan {
    fn new(n_clusters: usize, control: &Control) -> Result<Self, LearnError> {
        Ok(Self {
            travelled: vec![0.0; n_clusters],
            between: filled(n_clusters.saturating_mul(n_clusters), 0.0, control)?,
            separation: vec![0.0; n_clusters],
        })
    }

    fn lower_bounds(n_clusters: usize) -> usize {
        n_clusters
    }

    fn prepare(&mut self, pass: &Pass<T>, team: &Team) -> Result<(), LearnError> {
        for (travelled, shift) in self.travelled.iter_mut().zip(&pass.shifts) {
            *travelled = up(*travelled + shift);
        }
        let between = self.between.chunks_exact_mut(pass.shifts.len());
        let mut items: Vec<_> = between.zip(&mut self.separation).collect();
        pass.between_centers(team, &mut items, |own, squares, (between, separation)| {
            for (to, &square) in between.iter_mut().zip(squares) {
                *to = pass.margin.lower(square);
            }
            let others = between.iter().enumerate().filter(|(other, _)| *other != own);
            **separation = others.fold(f32::MAX, |least, (_, &value)| least.min(value));
        })
    }

    fn relabel(&self, pass: &Pass<T>, mut rows: Rows, scratch: &mut Scratch<T>) {
        scratch
            .scores
            .resize(pass.shifts.len().next_multiple_of(pass.assigner.group_len()), T::ZERO);
        for at in 0..rows.labels.len() {
            let label = rows.labels[at];
            let separation = self.separation[label as usize];
            let mut upper = up(rows.upper[at] + pass.shifts[label as usize]);
            let is_settled = |upper: f32| down(separation - upper) > pass.margin.least_lower(upper);
            let mut needs_look = !is_settled(upper);
            if needs_look && upper.is_finite() {
                upper = pass.upper(rows.first + at, label);
                needs_look = !is_settled(upper);
            }
            rows.upper[at] = upper;
            if needs_look && self.find_groups(pass, &rows, at, &mut scratch.groups) {
                self.compare(pass, &mut rows, at, scratch);
            }
        }
    }
}

impl Elkan {
    /// Lists the groups of centres that can have the nearest one of row `at`, and that of its label;
    /// returns whether another than its label's centre can.
    fn find_groups<T: Float>(
        &self,
        pass: &Pass<T>,
        rows: &Rows,
        at: usize,
        groups: &mut Vec<u32>,
    ) -> bool {
        let (k, len) = (pass.shifts.len(), pass.assigner.group_len());
        let (label, upper) = (rows.labels[at] as usize, rows.upper[at]);
        let enough = pass.margin.least_lower(upper);
        let (lower, between) = (&rows.lower[at * k..][..k], &self.between[label * k..][..k]);
        let can_win = |center: usize| {
            let kept = down(lower[center] - self.travelled[center]);
            let by_triangle = down(between[center] - upper);
            kept.max(by_triangle) <= enough && center != label
        };
        groups.clear();
        let mut any = false;
        for (group, first) in (0..k).step_by(len).enumerate() {
            let centers = first..(first + len).min(k);
            let can = centers.clone().fold(false, |can, center| can | can_win(center));
            any |= can;
            if can || centers.contains(&label) {
                groups.push(group as u32);
            }
        }
        any
    }

    /// Compares row `at` with the centres of the scratch's groups.
    fn compare<T: Float>(
        &self,
        pass: &Pass<T>,
        rows: &mut Rows,
        at: usize,
        scratch: &mut Scratch<T>,
    ) {
        let (k, len) = (pass.shifts.len(), pass.assigner.group_len());
        let own = self.shifted_row(pass, rows.first + at, &mut scratch.values);
        pass.assigner.group_scores(&scratch.values, &scratch.groups, &mut scratch.scores);
        let (mut best, mut nearest) = (T::INFINITY, 0);
        for &group in &scratch.groups {
            let first = group as usize * len;
            for center in first..(first + len).min(k) {
                let score = scratch.scores[center];
                if score < best {
                    (best, nearest) = (score, center);
                }
                let bound = pass.margin.lower_by_score(own, score);
                rows.lower[at * k + center] = down(bound + self.travelled[center]);
            }
        }
        if nearest as i32 != rows.labels[at] || !rows.upper[at].is_finite() {
            rows.upper[at] = pass.upper(rows.first + at, nearest as i32);
        }
        rows.set_label(at, nearest as i32, &mut scratch.touched);
    }

    /// Writes row `row` less the shift to `values`; returns the square of its length where there is a
    /// shift, else 0.
    fn shifted_row<T: Float>(&self, pass: &Pass<T>, row: usize, values: &mut Vec<T>) -> f64 {
        values.clear();
        values.extend((0..pass.x.cols()).map(|col| pass.x.get(row, col)));
        let Some(shift) = pass.assigner.shift() else { return 0.0 };
        let mut own = 0.0;
        for (value, &shift) in values.iter_mut().zip(shift) {
            *value -= shift;
            own += value.to_f64() * value.to_f64();
        }
        own
    }
}
