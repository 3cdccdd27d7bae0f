//! Labels in as few bytes as the number of clusters allows.

use std::ops::Range;

/// Labels of some rows.
pub(super) enum Labels {
    /// Fewer than 65,536 clusters.
    Narrow(Vec<u16>),
    /// Any number.
    Wide(Vec<i32>),
}

impl Labels {
    /// Zeros.
    pub(super) fn new(n_rows: usize, n_clusters: usize) -> Self {
        if u16::try_from(n_clusters).is_ok() {
            Self::Narrow(vec![0; n_rows])
        } else {
            Self::Wide(vec![0; n_rows])
        }
    }

    pub(super) fn get(&self, row: usize) -> i32 {
        match self {
            Self::Narrow(labels) => i32::from(labels[row]),
            Self::Wide(labels) => labels[row],
        }
    }

    /// Gives all of `rows` one label; returns whether any had another.
    pub(super) fn fill(&mut self, rows: Range<usize>, label: i32) -> bool {
        match self {
            Self::Narrow(labels) => replace(&mut labels[rows], |_| label as u16),
            Self::Wide(labels) => replace(&mut labels[rows], |_| label),
        }
    }

    /// Writes the labels of `rows`; returns whether any had another.
    pub(super) fn write(&mut self, rows: Range<usize>, new: &[i32]) -> bool {
        match self {
            Self::Narrow(labels) => replace(&mut labels[rows], |row| new[row] as u16),
            Self::Wide(labels) => replace(&mut labels[rows], |row| new[row]),
        }
    }
}

fn replace<L: Copy + PartialEq>(labels: &mut [L], new: impl Fn(usize) -> L) -> bool {
    let mut changed = false;
    for (row, label) in labels.iter_mut().enumerate() {
        changed |= *label != new(row);
        *label = new(row);
    }
    changed
}
