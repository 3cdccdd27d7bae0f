//! Byte-level byte-pair encoding, for every file that holds it.

use super::alphabet;
use super::bpe::{Bpe, Memo, Normal, Symbols};
use super::fallback::Fallback;
use super::pretokenize::Split;
use super::rules::Rules;
use super::vocabulary::{Index, Kind, NONE, Vocabulary};
use crate::LmError;

/// Reads a vocabulary, a token at a time, whose texts are written in GPT-2's alphabet.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) vocabulary: Vocabulary,
    pub(super) index: Index,
}

/// What is the same for the whole vocabulary.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) split: Split,
    pub(super) normal: Normal,
    pub(super) ignore_merges: bool,
    /// The token of bytes that have none; without it they are left out.
    pub(super) unknown: Option<u32>,
}

impl Builder {
    pub(super) fn new(tokens: usize) -> Self {
        Self { vocabulary: Vocabulary::with_capacity(tokens), index: Index::with_capacity(tokens) }
    }

    /// Adds the next token. Names of special tokens, and texts that are not of the alphabet, stand for
    /// themselves, and do not come of bytes.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where an earlier one has its text.
    pub(super) fn push(&mut self, kind: Kind, text: &[u8]) -> Result<u32, LmError> {
        let mut of_bytes = false;
        let token = self.vocabulary.push(kind, |arena| {
            of_bytes = kind == Kind::Normal && write(text, arena);
            if !of_bytes {
                arena.extend_from_slice(text);
            }
        })?;
        if of_bytes {
            self.index.insert_new(&self.vocabulary, token)?;
        }
        Ok(token)
    }

    /// # Errors
    /// [`LmError::Missing`] where no byte has a token.
    pub(super) fn finish(
        self,
        rules: Rules,
        settings: Settings,
    ) -> Result<(Vocabulary, Bpe), LmError> {
        let Self { vocabulary, index } = self;
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
            rules,
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

/// Appends the bytes that a text of the alphabet stands for; whether it is one.
pub(super) fn write(text: &[u8], arena: &mut Vec<u8>) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| alphabet::decode(text, arena))
}
