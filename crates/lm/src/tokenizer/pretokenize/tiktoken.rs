//! The splitting of Llama 3 and Qwen 2, which differ in how many digits go together.

use super::{Class, Classes, run, spaces};

/// The end of the piece that `text` begins with, by
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
pub(super) fn piece(classes: &Classes, text: &str, digits: usize) -> usize {
    if let Some(len) = contraction(text.as_bytes()) {
        return len;
    }
    let class = classes.first(text);
    if class == Class::Letter {
        return run(classes, text, |c| c == Class::Letter);
    }
    if class == Class::Number {
        return text
            .chars()
            .take(digits)
            .take_while(|&c| classes.of(c) == class)
            .map(char::len_utf8)
            .sum();
    }
    let head = text.chars().next().map_or(0, char::len_utf8);
    let letters = run(classes, &text[head..], |c| c == Class::Letter);
    if letters > 0 && !text.starts_with(['\r', '\n']) {
        return head + letters;
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let signs = run(classes, body, Class::is_sign);
    if signs > 0 {
        let end = text.len() - body.len() + signs;
        let breaks = text[end..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        return end + breaks;
    }
    let white = run(classes, text, |c| c == Class::Space);
    match text[..white].rfind(['\r', '\n']) {
        Some(at) => at + 1,
        None => spaces(classes, text),
    }
}

fn contraction(text: &[u8]) -> Option<usize> {
    let lower = |at: usize| text.get(at).map(u8::to_ascii_lowercase);
    if text.first() != Some(&b'\'') {
        return None;
    }
    match (lower(1), lower(2)) {
        (Some(b's' | b't' | b'm' | b'd'), _) => Some(2),
        (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => Some(3),
        _ => None,
    }
}
