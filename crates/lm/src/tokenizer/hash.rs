//! A hash of short texts and pairs: quick, and keyed afresh in every process, so that no file can aim
//! its tokens at one slot.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash {
    keys: [u64; 2],
}

impl Hash {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self { keys: [state.hash_one(1_u8), state.hash_one(2_u8) | 1] }
    }

    pub(super) fn bytes(&self, text: &[u8]) -> u64 {
        let mut hash = self.keys[0] ^ text.len() as u64;
        let mut rest = text;
        while let Some((head, tail)) = rest.split_first_chunk::<8>() {
            if tail.is_empty() {
                break;
            }
            hash = fold(hash ^ u64::from_le_bytes(*head), self.keys[1]);
            rest = tail;
        }
        fold(hash ^ up_to_eight(rest), self.keys[1])
    }

    pub(super) fn pair(&self, left: u32, right: u32) -> u64 {
        fold(self.keys[0] ^ both(left, right), self.keys[1])
    }
}

/// Two tokens as one number.
pub(super) fn both(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// The two halves of a product in one: each bit of the result hangs on all bits of both.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// At most eight bytes as one number; the length, which is hashed too, tells equal numbers apart.
fn up_to_eight(text: &[u8]) -> u64 {
    if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        return both(u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
    }
    text.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_of_every_length_and_their_prefixes_have_hashes_of_their_own() {
        let hash = Hash::new();
        let text = [7_u8; 70];
        let hashes: HashSet<u64> = (0..=70).map(|len| hash.bytes(&text[..len])).collect();
        assert_eq!(hashes.len(), 71);
    }

    #[test]
    fn a_changed_byte_changes_the_hash() {
        let hash = Hash::new();
        for len in 1..40 {
            let text = vec![b'a'; len];
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'b';
                assert_ne!(hash.bytes(&text), hash.bytes(&other), "byte {at} of {len}");
            }
        }
    }
}
