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
    pub(super) n_clusters: usize,
    /// Whether parts keep their rows, which saves gathering them in each iteration.
    pub(super) keeps_rows: bool,
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
    /// Kept rows, block by block and in it feature by feature; empty where they are gathered anew.
    panels: Vec<T>,
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
    /// The part of positions `rows` of `order`, whose sorted keys are `keys`.
    pub(super) fn new(
        source: &Source<T>,
        order: &[i32],
        keys: Vec<i32>,
        rows: Range<usize>,
    ) -> Self {
        let d = source.x.cols();
        let kept = if source.keeps_rows { rows.len() * d } else { 0 };
        let mut part = Self {
            groups: Vec::new(),
            ends: Vec::new(),
            bounds: Vec::new(),
            block_sums: Vec::new(),
            panels: Vec::with_capacity(kept),
            labels: Labels::new(rows.len(), source.n_clusters),
            ids: Vec::new(),
            sums: Vec::new(),
            changed: false,
            rows: rows.clone(),
        };
        let mut gathered = Gathered { panel: Vec::new(), weights: Vec::new() };
        let order = &order[rows];
        for group in cells(&keys, 0..keys.len(), GROUP_ROWS) {
            let first = part.ends.len();
            for block in cells(&keys, group, PANEL_ROWS) {
                part.add_block(source, &order[block.clone()], &mut gathered);
                part.ends.push(block.end as u32);
            }
            part.groups.push(first..part.ends.len());
        }
        part.ends.shrink_to_fit();
        part.bounds.shrink_to_fit();
        part.block_sums.shrink_to_fit();
        part
    }

    /// Takes in the bounds and sums of a block, and its rows where they are kept.
    fn add_block(&mut self, source: &Source<T>, rows: &[i32], gathered: &mut Gathered<T>) {
        let d = source.x.cols();
        gathered.rows(source, rows);
        gathered.weights(source, rows);
        let (panel, weights) = (&gathered.panel, source.weights.map(|_| &gathered.weights[..]));
        let slots = &[0; PANEL_ROWS][..rows.len()];
        let start = self.block_sums.len();
        self.block_sums.resize(start + d + 1, 0.0);
        add_rows(source.isa, d, panel, weights, slots, &mut self.block_sums[start..]);
        let least = |a: T, &b: &T| if b < a { b } else { a };
        let greatest = |a: T, &b: &T| if b > a { b } else { a };
        let features = || panel.chunks_exact(rows.len());
        self.bounds.extend(features().map(|values| values.iter().fold(T::INFINITY, least)));
        self.bounds.extend(features().map(|values| values.iter().fold(-T::INFINITY, greatest)));
        if source.keeps_rows {
            self.panels.extend_from_slice(panel);
        }
    }

    /// Gives the memory of kept rows back.
    pub(super) fn drop_rows(&mut self) {
        self.panels = Vec::new();
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
        order: &[i32],
        scratch: &mut Scratch<T>,
    ) {
        let d = source.x.cols();
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
                self.assign_block(source, block, first, order, scratch);
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
        order: &[i32],
        scratch: &mut Scratch<T>,
    ) {
        let d = source.x.cols();
        let (low, high) = self.bounds[block * 2 * d..(block + 1) * 2 * d].split_at(d);
        scratch.group.filter_into(source.isa, low, high, &mut scratch.block);
        let rows = self.block_rows(block);
        let candidates = scratch.block.ids();
        let mut common = (candidates.len() == 1).then(|| candidates[0] as usize);
        if common.is_none() {
            self.find_nearest(source, rows.clone(), &order[self.rows.clone()], scratch);
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
        let panel = kept(&self.panels, rows, d).unwrap_or(&scratch.gathered.panel);
        let weights = source.weights.map(|_| &scratch.gathered.weights[..]);
        add_rows(source.isa, d, panel, weights, &scratch.slots, group_sums);
    }

    /// Writes the group's slot of each row's nearest centre to `scratch.slots`.
    fn find_nearest(
        &self,
        source: &Source<T>,
        rows: Range<usize>,
        order: &[i32],
        scratch: &mut Scratch<T>,
    ) {
        let (kept, order) = (kept(&self.panels, rows.clone(), source.x.cols()), &order[rows]);
        scratch.gathered.weights(source, order);
        if kept.is_none() {
            scratch.gathered.rows(source, order);
        }
        let panel = kept.unwrap_or(&scratch.gathered.panel);
        scratch.block.nearest(source.isa, panel, order.len(), &mut scratch.winners);
        let ids = scratch.block.ids();
        let winners = &scratch.winners[..order.len()];
        scratch.slots.clear();
        scratch.slots.extend(winners.iter().map(|winner| ids[winner.to_index() as usize] as u32));
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

/// The kept rows of a block.
fn kept<T>(panels: &[T], rows: Range<usize>, d: usize) -> Option<&[T]> {
    panels.get(rows.start * d..rows.end * d)
}
