//! The sums over the labels, which follow those that change, with the bits of the plain algorithm's.

use std::ops::Range;

use ferrule_tensor::{Float, Isa, Team};

use crate::LearnError;
use crate::kmeans::problem::Problem;
use crate::kmeans::update::{RunningSums, Sums, partitions};

/// A stretch of rows that one thread works on at a time.
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    /// Its sums, where they are kept by part.
    sums: Option<Sums>,
    /// The clusters whose sums do not fit the labels, there.
    touched: Vec<bool>,
}

/// Where the sums come from; the shape decides, as it does for the plain algorithm.
pub(super) enum Tally {
    /// From those of the parts; with the total of the last pass.
    Parts { last: Option<Sums> },
    /// From the labels that changed.
    Running { sums: RunningSums, next_labels: Vec<i32> },
}

/// The stretches and the strategy for a problem; `stretch_rows` are those of a stretch without sums.
pub(super) fn plan<T: Float>(
    problem: &Problem<T>,
    team: &Team,
    stretch_rows: usize,
) -> (Vec<Part>, Tally) {
    let (n, k, d) = (problem.n_samples(), problem.n_clusters(), problem.n_features());
    if let Some(parts) = partitions(n, k, d) {
        let parts = parts.into_iter().map(|rows| Part {
            rows,
            sums: Some(Sums::new(k, d)),
            touched: vec![true; k],
        });
        return (parts.collect(), Tally::Parts { last: None });
    }
    let starts = (0..n).step_by(stretch_rows);
    let parts = starts.map(|start| Part {
        rows: start..(start + stretch_rows).min(n),
        sums: None,
        touched: Vec::new(),
    });
    let sums = RunningSums::new(k, d, team.n_threads());
    (parts.collect(), Tally::Running { sums, next_labels: vec![0; n] })
}

/// The number of rows of the longest part.
pub(super) fn longest(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.rows.len()).max().unwrap_or(0)
}

impl Part {
    /// Marks the clusters named in `touched` as ones whose sums do not fit the labels any more.
    pub(super) fn touch(&mut self, touched: &[bool]) {
        for (mine, touched) in self.touched.iter_mut().zip(touched) {
            *mine |= touched;
        }
    }

    /// Takes the sums of the touched clusters anew, row by row in order, so that the bits do not
    /// depend on the labels before.
    pub(super) fn refresh<T: Float>(&mut self, problem: &Problem<T>, labels: &[i32]) {
        let Some(sums) = &mut self.sums else { return };
        let touched = &mut self.touched;
        let is_touched = |label: &&i32| touched[**label as usize];
        let (x, d) = (problem.x, problem.n_features());
        if 2 * labels.iter().filter(is_touched).count() > labels.len() {
            // All of them at the speed of vectors.
            *sums = Sums::new(touched.len(), d);
            sums.add_rows(x, self.rows.clone(), labels, problem.weights, Isa::detect());
        } else if touched.contains(&true) {
            for (cluster, _) in touched.iter().enumerate().filter(|(_, touched)| **touched) {
                sums.weights[cluster] = 0.0;
                sums.sums[cluster * d..][..d].fill(0.0);
            }
            for (row, label) in self.rows.clone().zip(labels).filter(|(_, label)| is_touched(label))
            {
                sums.add(x, row, *label as usize, problem.weight(row));
            }
        }
        touched.fill(false);
    }
}

impl Tally {
    /// Follows the labels of a pass, which it puts into `labels`; returns whether they changed as
    /// the plain algorithm sees it.
    pub(super) fn close_pass<T: Float>(
        &mut self,
        problem: &Problem<T>,
        team: &Team,
        parts: &[Part],
        labels: &mut [i32],
    ) -> Result<bool, LearnError> {
        match self {
            Self::Parts { last } => {
                let mut parts = parts.iter().filter_map(|part| part.sums.as_ref());
                let mut total = parts.next().cloned().expect("at least one part");
                parts.for_each(|sums| total.merge(sums));
                let changed = last.as_ref() != Some(&total);
                *last = Some(total);
                Ok(changed)
            }
            Self::Running { sums, next_labels } => {
                sums.update(problem, team, labels, next_labels)?;
                let changed = *labels != next_labels[..];
                labels.copy_from_slice(next_labels);
                Ok(changed)
            }
        }
    }

    /// The sums of the last pass.
    pub(super) fn total<T: Float>(&self, problem: &Problem<T>, labels: &[i32]) -> Sums {
        match self {
            Self::Parts { last } => last.clone().expect("`assign` comes first"),
            Self::Running { sums, .. } => sums.total(problem, labels),
        }
    }
}
