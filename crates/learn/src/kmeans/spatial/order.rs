//! Rows in the order of a Morton curve, so that neighbours in the order are neighbours in space.

use std::ops::Range;
use std::sync::atomic::Ordering;

use ferrule_tensor::shared::{shared_i32, shared_u64};
use ferrule_tensor::{Float, MatrixView, Team};

use crate::LearnError;

/// Rows whose values tell how each feature is distributed.
const SAMPLE_ROWS: usize = 4096;
/// Equal intervals of a feature's range; each is looked up for its share of the key.
const BINS: usize = 4096;
/// Bits of a digit of the radix sort.
const DIGIT_BITS: usize = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
/// Bits of a key: two digits.
const KEY_BITS: usize = 2 * DIGIT_BITS;
/// Neighbouring cells are joined while they fill at most one in so many of a run's places.
const JOINED_SHARE: usize = 4;
/// Parts that are counted and moved each on its own.
const PARTS: usize = 32;

/// Writes to `order` the rows of `x` along the curve and returns their keys in that order; row
/// numbers must fit `i32`.
///
/// A feature is cut at quantiles of a sample, not into equal steps, so that neither outliers nor
/// dense spots leave most rows in few cells. Takes 12 bytes a row while it works.
pub(super) fn morton_order<T: Float>(
    x: MatrixView<T>,
    team: &Team,
    order: &mut [i32],
) -> Result<Vec<i32>, LearnError> {
    let part_rows = order.len().div_ceil(PARTS).max(1);
    write_keys(x, team, part_rows, order)?;
    let mut pairs = vec![0u64; order.len()];
    let cells = shared_u64(&mut pairs);
    let low_digit = |&key: &i32| key as usize % DIGITS;
    sort_by_digit(team, order, part_rows, low_digit, |row, &key, place| {
        cells[place].store((key as u64) << 32 | row as u64, Ordering::Relaxed);
    })?;
    let mut keys = vec![0; order.len()];
    let (rows, sorted) = (shared_i32(order), shared_i32(&mut keys));
    let high_digit = |&pair: &u64| (pair >> 32) as usize >> DIGIT_BITS;
    sort_by_digit(team, &pairs, part_rows, high_digit, |_, &pair, place| {
        rows[place].store(pair as i32, Ordering::Relaxed);
        sorted[place].store((pair >> 32) as i32, Ordering::Relaxed);
    })?;
    Ok(keys)
}

/// Cuts positions `range` of the sorted `keys` into runs of at most `max`, along the cells of the
/// curve: a cell that is too large is halved across one feature after another. Small neighbours
/// are joined.
pub(super) fn cells(keys: &[i32], range: Range<usize>, max: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut pending = vec![(range, KEY_BITS)];
    while let Some((cell, bits)) = pending.pop() {
        let joins = |last: &Range<usize>| last.len() + cell.len() <= max / JOINED_SHARE;
        if cell.is_empty() {
            continue;
        } else if cell.len() <= max && runs.last().is_some_and(joins) {
            runs.last_mut().expect("just seen").end = cell.end;
        } else if cell.len() <= max {
            runs.push(cell);
        } else if bits == 0 {
            let ends = cell.clone().step_by(max).skip(1).chain([cell.end]);
            runs.extend(cell.clone().step_by(max).zip(ends).map(|(start, end)| start..end));
        } else {
            let bit = bits - 1;
            let upper = keys[cell.clone()].partition_point(|key| key >> bit & 1 == 0);
            let middle = cell.start + upper;
            pending.extend([(middle..cell.end, bit), (cell.start..middle, bit)]);
        }
    }
    runs
}

/// The share of one feature in the key of a row.
struct Scale {
    low: f64,
    bins_per_unit: f64,
    /// The quantile cell of each bin, its bits spread to their places in the key.
    cells: Vec<u32>,
}

