//! The splitting of GGUF files that name none: what llama.cpp takes for them.

use super::{Class, Classes, gpt2, run, spaces};

/// The end of the piece that `text` begins with: runs of punctuation are cut out, what is between them is
/// split as GPT-2 does, numbers are cut out of that, and groups of three digits out of numbers.
pub(super) fn piece(classes: &Classes, text: &str) -> usize {
    let cut = |c: char| is_cut(classes, c);
    if text.starts_with(cut) {
        return text.find(|c| !cut(c)).unwrap_or(text.len());
    }
    match classes.first(text) {
        Class::Number => number(&text[..run(classes, text, |class| class == Class::Number)]),
        Class::Space => white(classes, text),
        class if class.is_sign() => {
            let end = run(classes, text, Class::is_sign);
            text[..end].find(cut).unwrap_or(end)
        }
        _ => gpt2::piece(classes, text),
    }
}

/// White space: its last space goes with what follows, unless that has been cut out.
fn white(classes: &Classes, text: &str) -> usize {
    let end = run(classes, text, |class| class == Class::Space);
    let rest = &text[end..];
    if rest.starts_with(|c| is_cut(classes, c)) {
        return end;
    }
    if end > 1 || !text.starts_with(' ') || classes.first(rest) == Class::Number {
        return spaces(classes, text);
    }
    end + if rest.is_empty() { 0 } else { piece(classes, rest) }
}

/// The first piece of a number.
fn number(digits: &str) -> usize {
    let group = digits.as_bytes().windows(3).position(|three| three.iter().all(u8::is_ascii_digit));
    match group {
        Some(0) => 3,
        Some(at) => at,
        None => digits.len(),
    }
}

fn is_cut(classes: &Classes, c: char) -> bool {
    matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '~' | '|')
        || classes.of(c) == Class::Punctuation
}

#[cfg(test)]
mod tests {
    use super::super::Split;

    #[test]
    fn punctuation_and_groups_of_digits_stand_alone() {
        let words: Vec<&str> = Split::Default.words(" ab's  $12345  x\n 7 !?  \u{a9}|").collect();
        let expected = [
            " ab", "'", "s", "  ", "$", "123", "45", " ", " x", "\n", " ", "7", " ", "!?", " ",
            " \u{a9}", "|",
        ];
        assert_eq!(words, expected);
    }
}
