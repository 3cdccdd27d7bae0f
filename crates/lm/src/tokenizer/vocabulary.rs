//! The tokens' texts, one after another in one arena, and the table that finds a text's token.

use super::hash::Hash;
use crate::LmError;

/// No token.
pub(super) const NONE: u32 = u32::MAX;

/// Most tokens that a vocabulary may have; slots of the table keep numbers in 24 bits.
const TOKENS_MAX: usize = (1 << 24) - 1;

/// The longest text that a token may have; those of real vocabularies end near 256 bytes.
const BYTES_MAX: usize = 4096;

/// What a token is for, numbered as in GGUF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Normal,
    /// Stands for text that no token writes.
    Unknown,
    /// Steers the model; writes nothing.
    Control,
    /// Text that is one token wherever it stands.
    UserDefined,
    /// Has no use yet.
    Unused,
    /// One byte of text that no other token writes.
    Byte,
}

impl Kind {
    pub(super) fn from_gguf(number: i64) -> Option<Self> {
        Some(match number {
            // 0 is "undefined", which files without kinds are full of.
            0 | 1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }

    /// Whether the token steers the model, and writes nothing.
    pub(super) fn is_special(self) -> bool {
        matches!(self, Self::Unknown | Self::Control)
    }
}

/// What each token writes, and its kind.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    arena: Vec<u8>,
    ends: Vec<u32>,
    kinds: Vec<Kind>,
}

impl Vocabulary {
    pub(super) fn with_capacity(tokens: usize) -> Self {
        Self {
            arena: Vec::with_capacity(tokens.saturating_mul(8)),
            ends: Vec::with_capacity(tokens),
            kinds: Vec::with_capacity(tokens),
        }
    }

    /// Adds a token, whose text `write` appends to the arena.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<u32, LmError> {
        let token = self.len();
        let start = self.arena.len();
        write(&mut self.arena);
        let bytes = self.arena.len() - start;
        if bytes > BYTES_MAX {
            return Err(LmError::Invalid {
                name: format!("the length of token {token}"),
                expected: format!("at most {BYTES_MAX} bytes"),
                got: bytes.to_string(),
            });
        }
        let end = u32::try_from(self.arena.len()).ok().filter(|_| token < TOKENS_MAX);
        let Some(end) = end else {
            return Err(LmError::Invalid {
                name: "the size of the vocabulary".into(),
                expected: format!("at most {TOKENS_MAX} tokens and 4 GiB"),
                got: format!("more than {token} tokens, {} bytes", self.arena.len()),
            });
        };
        self.ends.push(end);
        self.kinds.push(kind);
        Ok(token as u32)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What `token` writes; nothing for one that is not there.
    pub(super) fn text(&self, token: u32) -> &[u8] {
        let token = token as usize;
        let start = if token == 0 { 0 } else { self.ends.get(token - 1).copied().unwrap_or(0) };
        let end = self.ends.get(token).copied().unwrap_or(start);
        &self.arena[start as usize..end as usize]
    }

    pub(super) fn kind(&self, token: u32) -> Option<Kind> {
        self.kinds.get(token as usize).copied()
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = (u32, Kind, &[u8])> {
        (0_u32..).zip(&self.kinds).map(|(token, &kind)| (token, kind, self.text(token)))
    }
}

/// Finds a text's token: open addressing at half load, the texts staying in the arena.
#[derive(Debug)]
pub(super) struct Index {
    hash: Hash,
    /// A token in the lower 24 bits, and above them bits of its hash, so that the arena is read for
    /// equal texts only, but for one in 256. [`NONE`] is an empty slot.
    slots: Box<[u32]>,
    longest: usize,
}

impl Index {
    /// A table with room for `tokens`.
    pub(super) fn with_capacity(tokens: usize) -> Self {
        let slots = (tokens * 2).next_power_of_two();
        Self { hash: Hash::new(), slots: vec![NONE; slots].into_boxed_slice(), longest: 0 }
    }

