//! Byte-pair encoding: text falls into words, words into symbols, and neighbours are merged.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};

use super::fallback::Fallback;
use super::merge::{Merger, Symbol};
use super::pretokenize::Split;
use super::rules::{Rules, WordRules};
use super::vocabulary::{Index, NONE, Vocabulary};

/// Longer words are cut, so that their bytes can be counted in 32 bits.
const WORD_MAX: usize = 1 << 30;

/// A tokenizer by byte-pair encoding. Tokens hold spaces as spaces and bytes as bytes, whatever their
/// file writes instead.
#[derive(Debug)]
pub(super) struct Bpe {
    pub(super) index: Index,
    pub(super) rules: Rules,
    pub(super) symbols: Symbols,
    pub(super) fallback: Fallback,
    pub(super) split: Split,
    pub(super) normal: Normal,
    /// Whether a word that is a token becomes it without further ado.
    pub(super) ignore_merges: bool,
    pub(super) memo: Memo,
}

/// What a word is made of at first.
#[derive(Debug)]
pub(super) enum Symbols {
    /// Characters.
    Chars,
    /// Bytes, with the token of each.
    Bytes(Box<[u32; 256]>),
}

/// What is done to text before it is split.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Normal {
    pub(super) prefix: Prefix,
    /// Unicode's canonical composition.
    pub(super) compose: bool,
}

/// Where a space is put before text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefix {
    #[default]
    Never,
    /// Before each text between special tokens.
    Always,
    /// Before each text between special tokens that does not begin with one.
    Missing,
    /// The same, at the very beginning only.
    MissingFirst,
}

/// Which tokens' texts become the token itself, as far as it has been asked: most words are such, and
/// one look-up does for them. Threads may both find out the same.
#[derive(Debug)]
pub(super) struct Memo(Box<[AtomicU8]>);

const UNKNOWN: u8 = 0;
const ITSELF: u8 = 1;
const OTHERS: u8 = 2;

impl Memo {
    pub(super) fn new(tokens: usize) -> Self {
        Self((0..tokens).map(|_| AtomicU8::new(UNKNOWN)).collect())
    }
}

impl Bpe {
    /// Appends the tokens of a text between special tokens.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        first: bool,
        merger: &mut Merger,
        out: &mut Vec<u32>,
    ) {
        let text = self.normal.apply(text, first);
        let mut run = None;
        for word in self.split.words(&text) {
            self.encode_word(vocabulary, word, merger, out, &mut run);
        }
    }

    fn encode_word(
        &self,
        vocabulary: &Vocabulary,
        word: &str,
        merger: &mut Merger,
        out: &mut Vec<u32>,
        run: &mut Option<usize>,
    ) {
        let whole = self.index.find(vocabulary, word.as_bytes());
        if whole == NONE {
            for part in parts(word) {
                self.merge(vocabulary, part, merger);
                self.write(part, merger, out, run);
            }
            return;
        }
        let memo = &self.memo.0[whole as usize];
        let mut known = if self.ignore_merges { ITSELF } else { memo.load(Ordering::Relaxed) };
        if known != ITSELF {
            self.merge(vocabulary, word, merger);
            let itself = matches!(merger.symbols[..], [Symbol { token, .. }] if token == whole);
            known = if itself { ITSELF } else { OTHERS };
            memo.store(known, Ordering::Relaxed);
        }
        if known == ITSELF { out.push(whole) } else { self.write(word, merger, out, run) }
    }

    /// Leaves in `merger` what the word becomes.
    fn merge(&self, vocabulary: &Vocabulary, word: &str, merger: &mut Merger) {
        let bytes = word.as_bytes();
        merger.symbols.clear();
        match &self.symbols {
            Symbols::Bytes(tokens) => {
                merger.symbols.extend((0_u32..).zip(bytes).map(|(start, &byte)| Symbol {
                    start,
                    end: start + 1,
                    token: tokens[byte as usize],
                }));
            }
            Symbols::Chars => merger.symbols.extend(word.char_indices().map(|(start, c)| {
                let end = start + c.len_utf8();
                let token = self.index.find(vocabulary, &bytes[start..end]);
                Symbol { start: start as u32, end: end as u32, token }
            })),
        }
        merger.run(&WordRules { rules: &self.rules, index: &self.index, vocabulary, word: bytes });
    }

    fn write(&self, word: &str, merger: &Merger, out: &mut Vec<u32>, run: &mut Option<usize>) {
        for symbol in &merger.symbols {
            if symbol.token != NONE {
                out.push(symbol.token);
            } else {
                let text = &word.as_bytes()[symbol.start as usize..symbol.end as usize];
                self.fallback.write(text, out, run);
            }
        }
    }
}

/// `word` in parts of at most [`WORD_MAX`] bytes.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = (0..=WORD_MAX.min(rest.len())).rev().find(|&end| rest.is_char_boundary(end));
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(part)
    })
}

impl Normal {
    fn apply(self, text: &str, first: bool) -> Cow<'_, str> {
        let mut text = Cow::Borrowed(text);
        if self.compose {
            text = super::normalize::compose(text);
        }
        let spaced = match self.prefix {
            Prefix::Never => true,
            Prefix::Always => false,
            Prefix::Missing => text.starts_with(' '),
            Prefix::MissingFirst => !first || text.starts_with(' '),
        };
        if !spaced {
            text = Cow::Owned([" ", &text].concat());
        }
        text
    }
}
