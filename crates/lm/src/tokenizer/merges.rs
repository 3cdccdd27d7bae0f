//! A list of merges, read against the vocabulary.

use super::merge::Join;
use super::rules::{Ranks, Rules};
use super::vocabulary::{Index, NONE, Vocabulary};
use crate::LmError;

/// Gathers the merges of a list.
#[derive(Debug)]
pub(super) struct Merges {
    ranks: Ranks,
    count: u32,
    pair: Vec<u8>,
}

impl Merges {
    /// Room for `len` merges.
    pub(super) fn with_capacity(len: usize) -> Self {
        Self { ranks: Ranks::with_capacity(len), count: 0, pair: Vec::new() }
    }

    /// Adds a merge, after those that were added before it. `write` appends what a token's text writes,
    /// and says whether it is one.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where one of them, or what they become, is not in the vocabulary.
    pub(super) fn push(
        &mut self,
        (vocabulary, index): (&Vocabulary, &Index),
        (left, right): (&[u8], &[u8]),
        write: impl Fn(&[u8], &mut Vec<u8>) -> bool,
    ) -> Result<(), LmError> {
        self.pair.clear();
        let known = write(left, &mut self.pair);
        let middle = self.pair.len();
        let known = known & write(right, &mut self.pair);
        let token = index.find(vocabulary, &self.pair);
        let first = index.find(vocabulary, &self.pair[..middle]);
        let second = index.find(vocabulary, &self.pair[middle..]);
        if !known || [first, second, token].contains(&NONE) {
            let shown = [left, right].map(String::from_utf8_lossy);
            return Err(LmError::Invalid {
                name: format!("merge {}", self.count),
                expected: "two tokens that together are a third".into(),
                got: format!("{:?} and {:?}", shown[0], shown[1]),
            });
        }
        self.ranks.insert(first, second, Join { order: self.count, token });
        self.count += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Rules {
        Rules::Ranks(self.ranks)
    }
}

/// The two parts of a merge that is written with a space between them. The first has one byte at least.
pub(super) fn parts(merge: &[u8]) -> (&[u8], &[u8]) {
    let space = merge.iter().skip(1).position(|&byte| byte == b' ').map(|at| at + 1);
    let (left, right) = merge.split_at(space.unwrap_or(merge.len()));
    (left, right.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_falls_apart_at_its_space() {
        assert_eq!(parts("Ġ t".as_bytes()), ("Ġ".as_bytes(), &b"t"[..]));
        assert_eq!(parts(b" a"), (&b" a"[..], &b""[..]));
        assert_eq!(parts(b""), (&b""[..], &b""[..]));
    }
}
