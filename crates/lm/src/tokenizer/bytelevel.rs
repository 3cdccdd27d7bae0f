//! Byte-level byte-pair encoding, for every file that holds it.

use super::alphabet;
use super::bpe::{Bpe, Memo, Normal, Symbols};
use super::fallback::Fallback;
use super::merge::Join;
use super::pretokenize::Split;
use super::rules::{Ranks, Rules};
use super::vocabulary::{Index, Kind, NONE, Vocabulary};
use crate::LmError;

/// Reads vocabulary and merges, which are written in GPT-2's alphabet.
#[derive(Debug)]
pub(super) struct Builder {
    vocabulary: Vocabulary,
    index: Index,
    ranks: Ranks,
    merges: u32,
    pair: Vec<u8>,
}

/// What is the same for the whole vocabulary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) split: Split,
    pub(super) normal: Normal,
    pub(super) ignore_merges: bool,
    pub(super) unknown: Option<u32>,
}

/// Appends what a token writes: the bytes that its characters stand for. Names of special tokens, and
/// texts that are not of the alphabet, stand for themselves; whether the token can come of bytes.
pub(super) fn write(kind: Kind, text: &[u8], arena: &mut Vec<u8>) -> bool {
    if kind == Kind::Normal
        && std::str::from_utf8(text).is_ok_and(|text| alphabet::decode(text, arena))
    {
        return true;
    }
    arena.extend_from_slice(text);
    false
}

impl Builder {
    /// A builder of merges over a vocabulary, of which `index` finds what bytes may become.
    pub(super) fn new(vocabulary: Vocabulary, index: Index, merges: usize) -> Self {
        let ranks = Ranks::with_capacity(merges);
        Self { vocabulary, index, ranks, merges: 0, pair: Vec::new() }
    }

    /// Adds the merge of two tokens, each in the alphabet; those added first come first.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where one of them, or what they become, is not in the vocabulary.
    pub(super) fn merge(&mut self, left: &[u8], right: &[u8]) -> Result<(), LmError> {
        self.pair.clear();
        let texts = [left, right].map(|text| std::str::from_utf8(text).unwrap_or("\u{fffd}"));
        let mut known = alphabet::decode(texts[0], &mut self.pair);
        let middle = self.pair.len();
        known &= alphabet::decode(texts[1], &mut self.pair);
        let find = |text: &[u8]| self.index.find(&self.vocabulary, text);
        let (left, right) = (find(&self.pair[..middle]), find(&self.pair[middle..]));
        let token = find(&self.pair);
        if !known || [left, right, token].contains(&NONE) {
            return Err(LmError::Invalid {
                name: format!("merge {}", self.merges),
                expected: "two tokens that together are a third".into(),
                got: format!("{:?} and {:?}", texts[0], texts[1]),
            });
        }
        self.ranks.insert(left, right, Join { order: self.merges, token });
        self.merges += 1;
        Ok(())
    }

    /// # Errors
    /// [`LmError::Missing`] where no byte has a token.
    pub(super) fn finish(self, settings: Settings) -> Result<(Vocabulary, Bpe), LmError> {
        let Self { vocabulary, index, ranks, .. } = self;
        let mut bytes = Box::new([NONE; 256]);
        for byte in 0..=u8::MAX {
            bytes[byte as usize] = index.find(&vocabulary, &[byte]);
        }
        if bytes.iter().all(|&token| token == NONE) {
            return Err(LmError::Missing { what: "token of one byte, such as", name: "a".into() });
        }
        let memo = Memo::new(vocabulary.len());
        let model = Bpe {
            index,
            rules: Rules::Ranks(ranks),
            symbols: Symbols::Bytes(bytes),
            fallback: Fallback::new(None, settings.unknown, false),
            split: settings.split,
            normal: settings.normal,
            ignore_merges: settings.ignore_merges,
            memo,
        };
        Ok((vocabulary, model))
    }
}
