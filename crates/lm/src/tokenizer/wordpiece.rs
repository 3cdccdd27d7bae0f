//! WordPiece: each word becomes the longest tokens that it begins with, one after another.

use super::bert::{self, Normal};
use super::vocabulary::{Index, Kind, NONE, Vocabulary};
use crate::LmError;

/// Characters of the longest word that is not unknown, where a file does not say.
pub(super) const CHARS_MAX: usize = 100;

/// Reads a vocabulary, a token at a time. A token that begins a word is kept with a space in front, one
/// that goes on with a word without, whatever the file writes.
#[derive(Debug)]
pub(super) struct Builder {
    vocabulary: Vocabulary,
    index: Index,
}

/// A tokenizer by WordPiece.
#[derive(Debug)]
pub(super) struct WordPiece {
    pub(super) index: Index,
    unknown: u32,
    chars_max: usize,
    normal: Normal,
}

impl Builder {
    pub(super) fn new(tokens: usize) -> Self {
        Self { vocabulary: Vocabulary::with_capacity(tokens), index: Index::with_capacity(tokens) }
    }

    /// How many tokens there are so far.
    pub(super) fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Adds the next token, which may `begin` a word or go on with one.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where an earlier one has its text.
    pub(super) fn push(&mut self, kind: Kind, text: &[u8], begin: bool) -> Result<u32, LmError> {
        let of_words = kind == Kind::Normal && !text.is_empty();
        let token = self.vocabulary.push(kind, |arena| {
            if begin && of_words {
                arena.push(b' ');
            }
            arena.extend_from_slice(text);
        })?;
        if of_words {
            self.index.insert_new(&self.vocabulary, token)?;
        }
        Ok(token)
    }

    /// A tokenizer to which words of more than `chars_max` characters are `unknown`.
    pub(super) fn finish(
        self,
        unknown: u32,
        chars_max: usize,
        normal: Normal,
    ) -> (Vocabulary, WordPiece) {
        (self.vocabulary, WordPiece { index: self.index, unknown, chars_max, normal })
    }
}

impl WordPiece {
    /// Appends the tokens of a text between special tokens.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str, out: &mut Vec<u32>) {
        bert::words(text, self.normal, |word| self.encode_word(vocabulary, word, out));
    }

    /// Appends the tokens of a word, which has a space in front.
    fn encode_word(&self, vocabulary: &Vocabulary, word: &str, out: &mut Vec<u32>) {
        let before = out.len();
        let mut rest = word;
        // The word is no longer than that, so that its longest tokens are found in bounded time.
        let known = word.chars().count() <= self.chars_max.saturating_add(1);
        while known && !rest.is_empty() {
            let Some((token, len)) = self.longest(vocabulary, rest) else { break };
            out.push(token);
            rest = &rest[len..];
        }
        if !rest.is_empty() {
            out.truncate(before);
            out.push(self.unknown);
        }
    }

    /// The longest token that `text` begins with, and its length.
    fn longest(&self, vocabulary: &Vocabulary, text: &str) -> Option<(u32, usize)> {
        let ends = (1..=text.len()).rev().filter(|&end| text.is_char_boundary(end));
        ends.map(|end| (self.index.find(vocabulary, &text.as_bytes()[..end]), end))
            .find(|&(token, _)| token != NONE)
    }
}
