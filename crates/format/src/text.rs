//! Text out of a file, made fit for a message: no control characters, and not too long.

/// A name: quoted, escaped and cut.
pub fn shown(name: &str) -> String {
    const CHARS_MAX: usize = 64;
    let cut: String = name.chars().take(CHARS_MAX).collect();
    let more = if cut.len() < name.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// A message that may quote the file.
pub fn printable(message: &str) -> String {
    const CHARS_MAX: usize = 200;
    let mut text = String::new();
    for c in message.chars().take(CHARS_MAX) {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_text_is_cut() {
        assert_eq!(shown("a\u{1b}[2J\"b"), "\"a\\u{1b}[2J\\\"b\"");
        assert_eq!(shown(&"é".repeat(1000)).chars().count(), 64 + 3);
        assert_eq!(printable("field `\u{9b}x`"), "field `\\u{9b}x`");
        assert_eq!(printable(&"x".repeat(1000)).len(), 200);
    }
}
