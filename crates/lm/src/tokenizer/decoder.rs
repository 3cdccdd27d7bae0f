//! Text out of tokens that come one at a time, whose bytes may end within a character.

use super::Tokenizer;

/// Turns tokens into text as they come: each push gives the characters that are complete. Bytes that can
/// be of no character become U+FFFD.
///
/// # Examples
/// See [`Tokenizer`].
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    text: String,
}

impl Decoder {
    /// A decoder of what follows other text: no space is taken from the front.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text that `token` completes; special tokens write none.
    pub fn push(&mut self, tokenizer: &Tokenizer, token: u32) -> &str {
        self.push_bytes(tokenizer.bytes_of(token).unwrap_or_default())
    }

    /// The text that `bytes` complete.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> &str {
        self.pending.extend_from_slice(bytes);
        self.text.clear();
        let mut done = 0;
        for chunk in self.pending.utf8_chunks() {
            self.text.push_str(chunk.valid());
            done += chunk.valid().len();
            if chunk.invalid().is_empty() || self.is_begun(done, chunk.invalid().len()) {
                break;
            }
            self.text.push(char::REPLACEMENT_CHARACTER);
            done += chunk.invalid().len();
        }
        self.pending.drain(..done);
        &self.text
    }

    /// What is left when no token follows: U+FFFD where a character has only begun.
    pub fn finish(&mut self) -> &str {
        self.text.clear();
        if !self.pending.is_empty() {
            self.text.push(char::REPLACEMENT_CHARACTER);
            self.pending.clear();
        }
        &self.text
    }

    /// Whether the bytes at `at`, the last, may still become a character.
    fn is_begun(&self, at: usize, len: usize) -> bool {
        let rest = &self.pending[at..];
        rest.len() == len
            && std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_as_its_characters_are_complete() {
        let mut decoder = Decoder::new();
        let text = "aé👍🏽\u{301}!".as_bytes();
        let mut joined = String::new();
        for byte in text {
            joined += decoder.push_bytes(&[*byte]);
        }
        assert_eq!(joined.as_bytes(), text);
        assert_eq!(decoder.finish(), "");
    }

    #[test]
    fn any_bytes_in_any_pieces_give_the_text_that_they_give_at_once() {
        let mut state = 1_u32;
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    [0x41, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x91, 0x8d, 0xff, 0xed]
                        [(state >> 16) as usize % 12]
                })
                .collect();
            let mut decoder = Decoder::new();
            let mut joined = String::new();
            for piece in bytes.chunks(1 + state as usize % 3) {
                joined += decoder.push_bytes(piece);
            }
            joined += decoder.finish();
            assert_eq!(joined, String::from_utf8_lossy(&bytes), "{bytes:x?}");
        }
    }
}
