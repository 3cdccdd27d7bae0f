//! The reader of safetensors files, whatever is in them.

use ferrule_base::Limits;
use ferrule_format::safetensors::read;

use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "safetensors", seeds, words: WORDS, repair: Some(fix_length), run };

pub(super) const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"__metadata__",
    b"\"dtype\":",
    b"\"shape\":",
    b"\"data_offsets\":",
    b"\"F32\"",
    b"\"F64\"",
    b"\"BOOL\"",
    b"\"BF16\"",
    b"[0,0]",
    b"[]",
    b"null",
    b"-0",
    b"1e9",
    b"1.0",
    b"18446744073709551615",
    b"\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
];

/// Small files: none, one and several tensors, scalars, empty ones, metadata.
fn seeds() -> Vec<Vec<u8>> {
    [
        (r#"{}"#, 0),
        (r#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, 3),
        (r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4),
        (r#"{"__metadata__":{"k":"v"},"a":{"dtype":"F64","shape":[0,9],"data_offsets":[0,0]}}"#, 0),
        (
            r#"{"__metadata__":{},"b":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},"a":{"dtype":"F16","shape":[2,2,1],"data_offsets":[16,24]}}"#,
            24,
        ),
    ]
    .map(|(json, data_bytes)| with_length(json.as_bytes(), &vec![7; data_bytes]))
    .to_vec()
}

pub(super) fn with_length(json: &[u8], data: &[u8]) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json, data].concat()
}

/// Where the JSON object at `bytes[8]` ends; `None` where it does not.
pub(super) fn json_end(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (index, byte) in bytes.iter().enumerate().skip(8) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && *byte == b'}' && !quoted {
            return Some(index + 1);
        }
    }
    None
}

/// Makes the length field say where the header ends.
fn fix_length(mut input: Vec<u8>) -> Vec<u8> {
    if let Some(end) = json_end(&input) {
        input[..8].copy_from_slice(&(end as u64 - 8).to_le_bytes());
    }
    input
}

fn run(input: &[u8]) -> Answer {
    Answer::new(read(input, &Limits::default()), |reader| {
        let mut text = String::new();
        let mut bytes = 0;
        for info in reader.tensors() {
            let tensor = reader.tensor(&info.name).expect("a tensor that the reader lists");
            bytes += tensor.bytes.len();
            text.push_str(&format!("{} {} ", tensor.dtype, tensor.shape.len()));
        }
        let held: u64 = reader.tensors().iter().map(|info| info.end - info.start).sum();
        assert_eq!(bytes as u64, held, "views hold what the header says");
        text + &"m".repeat(reader.metadata().len().min(3))
    })
}
