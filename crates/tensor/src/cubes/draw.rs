//! Which columns and rows a cube is made of: a function of (seed, cube, layer) and of nothing else.
//!
//! The generator is Philox 4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", 2011; `numpy.random.Philox` is the same), which needs no state: its key is
//! (seed, 0) and its counter (block, layer, cube, axis), so no two layers ever share a number.
//! Each block of four 64-bit words gives eight 32-bit numbers, the low half of a word first.
//! Lemire's method makes them whole numbers below a bound without bias, and the first `k` steps of a
//! Fisher-Yates shuffle of `0..n` make those a sample without replacement.

/// What is drawn; the most significant word of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Columns = 0,
    Rows = 1,
}

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const KEY_STEPS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;
/// 32-bit numbers of a block.
const BLOCK: usize = 8;

/// One block of Philox 4x64-10.
#[inline]
fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    for _ in 0..ROUNDS {
        let first = u128::from(MULTIPLIERS[0]) * u128::from(counter[0]);
        let second = u128::from(MULTIPLIERS[1]) * u128::from(counter[2]);
        counter = [
            (second >> 64) as u64 ^ counter[1] ^ key[0],
            second as u64,
            (first >> 64) as u64 ^ counter[3] ^ key[1],
            first as u64,
        ];
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    counter
}

/// The random numbers of one layer of one cube.
struct Numbers<'a> {
    seed: u64,
    /// The counter of the next block.
    counter: [u64; 4],
    ahead: &'a mut [u32],
    used: usize,
}

impl<'a> Numbers<'a> {
    /// Makes as many numbers at a time as `ahead`, whole blocks, has room for: blocks do not depend on
    /// each other, so the CPU works on several at once.
    fn new(seed: u64, [cube, layer]: [u64; 2], axis: Axis, ahead: &'a mut [u32]) -> Self {
        let used = ahead.len();
        Self { seed, counter: [0, layer, cube, axis as u64], ahead, used }
    }

    #[inline(always)]
    fn next(&mut self) -> u32 {
        if self.used == self.ahead.len() {
            self.refill();
        }
        self.used += 1;
        self.ahead[self.used - 1]
    }

    fn refill(&mut self) {
        for block in self.ahead.as_chunks_mut::<BLOCK>().0 {
            let words = philox(self.counter, [self.seed, 0]);
            for (pair, word) in block.as_chunks_mut::<2>().0.iter_mut().zip(words) {
                *pair = [word as u32, (word >> 32) as u32];
            }
            self.counter[0] += 1;
        }
        self.used = 0;
    }

    /// A whole number below `bound`, each as likely as the others.
    #[inline(always)]
    fn below(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.next()) * u64::from(bound);
        if (product as u32) < bound {
            let unfair = bound.wrapping_neg() % bound;
            while (product as u32) < unfair {
                product = u64::from(self.next()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }
}

/// Draws samples without replacement of `0..n`.
///
/// What a sample moves is put back after it, so that a sample costs its own size, not `n`.
pub(super) struct Picker {
    /// Each number at its own place, between samples.
    places: Vec<u32>,
    swapped_with: Vec<u32>,
    ahead: Vec<u32>,
}

impl Picker {
    /// Of `0..n`; at most `most` at a time.
    pub(super) fn new(n: u32, most: usize) -> Self {
        let ahead = vec![0; most.div_ceil(BLOCK).max(1) * BLOCK];
        Self { places: (0..n).collect(), swapped_with: vec![0; most], ahead }
    }

    /// Fills `picks` for a (cube, layer), in the order of the draws.
    ///
    /// # Panics
    /// Where `picks` is longer than `n` or `most`.
    pub(super) fn pick(&mut self, seed: u64, of: [u64; 2], axis: Axis, picks: &mut [u32]) {
        let swapped_with = &mut self.swapped_with[..picks.len()];
        let places = &mut self.places[..];
        assert!(picks.len() <= places.len(), "as many as there are");
        let mut numbers = Numbers::new(seed, of, axis, &mut self.ahead);
        for (step, (pick, other)) in picks.iter_mut().zip(swapped_with.iter_mut()).enumerate() {
            *other = step as u32 + numbers.below((places.len() - step) as u32);
            *pick = places[*other as usize];
            places[*other as usize] = places[step];
        }
        // A place below the last step is not read again, so only what stands beyond was moved.
        for (step, &other) in swapped_with.iter().enumerate() {
            places[step] = step as u32;
            places[other as usize] = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_numbers_of_its_authors() {
        let digits_of_pi = (
            [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89],
            [0x452821e638d01377, 0xbe5466cf34e90c6c],
        );
        let expected =
            [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6];
        assert_eq!(philox(digits_of_pi.0, digits_of_pi.1), expected);
    }

    #[test]
    fn a_sample_has_no_number_twice_and_is_the_same_whatever_was_drawn_before() {
        let mut picker = Picker::new(50, 50);
        let mut draw = |cube, layer| {
            let mut picks = [0; 50];
            picker.pick(7, [cube, layer], Axis::Columns, &mut picks);
            picks
        };
        let first = draw(3, 1);
        let mut sorted = first;
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(index, &pick)| pick == index as u32));
        assert_ne!(draw(3, 2), first);
        assert_ne!(draw(4, 1), first);
        assert_eq!(draw(3, 1), first);
    }

    #[test]
    fn every_number_is_drawn_about_as_often_at_every_place() {
        let (n, cubes) = (7, 70_000);
        let mut picker = Picker::new(n, 3);
        let mut counts = [[0u32; 7]; 3];
        for cube in 0..cubes {
            let mut picks = [0; 3];
            picker.pick(1, [cube, 0], Axis::Rows, &mut picks);
            for (count, pick) in counts.iter_mut().zip(picks) {
                count[pick as usize] += 1;
            }
        }
        // Six standard deviations of a binomial with mean 10,000.
        let off = counts.iter().flatten().map(|&count| count.abs_diff(10_000)).max();
        assert!(off.unwrap() < 560, "{counts:?}");
    }
}
