//! A vocabulary: the length of the longest token, and then a score, a length and the bytes of each.

use crate::FormatError;

/// A vocabulary that has been walked to its end.
#[derive(Clone, Debug)]
pub struct Llama2cTokenizer<'a> {
    tokens: &'a [u8],
    len: usize,
}

impl<'a> Llama2cTokenizer<'a> {
    /// Checks `bytes`, a whole file.
    ///
    /// # Errors
    /// [`FormatError`] where the file ends within a token, or one has a length below 0.
    ///
    /// # Examples
    /// ```
    /// use ferrule_format::llama2c::Llama2cTokenizer;
    ///
    /// let file = b"\x02\0\0\0\0\0\0\xbf\x02\0\0\0ab";
    /// let tokens = Llama2cTokenizer::parse(file)?;
    /// assert!(tokens.iter().eq([(-0.5, &b"ab"[..])]));
    /// # Ok::<(), ferrule_format::FormatError>(())
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        const PART: &str = "a token of the vocabulary";
        let early = |missing: usize| FormatError::EndsEarly { part: PART, missing: missing as u64 };
        let Some((_, tokens)) = bytes.split_first_chunk::<4>() else {
            return Err(early(4usize.saturating_sub(bytes.len())));
        };
        let (mut rest, mut len) = (tokens, 0usize);
        while !rest.is_empty() {
            let Some((_, length, after)) = head(rest) else {
                return Err(early(HEAD_BYTES.saturating_sub(rest.len())));
            };
            let Ok(size) = usize::try_from(length) else {
                return Err(FormatError::TokenLength { token: len, length });
            };
            rest = after.get(size..).ok_or_else(|| early(size.saturating_sub(after.len())))?;
            len = len.saturating_add(1);
        }
        Ok(Self { tokens, len })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The score and the bytes of each token, in order.
    pub fn iter(&self) -> impl Iterator<Item = (f32, &'a [u8])> + use<'a> {
        let mut rest = self.tokens;
        std::iter::from_fn(move || {
            let (score, length, after) = head(rest)?;
            let (token, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some((score, token))
        })
    }
}

/// Bytes of a score and a length.
const HEAD_BYTES: usize = 8;

/// The score and the length that `bytes` begin with, and what follows.
fn head(bytes: &[u8]) -> Option<(f32, i32, &[u8])> {
    let (score, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    Some((f32::from_le_bytes(*score), i32::from_le_bytes(*length), rest))
}