    /// Adds a token of the vocabulary, unless its text is empty or has one already, which is returned.
    pub(super) fn insert(&mut self, vocabulary: &Vocabulary, token: u32) -> Option<u32> {
        let text = vocabulary.text(token);
        if text.is_empty() {
            return None;
        }
        let (slot, tag) = self.place(vocabulary, text);
        if self.slots[slot] != NONE {
            return Some(token_in(self.slots[slot]));
        }
        self.slots[slot] = tag | token;
        self.longest = self.longest.max(text.len());
        None
    }

    /// Adds a token whose text must be its own.
    pub(super) fn insert_new(
        &mut self,
        vocabulary: &Vocabulary,
        token: u32,
    ) -> Result<(), LmError> {
        match self.insert(vocabulary, token) {
            None => Ok(()),
            Some(earlier) => Err(LmError::Invalid {
                name: format!("the text of token {token}"),
                expected: "one of its own".into(),
                got: format!("that of token {earlier}"),
            }),
        }
    }

    /// The token that writes `text`, or [`NONE`].
    pub(super) fn find(&self, vocabulary: &Vocabulary, text: &[u8]) -> u32 {
        if text.len() > self.longest {
            return NONE;
        }
        match self.slots[self.place(vocabulary, text).0] {
            NONE => NONE,
            slot => token_in(slot),
        }
    }

    /// The slot that holds `text`, or the empty one where it would go, and the bits of its hash.
    fn place(&self, vocabulary: &Vocabulary, text: &[u8]) -> (usize, u32) {
        let hash = self.hash.bytes(text);
        let tag = ((hash >> 56) as u32) << 24;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            let alike = (slot ^ tag) >> 24 == 0;
            if slot == NONE || (alike && vocabulary.text(token_in(slot)) == text) {
                return (at, tag);
            }
            at = (at + 1) & mask;
        }
    }
}

fn token_in(slot: u32) -> u32 {
    slot & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(texts: &[&[u8]]) -> Vocabulary {
        let mut vocabulary = Vocabulary::with_capacity(texts.len());
        for text in texts {
            vocabulary.push(Kind::Normal, |arena| arena.extend_from_slice(text)).unwrap();
        }
        vocabulary
    }

    #[test]
    fn every_text_is_found_and_no_other() {
        let texts: Vec<Vec<u8>> = (0..5000).map(|i| format!("{i}").into_bytes()).collect();
        let slices: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let vocabulary = vocabulary(&slices);
        let mut index = Index::with_capacity(vocabulary.len());
        assert!((0..5000).all(|token| index.insert(&vocabulary, token).is_none()));
        for (token, text) in (0..).zip(&texts) {
            assert_eq!(index.find(&vocabulary, text), token);
            assert_eq!(vocabulary.text(token), text.as_slice());
        }
        for other in [b"5000".as_slice(), b"", b"a", b"00", b"12345"] {
            assert_eq!(index.find(&vocabulary, other), NONE);
        }
    }

    #[test]
    fn a_vocabulary_of_nothing_finds_nothing() {
        let empty = vocabulary(&[]);
        let index = Index::with_capacity(0);
        assert_eq!(index.find(&empty, b"a"), NONE);
        assert_eq!((empty.text(0), empty.text(7), empty.kind(0)), (&b""[..], &b""[..], None));
    }

    #[test]
    fn empty_texts_are_no_one_s_and_equal_ones_are_refused() {
        let vocabulary = vocabulary(&[b"", b"", b"a", b"a"]);
        let mut index = Index::with_capacity(vocabulary.len());
        assert!((0..3).all(|token| index.insert_new(&vocabulary, token).is_ok()));
        let error = index.insert_new(&vocabulary, 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the text of token 3 is that of token 2; expected one of its own"
        );
    }

    #[test]
    fn a_token_of_absurd_length_is_refused() {
        let mut vocabulary = Vocabulary::default();
        let error = vocabulary.push(Kind::Normal, |arena| arena.resize(5000, 0)).unwrap_err();
        assert_eq!(error.to_string(), "the length of token 0 is 5000; expected at most 4096 bytes");
    }
}
