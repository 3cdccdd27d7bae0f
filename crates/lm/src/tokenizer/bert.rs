//! BERT's words: text cleaned, in lower case, without accents, split at white space and around
//! punctuation and ideographs.

use unicode_normalization::UnicodeNormalization;

use super::unicode::{Class, Classes};

/// What is done to text before it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    /// Control characters are left out.
    pub(super) clean: bool,
    /// Ideographs are words of their own.
    pub(super) ideographs: bool,
    /// Letters lose their accents.
    pub(super) strip_accents: bool,
    pub(super) lowercase: bool,
}

impl Normal {
    /// That of the models that know no case.
    pub(super) const UNCASED: Self =
        Self { clean: true, ideographs: true, strip_accents: true, lowercase: true };
}

/// Calls `each` with every word, which has a space in front.
pub(super) fn words(text: &str, normal: Normal, mut each: impl FnMut(&str)) {
    let classes = Classes::get();
    let kept = text.chars().filter(|&c| !normal.clean || !is_dropped(classes, c));
    let mut word = Words { classes, normal, word: " ".into(), each: &mut each };
    if normal.strip_accents && !text.is_ascii() {
        let spaced = kept.flat_map(|c| {
            let gap = (normal.ideographs && is_ideograph(c)).then_some(' ');
            gap.into_iter().chain([c]).chain(gap)
        });
        spaced.nfd().filter(|&c| classes.of(c) != Class::Mark).for_each(|c| word.push(c));
    } else {
        kept.for_each(|c| word.push(c));
    }
    word.end();
}

/// The word that is being gathered.
struct Words<'e, F> {
    classes: &'static Classes,
    normal: Normal,
    word: String,
    each: &'e mut F,
}

impl<F: FnMut(&str)> Words<'_, F> {
    fn push(&mut self, c: char) {
        if c.is_whitespace() {
            return self.end();
        }
        let alone = self.is_punctuation(c) || (self.normal.ideographs && is_ideograph(c));
        if alone {
            self.end();
        }
        if self.normal.lowercase {
            self.word.extend(c.to_lowercase());
        } else {
            self.word.push(c);
        }
        if alone {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.word.len() > 1 {
            (self.each)(&self.word);
            self.word.truncate(1);
        }
    }

    fn is_punctuation(&self, c: char) -> bool {
        c.is_ascii_punctuation() || self.classes.of(c) == Class::Punctuation
    }
}

/// Characters that cleaning leaves out.
fn is_dropped(classes: &Classes, c: char) -> bool {
    let control = c.is_control() || classes.of(c) == Class::Format;
    matches!(c, '\0' | '\u{fffd}') || (control && !matches!(c, '\t' | '\n' | '\r'))
}

/// The blocks of ideographs that BERT knows.
fn is_ideograph(c: char) -> bool {
    matches!(c as u32,
        0x4e00..=0x9fff | 0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2b73f
        | 0x2b740..=0x2b81f | 0x2b920..=0x2ceaf | 0xf900..=0xfaff | 0x2f800..=0x2fa1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, normal: Normal) -> Vec<String> {
        let mut found = Vec::new();
        words(text, normal, |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn words_are_clean_lower_case_and_bare() {
        let words = all(" Hé\u{301}LLO,wor\u{0}ld\u{200b}!\t東京İx\u{a0}$5 ", Normal::UNCASED);
        assert_eq!(words, [" hello", " ,", " world", " !", " 東", " 京", " ix", " $", " 5"]);
        assert!(all(" \n\u{301}\u{fffd}", Normal::UNCASED).is_empty());
    }

    #[test]
    fn a_cased_model_keeps_case_and_accents() {
        let cased = Normal { strip_accents: false, lowercase: false, ..Normal::UNCASED };
        assert_eq!(all("Zürich-東", cased), [" Zürich", " -", " 東"]);
    }
}
