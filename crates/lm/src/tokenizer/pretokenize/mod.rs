//! How text falls into words, each of which is encoded by itself. The published regular expressions,
//! written out: a general engine would take most of the time of encoding.

mod default;
mod gpt2;
mod joints;
mod tiktoken;

pub(super) use joints::Joints;

use super::unicode::{Class, Classes};

/// A way to split text.
#[derive(Debug)]
pub(super) enum Split {
    /// Where no token reaches across, for vocabularies that were made without words.
    Joints(Joints),
    /// Before each space.
    EachSpace,
    /// As GPT-2 does.
    Gpt2,
    /// Each digit for itself, the rest as GPT-2 does: StarCoder, SmolLM.
    DigitsGpt2,
    /// As llama.cpp does where a file does not say.
    Default,
    /// As Llama 3 does, with up to three digits in a piece.
    Llama3,
    /// As Qwen 2 does: Llama 3's, with one digit in a piece.
    Qwen2,
}

impl Split {
    /// The words of `text`, which together are the text.
    pub(super) fn words<'t>(&'t self, text: &'t str) -> Words<'t> {
        Words { split: self, classes: Classes::get(), text }
    }
}

/// What [`Split::words`] gives.
pub(super) struct Words<'t> {
    split: &'t Split,
    classes: &'static Classes,
    text: &'t str,
}

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.text.is_empty() {
            return None;
        }
        let end = match self.split {
            Split::Joints(joints) => joints.piece(self.text),
            Split::EachSpace => self
                .text
                .bytes()
                .skip(1)
                .position(|byte| byte == b' ')
                .map_or(self.text.len(), |at| at + 1),
            Split::Gpt2 => gpt2::piece(self.classes, self.text),
            Split::DigitsGpt2 => gpt2::piece_or_digit(self.classes, self.text),
            Split::Default => default::piece(self.classes, self.text),
            Split::Llama3 => tiktoken::piece(self.classes, self.text, 3),
            Split::Qwen2 => tiktoken::piece(self.classes, self.text, 1),
        };
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        Some(word)
    }
}

/// Bytes of the characters that `text` begins with whose class is `wanted`.
fn run(classes: &Classes, text: &str, wanted: impl Fn(Class) -> bool) -> usize {
    text.find(|c| !wanted(classes.of(c))).unwrap_or(text.len())
}

/// `\s+(?!\S)|\s+`: white space, whose last character goes with what follows if it is not alone.
fn spaces(classes: &Classes, text: &str) -> usize {
    let end = run(classes, text, |class| class == Class::Space);
    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
    if end == text.len() || end == last { end } else { end - last }
}
