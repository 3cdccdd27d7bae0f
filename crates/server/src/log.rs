//! What the server says on stderr.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line; a closed stderr is no reason to stop serving.
pub(crate) fn info(message: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "ferrule: {message}");
}

/// Writes what went wrong at the start and, below it, what to do; as the other commands do.
pub(crate) fn error(what: &str, hint: Option<&str>) {
    let mut to = std::io::stderr().lock();
    let _ = writeln!(to, "error: {what}");
    if let Some(hint) = hint {
        let _ = writeln!(to, "hint: {hint}");
    }
}

/// Writes one line of warning.
pub(crate) fn warn(message: impl Display) {
    info(format_args!("warning: {message}"));
}
