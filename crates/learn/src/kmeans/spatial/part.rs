//! One stretch of the ordered rows: its boxes, its labels and its share of the sums.

use std::ops::Range;

use ferrule_tensor::kernels::candidates::{CandidateList, PANEL_FEATURES_MAX, PANEL_ROWS};
use ferrule_tensor::kernels::panel::add_rows;
use ferrule_tensor::{Float, Isa, MatrixView};

use super::labels::Labels;
use super::order::cells;

/// Most rows whose candidates are found together before those of each block.
const GROUP_ROWS: usize = 2048;
/// Most rows of a part, the unit of work of a thread.
pub(super) const PART_ROWS: usize = 16_384;

/// The samples as all parts see them.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, T> {
    pub(super) x: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [T]>,
    pub(super) isa: Isa,
}

/// Rows in the order of the index.
#[derive(Clone, Copy)]
pub(super) struct Ordered<'a, T> {
    /// Their numbers.
    pub(super) rows: &'a [i32],
    /// Their values, block by block and in it feature by feature; empty where they are gathered anew.
    pub(super) panels: &'a [T],
}

impl<'a, T> Ordered<'a, T> {
    /// Positions `range`.
    fn part(self, range: &Range<usize>, d: usize) -> Self {
        let panels = self.panels.get(range.start * d..range.end * d).unwrap_or_default();
        Self { rows: &self.rows[range.clone()], panels }
    }

    /// The values, where they are kept.
    fn kept(self) -> Option<&'a [T]> {
        (!self.panels.is_empty()).then_some(self.panels)
    }
}

/// The box around some rows.
#[derive(Clone, Copy)]
struct Bounds<T> {
    low: [T; PANEL_FEATURES_MAX],
    high: [T; PANEL_FEATURES_MAX],
}

/// Some consecutive rows of the order.
pub(super) struct Part<T> {
    /// Where in the order.
    pub(super) rows: Range<usize>,
    /// The blocks of each group.
    groups: Vec<Range<usize>>,
    /// Where in the part each block ends.
    ends: Vec<u32>,
    /// For each block the lower bounds of its features, then the upper ones.
    bounds: Vec<T>,
    /// For each block the sums of its features, then its weight.
    block_sums: Vec<f64>,
    pub(super) labels: Labels,
    /// The clusters that have rows here, group by group.
    pub(super) ids: Vec<i32>,
    /// The sums of each of `ids`, features and weight.
    pub(super) sums: Vec<f64>,
    pub(super) changed: bool,
}

/// Working memory of a thread.
pub(super) struct Scratch<T> {
    part: CandidateList<T>,
    group: CandidateList<T>,
    block: CandidateList<T>,
    gathered: Gathered<T>,
    winners: [T; PANEL_ROWS],
    slots: Vec<u32>,
    row_labels: Vec<i32>,
}

impl<T: Float> Scratch<T> {
    pub(super) fn new(n_clusters: usize, d: usize) -> Self {
        let list = || CandidateList::with_capacity(n_clusters, d);
        Self {
            part: list(),
            group: list(),
            block: list(),
            gathered: Gathered { panel: Vec::new(), weights: Vec::new() },
            winners: [T::ZERO; PANEL_ROWS],
            slots: Vec::new(),
            row_labels: Vec::new(),
        }
    }
}

/// A block's rows, feature by feature, and their weights where there are any.
struct Gathered<T> {
    panel: Vec<T>,
    weights: Vec<T>,
}

impl<T: Float> Gathered<T> {
    fn rows(&mut self, source: &Source<T>, rows: &[i32]) {
        self.panel.clear();
        for col in 0..source.x.cols() {
            self.panel.extend(rows.iter().map(|&row| source.x.get(row as usize, col)));
        }
    }

    fn weights(&mut self, source: &Source<T>, rows: &[i32]) {
        self.weights.clear();
        if let Some(weights) = source.weights {
            self.weights.extend(rows.iter().map(|&row| weights[row as usize]));
        }
    }
}

