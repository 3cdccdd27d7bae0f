//! Blocks of a file to tiles.

use super::kinds::{Field, Kind, Place, TILE};

/// Writes the tile whose rows are `source`, one after the other and up to 16, each of `groups` blocks.
/// The rows that are missing stay what they are.
pub(super) fn pack<K: Kind>(source: &[u8], groups: usize, block: usize, tile: &mut [u8]) {
    let (numbers, scales) = tile.split_at_mut(groups * K::NUMBERS);
    let numbers = numbers.chunks_exact_mut(K::NUMBERS);
    let scales = scales.chunks_exact_mut(K::SCALES);
    for (group, (numbers, scales)) in numbers.zip(scales).enumerate() {
        for (row, source) in source.chunks_exact(groups * block).enumerate() {
            let block = &source[group * block..][..block];
            for field in K::FIELDS {
                move_field(field, block, row, numbers, scales);
            }
        }
    }
}

#[inline(always)]
fn move_field(field: &Field, block: &[u8], row: usize, numbers: &mut [u8], scales: &mut [u8]) {
    let words = |to: &mut [u8], change: &dyn Fn(u32) -> u32| {
        let to = to[..field.count * TILE * 4].as_chunks_mut::<4>().0;
        let words = block[field.from..][..field.count * 4].as_chunks::<4>().0;
        for (to, &word) in to.iter_mut().skip(row).step_by(TILE).zip(words) {
            *to = change(u32::from_le_bytes(word)).to_le_bytes();
        }
    };
    match field.to {
        Place::Words(at) => words(&mut numbers[at..], &|word| word),
        Place::Signed(at) => words(&mut numbers[at..], &|word| word ^ 0x8080_8080),
        Place::Bits(at) => words(&mut numbers[at..], &transposed_bits),
        Place::ScaleWords(at) => words(&mut scales[at..], &|word| word),
        Place::ScaleHalves(at) => {
            let to = &mut scales[at + 2 * row..][..2];
            to.copy_from_slice(&block[field.from..][..2]);
        }
        Place::ScaleBytes(at) => {
            let bytes = &block[field.from..][..field.count];
            for (to, &byte) in scales[at + row..].iter_mut().step_by(TILE).zip(bytes) {
                *to = byte;
            }
        }
    }
}

/// Bit `4 k + i` of `word` as bit `k` of byte `i`.
fn transposed_bits(word: u32) -> u32 {
    // Each exchange swaps two of the five bits of a bit's place, whose order is (k2 k1 k0 i1 i0) at first.
    let exchange = |word: u32, mask: u32, by: u32| {
        let differ = (word >> by ^ word) & mask;
        word ^ differ ^ differ << by
    };
    let word = exchange(word, 0x0A0A_0A0A, 3); // (k2 k1 i0 i1 k0)
    let word = exchange(word, 0x00CC_00CC, 6); // (k2 i1 i0 k1 k0)
    let word = exchange(word, 0x0000_F0F0, 12); // (i1 k2 i0 k1 k0)
    exchange(word, 0x0000_FF00, 8) // (i1 i0 k2 k1 k0)
}

#[cfg(test)]
mod tests {
    use super::transposed_bits;

    #[test]
    fn bits_are_transposed() {
        for k in 0..8 {
            for i in 0..4 {
                assert_eq!(transposed_bits(1 << (4 * k + i)), 1 << (8 * i + k), "{k} {i}");
            }
        }
    }
}
