//! The algorithms of Elkan and Hamerly, which keep bounds on distances to skip most of them.
//!
//! Each row has an upper bound on the distance to its centre and lower bounds on those to others,
//! which move with the centres. Where the bounds tell that no other centre can win, by more than
//! computed scores can be off by rounding, the row keeps its label; else its scores are
//! computed as the plain algorithm does. So labels, and with them sums and centres, are equal to
//! its, bit for bit. A cluster that is put elsewhere is a centre that moved far.
//!
//! Measured with AVX-512, `f32`, one thread, milliseconds an iteration of the plain pass, Hamerly's
//! and Elkan's: blobs of 200k × 16, 64 clusters 7, 15, 73; of 20k × 32, 500 clusters 4, 6, 33. So
//! nothing chooses them unasked.

mod elkan;
mod hamerly;
mod margin;
mod memory;
mod parts;

use std::ops::Range;

use ferrule_tensor::{Assigner, Control, Float, Isa, MatrixView, Scratch as KernelScratch, Team};

pub(super) use elkan::Elkan;
pub(super) use hamerly::Hamerly;

use self::margin::{Margin, root_up};
use self::memory::filled;
use self::parts::{Part, Tally, longest, plan};
use super::engine::Engine;
use super::lloyd::dense_inertia;
use super::predict::block_rows;
use super::problem::Problem;
use super::relocate::{Far, farthest_dense};
use super::update::Sums;
use crate::LearnError;

/// Features and clusters up to which the plain pass is bound by memory, so that bounds cannot help.
const PLAIN_MAX: usize = 8;

/// Whether there are distances worth skipping.
pub(super) fn is_applicable(n_features: usize, n_clusters: usize) -> bool {
    n_features > PLAIN_MAX || n_clusters > PLAIN_MAX
}

/// What an algorithm does with its lower bounds.
pub(super) trait Rule<T: Float>: Sync + Sized {
    /// For centres that have not been seen.
    fn new(n_clusters: usize, control: &Control) -> Result<Self, LearnError>;

    /// Lower bounds a row.
    fn lower_bounds(n_clusters: usize) -> usize;

    /// Takes in how far the centres moved, and how far they are from each other.
    fn prepare(&mut self, pass: &Pass<T>, team: &Team) -> Result<(), LearnError>;

    /// Brings the labels and bounds of `rows` to the pass's centres.
    fn relabel(&self, pass: &Pass<T>, rows: Rows, scratch: &mut Scratch<T>);
}

/// A pass over the rows, as all threads see it.
pub(super) struct Pass<'a, T> {
    x: MatrixView<'a, T>,
    assigner: Assigner<T>,
    margin: Margin,
    /// How far each centre moved since the last pass, at least.
    shifts: Vec<f32>,
}

/// Some rows with their labels and bounds.
pub(super) struct Rows<'a> {
    first: usize,
    labels: &'a mut [i32],
    upper: &'a mut [f32],
    lower: &'a mut [f32],
}

impl Rows<'_> {
    /// Up to `count` of these rows, from the one at `start` on, where there are any.
    fn stretch(&mut self, start: usize, count: usize) -> Rows<'_> {
        let (n, per_row) = (self.labels.len(), self.lower.len() / self.labels.len().max(1));
        let (start, end) = (start.min(n), start.saturating_add(count).min(n));
        Rows {
            first: self.first + start,
            labels: &mut self.labels[start..end],
            upper: &mut self.upper[start..end],
            lower: &mut self.lower[start * per_row..end * per_row],
        }
    }

    /// Gives row `at` its label, and remembers the clusters that this touches.
    fn set_label(&mut self, at: usize, label: i32, touched: &mut [bool]) {
        let old = std::mem::replace(&mut self.labels[at], label);
        if old != label {
            touched[old as usize] = true;
            touched[label as usize] = true;
        }
    }
}

/// Working memory of a thread.
pub(super) struct Scratch<T> {
    kernel: KernelScratch<T>,
    /// Clusters that gained or lost a row of the present stretch.
    touched: Vec<bool>,
    /// Gathered rows.
    values: Vec<T>,
    positions: Vec<usize>,
    labels: Vec<i32>,
    gaps: Vec<T>,
    squares: Vec<T>,
    scores: Vec<T>,
    groups: Vec<u32>,
}

