//! SentencePiece's byte-pair encoding, for every file that holds it.

use super::bpe::{Bpe, Memo, Normal, Symbols};
use super::fallback::{Fallback, byte_tokens};
use super::pretokenize::Split;
use super::rules::Rules;
use super::vocabulary::{Index, Kind, NONE, Vocabulary};
use crate::LmError;

/// The model over tokens whose `▁` is written as a space. Control tokens, the unknown one and bytes are
/// never merged into, whatever their names.
///
/// # Errors
/// [`LmError::Invalid`] where a score is not a number or two tokens have one text;
/// [`LmError::Missing`] where text may occur that no token stands for.
pub(super) fn model(
    vocabulary: &Vocabulary,
    scores: impl Iterator<Item = f32>,
    unknown: Option<u32>,
    normal: Normal,
) -> Result<Bpe, LmError> {
    let rules = Rules::by_score(vocabulary, scores)?;
    let bytes = byte_tokens(vocabulary);
    let whole = bytes.as_ref().is_some_and(|bytes| !bytes.contains(&NONE));
    if !whole && unknown.is_none() {
        return Err(LmError::Missing {
            what: "token for what no other writes",
            name: "<unk>".into(),
        });
    }
    let mut index = Index::new(vocabulary);
    for (token, kind, _) in vocabulary.tokens() {
        if kind == Kind::Normal {
            index.insert_new(vocabulary, token)?;
        }
    }
    // These are found before any merging; here they only matter beside others that overlap them.
    for (token, kind, _) in vocabulary.tokens() {
        if kind == Kind::UserDefined {
            index.insert(vocabulary, token);
        }
    }
    Ok(Bpe {
        index,
        rules,
        symbols: Symbols::Chars,
        fallback: Fallback::new(bytes, unknown, true),
        split: split(vocabulary),
        normal,
        ignore_merges: false,
        memo: Memo::new(vocabulary.len()),
    })
}

/// Text falls into words where no token has a space after anything else, so that none is cut.
fn split(vocabulary: &Vocabulary) -> Split {
    let within = |text: &[u8]| {
        let word = text.iter().position(|&byte| byte != b' ').unwrap_or(text.len());
        text[word..].contains(&b' ')
    };
    let merged = |kind| matches!(kind, Kind::Normal | Kind::UserDefined);
    let cut = vocabulary.tokens().any(|(_, kind, text)| merged(kind) && within(text));
    if cut { Split::Whole } else { Split::Spaces }
}

/// The byte that a token named `<0xNN>` stands for.
pub(super) fn byte_of(name: &[u8]) -> Option<u8> {
    let digits = name.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    let &[high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
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
}
