//! Unicode's normal forms.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// `text` with its marks composed (NFC).
pub(super) fn compose(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_composed() {
        assert_eq!(compose("e\u{301} 각".into()), "é 각");
        assert_eq!(compose("\u{1112}\u{1161}\u{11ab}".into()), "한");
        assert!(matches!(compose("é".into()), Cow::Borrowed("é")));
    }
}
