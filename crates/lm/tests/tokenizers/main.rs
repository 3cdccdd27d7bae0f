//! Tokenizers beside the libraries that made their vocabularies (`scripts/tokenizer_goldens.py`), beside
//! themselves, and with files that lie.

mod goldens;
mod hostile;
mod properties;

use std::path::{Path, PathBuf};

use ferrule_base::Limits;
use ferrule_format::gguf::Gguf;
use ferrule_lm::Tokenizer;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers").join(name)
}

/// The tokenizer of a fixture, or of any file by its path.
fn load(name: &str) -> Tokenizer {
    let path = fixture(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if name.ends_with(".json") {
        return Tokenizer::from_json(&bytes, None).unwrap();
    }
    Tokenizer::from_gguf(&Gguf::parse(&bytes, &Limits::default()).unwrap()).unwrap()
}

fn texts() -> Vec<String> {
    serde_json::from_slice(&std::fs::read(fixture("texts.json")).unwrap()).unwrap()
}
