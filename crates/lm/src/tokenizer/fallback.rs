//! What becomes of text that no token writes: its bytes, or the unknown token.

use super::vocabulary::{NONE, Vocabulary};

/// The tokens of last resort.
#[derive(Debug)]
pub(super) struct Fallback {
    /// The token of each byte, where bytes have some.
    bytes: Option<Box<[u32; 256]>>,
    unknown: Option<u32>,
    /// Whether a run of unknown text is one token.
    fuse: bool,
}

impl Fallback {
    pub(super) fn new(bytes: Option<Box<[u32; 256]>>, unknown: Option<u32>, fuse: bool) -> Self {
        Self { bytes, unknown, fuse }
    }

    /// Appends the tokens of `text`. `run` says where the last unknown token ends in `out`.
    pub(super) fn write(&self, text: &[u8], out: &mut Vec<u32>, run: &mut Option<usize>) {
        if let Some(bytes) = &self.bytes {
            let tokens = text.iter().map(|&byte| bytes[byte as usize]);
            if tokens.clone().all(|token| token != NONE) {
                return out.extend(tokens);
            }
        }
        let Some(unknown) = self.unknown else { return };
        if !(self.fuse && *run == Some(out.len())) {
            out.push(unknown);
        }
        *run = Some(out.len());
    }
}

/// The tokens of kind byte, by their byte, if there are any.
pub(super) fn byte_tokens(vocabulary: &Vocabulary) -> Option<Box<[u32; 256]>> {
    let mut bytes = Box::new([NONE; 256]);
    for (token, kind, text) in vocabulary.tokens() {
        if let (super::vocabulary::Kind::Byte, &[byte]) = (kind, text) {
            bytes[byte as usize] = token;
        }
    }
    bytes.iter().any(|&token| token != NONE).then_some(bytes)
}