impl<T: Float> Scratch<T> {
    fn new(n_clusters: usize) -> Self {
        Self {
            kernel: KernelScratch::default(),
            touched: vec![false; n_clusters],
            values: Vec::new(),
            positions: Vec::new(),
            labels: Vec::new(),
            gaps: Vec::new(),
            squares: Vec::new(),
            scores: Vec::new(),
            groups: Vec::new(),
        }
    }
}

impl<T: Float> Pass<'_, T> {
    /// At least the distance of row `row` to centre `label`.
    fn upper(&self, row: usize, label: i32) -> f32 {
        let mut square = [T::ZERO];
        self.assigner.own_squared_distances(self.x, row..row + 1, &[label], &mut square);
        self.margin.upper(square[0])
    }

    /// Calls `take` for each centre with its squared distances to all.
    fn between_centers<I: Send>(
        &self,
        team: &Team,
        items: &mut [I],
        take: impl Fn(usize, &[T], &mut I) + Sync,
    ) -> Result<(), LearnError> {
        let (k, d) = (self.assigner.n_clusters(), self.assigner.n_features());
        let centers = MatrixView::contiguous(self.assigner.centers(), k, d).expect("k x d values");
        /// Centres at a time: a panel's rows.
        const BLOCK: usize = 48;
        let mut blocks: Vec<_> = items.chunks_mut(BLOCK).collect();
        let scratch = || (KernelScratch::default(), vec![T::ZERO; BLOCK.min(k) * k]);
        let mut scratch: Vec<_> = (0..team.n_threads()).map(|_| scratch()).collect();
        team.for_each(&mut blocks, &mut scratch, |block, items, (kernel, squares)| {
            let first = block * BLOCK;
            let squares = &mut squares[..items.len() * k];
            self.assigner.squared_distances(centers, first..first + items.len(), squares, kernel);
            for (i, (item, squares)) in items.iter_mut().zip(squares.chunks_exact(k)).enumerate() {
                take(first + i, squares, item);
            }
        })?;
        Ok(())
    }
}

/// The engine.
pub(super) struct Bounded<'a, T, R> {
    problem: &'a Problem<'a, T>,
    team: &'a Team<'a>,
    labels: &'a mut [i32],
    rule: R,
    parts: Vec<Part>,
    tally: Tally,
    upper: Vec<f32>,
    lower: Vec<f32>,
    /// The centres that the bounds are for.
    centers: Option<Vec<T>>,
}

impl<'a, T: Float, R: Rule<T>> Bounded<'a, T, R> {
    /// An engine that leaves its labels in `labels`.
    ///
    /// # Errors
    /// [`LearnError::OutOfMemory`] where there is no room for the bounds, [`LearnError::Cancelled`].
    pub(super) fn new(
        problem: &'a Problem<'a, T>,
        team: &'a Team<'a>,
        labels: &'a mut [i32],
    ) -> Result<Self, LearnError> {
        let (n, k, d) = (problem.n_samples(), problem.n_clusters(), problem.n_features());
        let (parts, tally) = plan(problem, team, stretch_rows(k, d));
        // Bounds that tell nothing; the first labels that are written count as changed.
        labels.fill(if matches!(tally, Tally::Parts { .. }) { 0 } else { -1 });
        let control = team.control();
        Ok(Self {
            problem,
            team,
            labels,
            rule: R::new(k, control)?,
            parts,
            tally,
            upper: filled(n, f32::INFINITY, control)?,
            lower: filled(n.saturating_mul(R::lower_bounds(k)), 0.0, control)?,
            centers: None,
        })
    }

