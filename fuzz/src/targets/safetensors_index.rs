//! The reader of the index of a model in several safetensors files, whatever is in it.

use ferrule_base::Limits;
use ferrule_format::safetensors::Index;

use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "safetensors_index", seeds, words: WORDS, repair: None, run };

const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\"weight_map\":",
    b"\"metadata\":",
    b".safetensors",
    b"../",
    b"\\u0000",
    b"null",
    b"1e9",
];

fn seeds() -> Vec<Vec<u8>> {
    [
        r#"{"weight_map":{}}"#,
        r#"{"metadata":{"total_size":12},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#,
        r#"{"weight_map":{"a":"m.safetensors","b":"m.safetensors"},"x":[1,{"y":null}]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn run(input: &[u8]) -> Answer {
    Answer::new(Index::parse(input, &Limits::default()), |index| {
        for tensor in index.tensors() {
            let file = index.file_of(tensor).expect("a tensor that the index lists");
            assert!(index.files().iter().any(|name| name == file) && !file.contains('/'));
        }
        let (files, tensors) = (index.files().len().min(4), index.tensors().len().min(4));
        format!("{} {}", "f".repeat(files), "t".repeat(tensors))
    })
}
