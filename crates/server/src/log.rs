//! What the server says on stderr.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line; a closed stderr is no reason to stop serving.
pub(crate) fn info(message: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "ferrule: {message}");
}

/// Writes one line of warning.
pub(crate) fn warn(message: impl Display) {
    info(format_args!("warning: {message}"));
}