    fn begin_pass(&mut self, centers: &[T]) -> Result<Pass<'a, T>, LearnError> {
        let (k, d) = (self.problem.n_clusters(), self.problem.n_features());
        let assigner = Assigner::new(centers, k, d, Isa::detect());
        let old = self.centers.as_deref().unwrap_or(centers);
        let shifts = old.chunks_exact(d).zip(centers.chunks_exact(d)).map(|(old, new)| {
            let differences = old.iter().zip(new).map(|(a, b)| a.to_f64() - b.to_f64());
            root_up(differences.map(|difference| difference * difference).sum())
        });
        let (x, margin, shifts) = (self.problem.x, Margin::new(&assigner), shifts.collect());
        let pass = Pass { x, assigner, margin, shifts };
        self.rule.prepare(&pass, self.team)?;
        Ok(pass)
    }

    /// Brings all labels, bounds and sums of parts to the pass's centres.
    ///
    /// A part can be long, and its distances are not found at the speed of the plain pass: so it is
    /// gone through in stretches, after each of which a request to stop is seen.
    fn run_pass(&mut self, pass: &Pass<T>) -> Result<(), LearnError> {
        let (problem, rule, team) = (self.problem, &self.rule, self.team);
        let (k, d) = (problem.n_clusters(), problem.n_features());
        let (step, longest) = (stretch_rows(k, d), longest(&self.parts));
        let labels = match &mut self.tally {
            Tally::Parts { .. } => &mut *self.labels,
            Tally::Running { next_labels, .. } => next_labels,
        };
        let mut items = split(&mut self.parts, labels, &mut self.upper, &mut self.lower);
        let mut scratch: Vec<_> = (0..team.n_threads()).map(|_| Scratch::new(k)).collect();
        for start in (0..longest).step_by(step) {
            team.for_each(&mut items, &mut scratch, |_, (part, rows), scratch| {
                scratch.touched.fill(false);
                rule.relabel(pass, rows.stretch(start, step), scratch);
                part.touch(&scratch.touched);
            })?;
        }
        team.for_each(&mut items, &mut scratch, |_, (part, rows), _| {
            part.refresh(problem, rows.labels);
        })?;
        Ok(())
    }
}

/// Rows after which a request to stop is seen: distances that bounds do not spare take up to eight times
/// as long as those of the plain pass.
fn stretch_rows(n_clusters: usize, n_features: usize) -> usize {
    block_rows(n_clusters.saturating_mul(8), n_features)
}

/// Each part with its labels and bounds.
fn split<'a>(
    parts: &'a mut [Part],
    mut labels: &'a mut [i32],
    mut upper: &'a mut [f32],
    mut lower: &'a mut [f32],
) -> Vec<(&'a mut Part, Rows<'a>)> {
    let per_row = lower.len() / labels.len().max(1);
    let mut items = Vec::with_capacity(parts.len());
    for part in parts {
        let Range { start: first, end } = part.rows;
        let count = end - first;
        let rows = Rows {
            first,
            labels: labels.split_off_mut(..count).expect("a label a row"),
            upper: upper.split_off_mut(..count).expect("a bound a row"),
            lower: lower.split_off_mut(..count * per_row).expect("bounds for each row"),
        };
        items.push((part, rows));
    }
    items
}

impl<T: Float, R: Rule<T>> Engine<T> for Bounded<'_, T, R> {
    fn assign(&mut self, centers: &[T]) -> Result<bool, LearnError> {
        let pass = self.begin_pass(centers)?;
        self.run_pass(&pass)?;
        self.centers = Some(centers.to_vec());
        self.tally.close_pass(self.problem, self.team, &self.parts, self.labels)
    }

    fn sums(&mut self) -> Result<Sums, LearnError> {
        Ok(self.tally.total(self.problem, self.labels))
    }

    fn inertia(&mut self, centers: &[T]) -> Result<f64, LearnError> {
        dense_inertia(self.problem, self.team, self.labels, centers)
    }

    fn farthest(&mut self, centers: &[T], count: usize) -> Result<Vec<Far>, LearnError> {
        farthest_dense(self.problem, self.team, self.labels, centers, count)
    }

    fn add_row(&self, sums: &mut Sums, row: usize, label: usize, sign: f64) {
        sums.add(self.problem.x, row, label, sign * self.problem.weight(row));
    }

    fn finish(&mut self, centers: &[T], converged: bool) -> Result<f64, LearnError> {
        // Equal sums may hide labels that changed.
        if !converged || matches!(self.tally, Tally::Parts { .. }) {
            self.assign(centers)?;
        }
        self.inertia(centers)
    }
}
