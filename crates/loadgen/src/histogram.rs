//! Latencies in buckets of at most 1/64 relative width, whatever their size.

const SUB_BITS: u32 = 6;
const SUB: usize = 1 << SUB_BITS;
const BUCKETS: usize = (65 - SUB_BITS as usize) * SUB;

/// Counts of durations in nanoseconds; percentiles are right to 1.6 %.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
    sum: u128,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max: 0, sum: 0 }
    }
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.max = self.max.max(nanoseconds);
        self.sum += u128::from(nanoseconds);
    }

    /// Adds every duration of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.total += other.total;
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest, in nanoseconds.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean in nanoseconds, 0 of nothing.
    pub fn mean(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.sum as f64 / self.total as f64 }
    }

    /// The smallest bucket bound that at least `share` (0 to 1) of the durations do not pass, in
    /// nanoseconds; 0 of nothing.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_bound(index).min(self.max);
            }
        }
        0
    }
}

/// Values below 64 have a bucket each; above, each power of two has 64.
fn bucket(value: u64) -> usize {
    let shift = (63 - (value | 1).leading_zeros()).saturating_sub(SUB_BITS);
    (shift as usize) * SUB + (value >> shift) as usize
}

fn upper_bound(index: usize) -> u64 {
    let shift = (index / SUB).saturating_sub(1);
    let step = (index - shift * SUB) as u64;
    ((step + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_in_a_bucket_that_bounds_it_within_a_64th() {
        let values = (0..2000).chain((1..57).map(|bit| (1u64 << bit) + (1u64 << (bit / 2))));
        for value in values {
            let bound = upper_bound(bucket(value));
            assert!(bound >= value, "{value} is above its bound {bound}");
            assert!(bound - value <= value / 64 + 1, "{value} has the loose bound {bound}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        (1..=1000u64).rev().for_each(|value| histogram.record(value * 1000));
        for (share, exact) in [(0.5, 500_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let got = histogram.quantile(share) as f64;
            assert!((got / exact - 1.0).abs() < 0.02, "{share}: {got} for {exact}");
        }
        assert_eq!(histogram.max(), 1_000_000);
        assert!((histogram.mean() - 500_500.0).abs() < 1.0);
    }

    #[test]
    fn merging_is_recording_all_in_one() {
        let (mut left, mut right, mut both) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 0..500u64 {
            let side = if value % 3 == 0 { &mut left } else { &mut right };
            side.record(value * value);
            both.record(value * value);
        }
        left.merge(&right);
        assert_eq!(left.counts, both.counts);
        assert_eq!((left.count(), left.max()), (both.count(), both.max()));
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
