//! GPT-2's splitting, and those that first cut digits out of the text.

use super::{Class, Classes, run, spaces};

/// The end of the piece that `text` begins with, by
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
pub(super) fn piece(classes: &Classes, text: &str) -> usize {
    if let Some(len) = contraction(text.as_bytes()) {
        return len;
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let class = classes.first(body);
    match class {
        Class::Letter | Class::Number => {
            text.len() - body.len() + run(classes, body, |c| c == class)
        }
        Class::Space | Class::End => spaces(classes, text),
        _ => text.len() - body.len() + run(classes, body, Class::is_sign),
    }
}

/// The same where each number is a piece, and the text before it one of its own.
pub(super) fn piece_or_digit(classes: &Classes, text: &str) -> usize {
    match classes.first(text) {
        Class::Number => text.chars().next().map_or(0, char::len_utf8),
        Class::Space => {
            let end = run(classes, text, |class| class == Class::Space);
            let before_digit = classes.first(&text[end..]) == Class::Number;
            if before_digit { end } else { piece(classes, text) }
        }
        _ => piece(classes, text),
    }
}

fn contraction(text: &[u8]) -> Option<usize> {
    match text {
        [b'\'', b's' | b't' | b'm' | b'd', ..] => Some(2),
        [b'\'', b'r' | b'v', b'e', ..] | [b'\'', b'l', b'l', ..] => Some(3),
        _ => None,
    }
}
