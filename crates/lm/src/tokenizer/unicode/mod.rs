//! What tokenizers ask about a character.

mod ranges;

use std::sync::LazyLock;

/// A character's general category, as far as tokenizers care, but for white space, which is Unicode's
/// property of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Symbols, spacing marks, control characters and whatever is not assigned.
    Other,
    /// L: letters of any case.
    Letter,
    /// Mn: marks that take no room of their own.
    Mark,
    /// N: digits and other numbers.
    Number,
    /// P: punctuation.
    Punctuation,
    /// Cf and Co: format characters and those for private use.
    Format,
    /// White space.
    Space,
    /// No character: the text has ended.
    End,
}

impl Class {
    /// Whether it is a character, and neither white space, letter nor number.
    pub(super) fn is_sign(self) -> bool {
        matches!(self, Self::Other | Self::Mark | Self::Punctuation | Self::Format)
    }
}

/// Code points below this have a byte each in the table; few above are assigned.
const TABLE: usize = 0x33480;

/// The classes of all characters.
pub(super) struct Classes {
    table: Box<[Class]>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(Classes::new);

impl Classes {
    pub(super) fn get() -> &'static Self {
        &CLASSES
    }

    fn new() -> Self {
        let mut table = vec![Class::Other; TABLE];
        for (first, last, class) in ranges::RANGES {
            let end = TABLE.min(last as usize + 1);
            if let Some(range) = table.get_mut(first as usize..end) {
                range.fill(class);
            }
        }
        for white in (0..0x3001).filter_map(char::from_u32).filter(|c| c.is_whitespace()) {
            table[white as usize] = Class::Space;
        }
        Self { table: table.into_boxed_slice() }
    }

    pub(super) fn of(&self, c: char) -> Class {
        match self.table.get(c as usize) {
            Some(&class) => class,
            None => beyond(c as u32),
        }
    }

    /// The class of the first character.
    pub(super) fn first(&self, text: &str) -> Class {
        text.chars().next().map_or(Class::End, |c| self.of(c))
    }
}

/// The class of a code point beyond the table.
fn beyond(code: u32) -> Class {
    let after = ranges::RANGES.partition_point(|&(first, ..)| first <= code);
    match ranges::RANGES[..after].last() {
        Some(&(_, last, class)) if code <= last => class,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_class() {
        let classes = Classes::get();
        for (text, class) in [
            ("aßñЖ中あ한ªʰ𐐀𠀀", Class::Letter),
            ("0٣Ⅷ½𝟘", Class::Number),
            (" \t\n\u{85}\u{a0}\u{2003}\u{3000}", Class::Space),
            ("\u{301}\u{e0100}\u{fe0f}", Class::Mark),
            ("!-_«、", Class::Punctuation),
            ("\u{200d}\u{feff}\u{e000}\u{f0000}", Class::Format),
            ("+$€👍\0\u{fffd}\u{10fffd}ा", Class::Other),
        ] {
            for c in text.chars().filter(|&c| c != '\u{10fffd}') {
                assert_eq!(classes.of(c), class, "{c:?}");
            }
        }
        assert_eq!(classes.first(""), Class::End);
    }

    #[test]
    fn the_table_agrees_with_the_ranges() {
        for code in (0..TABLE as u32).step_by(7) {
            let Some(c) = char::from_u32(code).filter(|c| !c.is_whitespace()) else { continue };
            assert_eq!(Classes::get().of(c), beyond(code), "{code:#x}");
        }
    }

    #[test]
    fn numbers_and_white_space_are_those_of_the_standard_library() {
        for c in (0..0x10_ffff).filter_map(char::from_u32) {
            let class = Classes::get().of(c);
            assert_eq!(class == Class::Space, c.is_whitespace(), "{c:?}");
            assert!(class != Class::Number || c.is_numeric(), "{c:?}");
        }
    }
}