impl<T: Float> Part<T> {
    /// A part of the order, cut into blocks by `keys`, those of its rows; it has no rows yet.
    pub(super) fn new(rows: Range<usize>, keys: &[i32], n_clusters: usize) -> Self {
        let (mut groups, mut ends) = (Vec::new(), Vec::new());
        for group in cells(keys, 0..keys.len(), GROUP_ROWS) {
            let first = ends.len();
            ends.extend(cells(keys, group, PANEL_ROWS).iter().map(|block| block.end as u32));
            groups.push(first..ends.len());
        }
        Self {
            groups,
            ends,
            bounds: Vec::new(),
            block_sums: Vec::new(),
            labels: Labels::new(rows.len(), n_clusters),
            ids: Vec::new(),
            sums: Vec::new(),
            changed: false,
            rows,
        }
    }

    /// Takes in its rows, whose numbers are `order`; keeps their values in `panels` where that has room.
    pub(super) fn fill(&mut self, source: &Source<T>, order: &[i32], panels: &mut [T]) {
        let (d, n_blocks) = (source.x.cols(), self.ends.len());
        self.bounds.reserve_exact(n_blocks * 2 * d);
        self.block_sums.reserve_exact(n_blocks * (d + 1));
        let mut gathered = Gathered { panel: Vec::new(), weights: Vec::new() };
        for block in 0..n_blocks {
            let rows = self.block_rows(block);
            gathered.rows(source, &order[rows.clone()]);
            gathered.weights(source, &order[rows.clone()]);
            self.add_block(source, &gathered, rows.len());
            if let Some(panel) = panels.get_mut(rows.start * d..rows.end * d) {
                panel.copy_from_slice(&gathered.panel);
            }
        }
    }

    /// Takes in the bounds and sums of a block of `n_rows`.
    fn add_block(&mut self, source: &Source<T>, gathered: &Gathered<T>, n_rows: usize) {
        let d = source.x.cols();
        let (panel, weights) = (&gathered.panel, source.weights.map(|_| &gathered.weights[..]));
        let slots = &[0; PANEL_ROWS][..n_rows];
        let start = self.block_sums.len();
        self.block_sums.resize(start + d + 1, 0.0);
        add_rows(source.isa, d, panel, weights, slots, &mut self.block_sums[start..]);
        let least = |a: T, &b: &T| if b < a { b } else { a };
        let greatest = |a: T, &b: &T| if b > a { b } else { a };
        let features = || panel.chunks_exact(n_rows);
        self.bounds.extend(features().map(|values| values.iter().fold(T::INFINITY, least)));
        self.bounds.extend(features().map(|values| values.iter().fold(-T::INFINITY, greatest)));
    }

    /// The box around some of the blocks.
    fn bounds(&self, blocks: Range<usize>, d: usize) -> Bounds<T> {
        let mut bounds = Bounds {
            low: [T::INFINITY; PANEL_FEATURES_MAX],
            high: [-T::INFINITY; PANEL_FEATURES_MAX],
        };
        for block in blocks {
            let (low, high) = self.bounds[block * 2 * d..(block + 1) * 2 * d].split_at(d);
            for f in 0..d {
                bounds.low[f] = if low[f] < bounds.low[f] { low[f] } else { bounds.low[f] };
                bounds.high[f] = if high[f] > bounds.high[f] { high[f] } else { bounds.high[f] };
            }
        }
        bounds
    }

    /// Where in the part the rows of `block` stand.
    fn block_rows(&self, block: usize) -> Range<usize> {
        let start = if block > 0 { self.ends[block - 1] } else { 0 };
        start as usize..self.ends[block] as usize
    }

