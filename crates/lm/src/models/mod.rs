//! The families of decoders, each as what it makes of the numbers in its files.

mod gemma3;
mod llama;
mod numbers;
mod qwen;

use crate::LmError;
use crate::config::Config;
use crate::source::Source;
use numbers::Numbers;

/// The families, for messages.
const KNOWN: &str = "llama, mistral, qwen2, qwen3 and gemma3";

/// What the model in `source` is like.
///
/// # Errors
/// Its family is unknown, or a number that it needs is missing or cannot be.
pub(crate) fn configure(source: &dyn Source) -> Result<Config, LmError> {
    let family = match source.architecture() {
        "llama" | "mistral" => llama::config,
        "qwen2" => qwen::qwen2,
        "qwen3" => qwen::qwen3,
        "gemma3" => gemma3::config,
        other => {
            return Err(LmError::UnsupportedArchitecture {
                architecture: other.to_owned(),
                known: KNOWN,
            });
        }
    };
    family(source, &Numbers::read(source)?)
}
