//! What is wrong with a request, and in which field.

use std::borrow::Cow;
use std::fmt;

/// Why a body is refused: the field, what was expected there and what was got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    message: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// The same fault, found inside the member called `name`.
    pub(crate) fn in_member(mut self, name: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{}{joint}{}", Excerpt(name), self.path);
        self
    }

    /// The same fault, found inside the item numbered `index`.
    pub(crate) fn in_item(mut self, index: usize) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{joint}{}", self.path);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "`{}`: {}", self.path, self.message)
        }
    }
}

/// The first characters of a text that a client sent, safe to repeat to it.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

/// Most characters of a client's text that an error repeats.
const EXCERPT_CHARS_MAX: usize = 40;

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(EXCERPT_CHARS_MAX) {
            match character.is_control() {
                true => write!(f, "{}", character.escape_unicode())?,
                false => write!(f, "{character}")?,
            }
        }
        if characters.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}
