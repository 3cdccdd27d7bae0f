//! Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011;
//! the `philox_4x32_10` of cuRAND and TensorFlow), several blocks side by side.

/// Blocks made side by side.
pub(super) const LANES: usize = 16;
/// 32-bit words of a block.
pub(super) const WORDS: usize = 4;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;

/// The words of a number of blocks: word `w` of block `b` is at `[w][b]`.
pub(super) type Blocks<const N: usize> = [[u32; N]; WORDS];

/// The blocks of the counters given.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "one index of four arrays")]
pub(super) fn philox<const N: usize>(mut words: Blocks<N>, key: [u32; 2]) -> Blocks<N> {
    for round in 0..ROUNDS {
        let key: [u32; 2] =
            std::array::from_fn(|i| key[i].wrapping_add(KEY_STEPS[i].wrapping_mul(round)));
        for lane in 0..N {
            let first = u64::from(MULTIPLIERS[0]) * u64::from(words[0][lane]);
            let second = u64::from(MULTIPLIERS[1]) * u64::from(words[2][lane]);
            words[0][lane] = (second >> 32) as u32 ^ words[1][lane] ^ key[0];
            words[1][lane] = second as u32;
            words[2][lane] = (first >> 32) as u32 ^ words[3][lane] ^ key[1];
            words[3][lane] = first as u32;
        }
    }
    words
}

/// The blocks from `LANES * group` on, of a seed and a counter.
#[inline(always)]
pub(super) fn group(seed: u64, counter: u64, group: u64) -> Blocks<LANES> {
    let block = |lane: usize| group * LANES as u64 + lane as u64;
    let counters = [
        std::array::from_fn(|lane| block(lane) as u32),
        std::array::from_fn(|lane| (block(lane) >> 32) as u32),
        [counter as u32; LANES],
        [(counter >> 32) as u32; LANES],
    ];
    philox(counters, [seed as u32, (seed >> 32) as u32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_numbers_of_its_authors() {
        let one =
            |counter: [u32; 4], key| philox(counter.map(|word| [word]), key).map(|[word]| word);
        assert_eq!(one([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            one([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
        let digits_of_pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
        assert_eq!(
            one(digits_of_pi, [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }
}
