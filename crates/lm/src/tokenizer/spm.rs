//! Byte-pair encoding over characters, with `▁` for spaces and tokens for single bytes: SentencePiece's.

use super::bpe::{Bpe, Memo, Normal, Symbols};
use super::fallback::{Fallback, byte_tokens};
use super::pretokenize::{Joints, Split};
use super::rules::Rules;
use super::vocabulary::{Index, Kind, NONE, Vocabulary};
use crate::LmError;

/// SentencePiece's mark of a space, U+2581.
pub(super) const SPACE_MARK: &str = "▁";

/// Reads a vocabulary, a token at a time. Control tokens, the unknown one and bytes are never merged
/// into, whatever their names.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) vocabulary: Vocabulary,
    pub(super) index: Index,
    joints: Joints,
    marked: bool,
}

/// What is the same for the whole vocabulary.
#[derive(Debug)]
pub(super) struct Settings {
    /// The token of text that no other writes.
    pub(super) unknown: Option<u32>,
    /// Whether a run of such text is one token.
    pub(super) fuse: bool,
    pub(super) normal: Normal,
    /// How text falls into words, if not just anywhere between tokens.
    pub(super) split: Option<Split>,
}

impl Builder {
    /// A builder of `tokens` tokens, whose texts have `▁` for spaces if they are `marked`.
    pub(super) fn new(tokens: usize, marked: bool) -> Self {
        Self {
            vocabulary: Vocabulary::with_capacity(tokens),
            index: Index::with_capacity(tokens),
            joints: Joints::default(),
            marked,
        }
    }

    /// Adds the next token.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where an earlier one has its text, or a byte token's name is of no byte.
    pub(super) fn push(&mut self, kind: Kind, text: &[u8]) -> Result<u32, LmError> {
        let byte = if kind == Kind::Byte { Some(byte_named(text)?) } else { None };
        // In marked text a space is written `▁`: a token with a space is of no text.
        let stray = self.marked && kind == Kind::Normal && text.contains(&b' ');
        let kind = if stray { Kind::Unused } else { kind };
        let marked = self.marked && !kind.is_special();
        let token = self.vocabulary.push(kind, |arena| match byte {
            Some(byte) => arena.push(byte),
            None if marked => push_spaced(text, arena),
            None => arena.extend_from_slice(text),
        })?;
        if kind == Kind::Normal {
            self.index.insert_new(&self.vocabulary, token)?;
            self.joints.add(self.vocabulary.text(token));
        }
        Ok(token)
    }

    /// Lets tokens that are found before any merging be merged into as well, which matters beside
    /// others that overlap them. Comes after the last token.
    pub(super) fn index_user_defined(&mut self) {
        for (token, kind, text) in self.vocabulary.tokens() {
            if kind == Kind::UserDefined {
                self.index.insert(&self.vocabulary, token);
                self.joints.add(text);
            }
        }
    }

    /// # Errors
    /// [`LmError::Missing`] where text may occur that no token stands for.
    pub(super) fn finish(
        self,
        rules: Rules,
        settings: Settings,
    ) -> Result<(Vocabulary, Bpe), LmError> {
        let bytes = byte_tokens(&self.vocabulary);
        let all = bytes.as_ref().is_some_and(|bytes| !bytes.contains(&NONE));
        if !all && settings.unknown.is_none() {
            let what = "token for what no other writes, such as";
            return Err(LmError::Missing { what, name: "<unk>".into() });
        }
        let model = Bpe {
            index: self.index,
            rules,
            symbols: Symbols::Chars,
            fallback: Fallback::new(bytes, settings.unknown, settings.fuse),
            split: settings.split.unwrap_or(Split::Joints(self.joints)),
            normal: settings.normal,
            ignore_merges: false,
            memo: Memo::new(self.vocabulary.len()),
        };
        Ok((self.vocabulary, model))
    }
}

/// Appends `text` with `▁` as a space: most have one in front, and no other.
pub(super) fn push_spaced(text: &[u8], arena: &mut Vec<u8>) {
    let mark = SPACE_MARK.as_bytes();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(mark) {
        arena.push(b' ');
        rest = after;
    }
    while let Some(at) = rest.iter().position(|&byte| byte == mark[0]) {
        arena.extend_from_slice(&rest[..at]);
        let after = rest[at..].strip_prefix(mark);
        arena.push(if after.is_some() { b' ' } else { mark[0] });
        rest = after.unwrap_or(&rest[at + 1..]);
    }
    arena.extend_from_slice(rest);
}

/// The byte that a token named `<0xNN>` stands for.
pub(super) fn byte_of(name: &[u8]) -> Option<u8> {
    let digits = name.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    let &[high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn byte_named(text: &[u8]) -> Result<u8, LmError> {
    byte_of(text).ok_or_else(|| LmError::Invalid {
        name: "the text of a token of type byte".into(),
        expected: "<0x00> to <0xFF>".into(),
        got: format!("{:?}", String::from_utf8_lossy(text)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_by_their_names() {
        assert_eq!(byte_of(b"<0x0A>"), Some(10));
        assert_eq!(byte_of(b"<0xff>"), Some(255));
        for name in [&b"<0x0>"[..], b"<0x000>", b"0x0A", b"<0x+1>", b"<0xGG>", b""] {
            assert_eq!(byte_of(name), None);
        }
    }

    #[test]
    fn marks_become_spaces() {
        for text in ["▁▁a▁b▁", "▁", "", "a", "\u{2580}▁\u{2582}", "é▁é"] {
            let mut arena = b"x".to_vec();
            push_spaced(text.as_bytes(), &mut arena);
            assert_eq!(arena, ["x", &text.replace('▁', " ")].concat().as_bytes());
        }
        let mut arena = Vec::new();
        push_spaced(b"\xe2\x96a\xe2", &mut arena);
        assert_eq!(arena, b"\xe2\x96a\xe2");
    }
}