impl Scale {
    /// From a sample of column `col`, which is feature `place` of `count` in the key.
    fn new<T: Float>(x: MatrixView<T>, col: usize, place: usize, count: usize) -> Self {
        let step = x.rows().div_ceil(SAMPLE_ROWS).max(1);
        let mut sample: Vec<f64> =
            (0..x.rows()).step_by(step).map(|row| x.get(row, col).to_f64()).collect();
        sample.sort_unstable_by(f64::total_cmp);
        let trimmed = sample.len() / 256;
        let (low, high) = (sample[trimmed], sample[sample.len() - 1 - trimmed]);
        let bins_per_unit = (BINS - 1) as f64 / (high - low);
        let bins_per_unit = if bins_per_unit.is_finite() { bins_per_unit } else { 0.0 };
        let n_cells = 1usize << (KEY_BITS / count).min(BINS.ilog2() as usize);
        let cell_of = |bin: usize| {
            let bound = low + (bin as f64 + 0.5) / bins_per_unit;
            let below = sample.partition_point(|&value| value < bound);
            spread((below * n_cells / (sample.len() + 1)) as u32, place, count)
        };
        Self { low, bins_per_unit, cells: (0..BINS).map(cell_of).collect() }
    }

    fn key_bits<T: Float>(&self, value: T) -> u32 {
        let bin = (value.to_f64() - self.low) * self.bins_per_unit;
        // Float to integer conversion saturates, which is where outliers belong.
        self.cells[(bin as u32 as usize).min(BINS - 1)]
    }
}

/// Puts bit `i` of `cell` at bit `i * count + place`.
fn spread(cell: u32, place: usize, count: usize) -> u32 {
    let bits = (0..KEY_BITS / count).map(|bit| (cell >> bit & 1) << (bit * count + place));
    bits.fold(0, |key, bit| key | bit)
}

fn write_keys<T: Float>(
    x: MatrixView<T>,
    team: &Team,
    part_rows: usize,
    keys: &mut [i32],
) -> Result<(), LearnError> {
    let count = x.cols();
    let scales: Vec<Scale> = (0..count).map(|col| Scale::new(x, col, col, count)).collect();
    let mut parts: Vec<_> = keys.chunks_mut(part_rows).collect();
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut parts, &mut no_scratch, |part, keys, ()| {
        let start = part * part_rows;
        for (offset, key) in keys.iter_mut().enumerate() {
            let bits = |(col, scale): (usize, &Scale)| scale.key_bits(x.get(start + offset, col));
            *key = scales.iter().enumerate().map(bits).fold(0, |key, bits| key | bits) as i32;
        }
    })?;
    Ok(())
}

/// Calls `put(position, item, place)` with each item's place in the stable order by `digit`.
fn sort_by_digit<I: Sync>(
    team: &Team,
    items: &[I],
    part_rows: usize,
    digit: impl Fn(&I) -> usize + Sync,
    put: impl Fn(usize, &I, usize) + Sync,
) -> Result<(), LearnError> {
    let part_of = |part: usize| -> Range<usize> {
        part * part_rows..((part + 1) * part_rows).min(items.len())
    };
    let mut places = vec![vec![0u32; DIGITS]; items.len().div_ceil(part_rows)];
    let mut no_scratch = vec![(); team.n_threads()];
    team.for_each(&mut places, &mut no_scratch, |part, counts, ()| {
        items[part_of(part)].iter().for_each(|item| counts[digit(item)] += 1);
    })?;
    let mut next = 0;
    for value in 0..DIGITS {
        for counts in &mut places {
            next += std::mem::replace(&mut counts[value], next);
        }
    }
    team.for_each(&mut places, &mut no_scratch, |part, places, ()| {
        for position in part_of(part) {
            let item = &items[position];
            let place = &mut places[digit(item)];
            put(position, item, *place as usize);
            *place += 1;
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cover_the_range_in_order_and_none_is_too_large() {
        let mut keys: Vec<i32> =
            (0..5000).map(|i: i32| i.wrapping_mul(i * 2_654_435) & ((1 << KEY_BITS) - 1)).collect();
        keys[1000..3000].fill(77);
        keys.sort_unstable();
        for max in [1, 7, 128, 2048, 10_000] {
            let runs = cells(&keys, 10..4990, max);
            assert_eq!((runs[0].start, runs[runs.len() - 1].end), (10, 4990));
            assert!(runs.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(runs.iter().all(|run| (1..=max).contains(&run.len())));
        }
    }
}