    /// Labels the part's rows with the nearest of `all` and sums them by label.
    pub(super) fn assign(
        &mut self,
        source: &Source<T>,
        all: &CandidateList<T>,
        ordered: Ordered<T>,
        scratch: &mut Scratch<T>,
    ) {
        let d = source.x.cols();
        let ordered = ordered.part(&self.rows, d);
        self.changed = false;
        self.ids.clear();
        self.sums.clear();
        let bounds = self.bounds(0..self.ends.len(), d);
        all.filter_into(source.isa, &bounds.low, &bounds.high, &mut scratch.part);
        for group in 0..self.groups.len() {
            let blocks = self.groups[group].clone();
            let bounds = self.bounds(blocks.clone(), d);
            scratch.part.filter_into(source.isa, &bounds.low, &bounds.high, &mut scratch.group);
            let first = self.ids.len();
            self.ids.extend_from_slice(scratch.group.ids());
            self.sums.resize(self.ids.len() * (d + 1), 0.0);
            scratch.group.renumber();
            for block in blocks {
                self.assign_block(source, block, first, ordered, scratch);
            }
            self.drop_unused(first, d);
        }
    }

    /// Labels and sums one block with the candidates of its group, whose sums start at `first`.
    fn assign_block(
        &mut self,
        source: &Source<T>,
        block: usize,
        first: usize,
        ordered: Ordered<T>,
        scratch: &mut Scratch<T>,
    ) {
        let d = source.x.cols();
        let (low, high) = self.bounds[block * 2 * d..(block + 1) * 2 * d].split_at(d);
        scratch.group.filter_into(source.isa, low, high, &mut scratch.block);
        let rows = self.block_rows(block);
        let ordered = ordered.part(&rows, d);
        let candidates = scratch.block.ids();
        let mut common = (candidates.len() == 1).then(|| candidates[0] as usize);
        if common.is_none() {
            find_nearest(source, ordered, scratch);
            let slots = &scratch.slots;
            common = slots.iter().all(|slot| *slot == slots[0]).then_some(slots[0] as usize);
        }
        let ids = &self.ids[first..];
        let group_sums = &mut self.sums[first * (d + 1)..];
        if let Some(slot) = common {
            self.changed |= self.labels.fill(rows, ids[slot]);
            let sums = &mut group_sums[slot * (d + 1)..][..d + 1];
            for (sum, share) in sums.iter_mut().zip(&self.block_sums[block * (d + 1)..]) {
                *sum += share;
            }
            return;
        }
        scratch.row_labels.clear();
        scratch.row_labels.extend(scratch.slots.iter().map(|&slot| ids[slot as usize]));
        self.changed |= self.labels.write(rows.clone(), &scratch.row_labels);
        let panel = ordered.kept().unwrap_or(&scratch.gathered.panel);
        let weights = source.weights.map(|_| &scratch.gathered.weights[..]);
        add_rows(source.isa, d, panel, weights, &scratch.slots, group_sums);
    }

    /// Takes out the candidates from `first` on that got no row.
    fn drop_unused(&mut self, first: usize, d: usize) {
        let mut kept = first;
        for index in first..self.ids.len() {
            let sums = index * (d + 1)..(index + 1) * (d + 1);
            if self.sums[sums.clone()].iter().any(|&sum| sum != 0.0) {
                self.ids[kept] = self.ids[index];
                self.sums.copy_within(sums, kept * (d + 1));
                kept += 1;
            }
        }
        self.ids.truncate(kept);
        self.sums.truncate(kept * (d + 1));
    }
}

/// Writes to `scratch.slots` which of the group's sums each row of a block belongs to.
fn find_nearest<T: Float>(source: &Source<T>, block: Ordered<T>, scratch: &mut Scratch<T>) {
    scratch.gathered.weights(source, block.rows);
    if block.kept().is_none() {
        scratch.gathered.rows(source, block.rows);
    }
    let panel = block.kept().unwrap_or(&scratch.gathered.panel);
    scratch.block.nearest(source.isa, panel, block.rows.len(), &mut scratch.winners);
    let ids = scratch.block.ids();
    let winners = &scratch.winners[..block.rows.len()];
    scratch.slots.clear();
    scratch.slots.extend(winners.iter().map(|winner| ids[winner.to_index() as usize] as u32));
}
