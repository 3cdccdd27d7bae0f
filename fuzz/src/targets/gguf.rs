//! The reader of GGUF files, whatever is in them, and what dequantises the weights of those that it takes.

use ferrule_base::{BlockKind, Limits};
use ferrule_format::FormatError;
use ferrule_format::gguf::{Array, Gguf, Value};
use ferrule_tensor::quant::dequantise;

use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "gguf", seeds, words: WORDS, repair: Some(fit_data), run };

const WORDS: &[&[u8]] = &[
    b"GGUF",
    b"\x02\0\0\0",
    b"\x03\0\0\0",
    b"general.alignment",
    b"\x09\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0",
    b"\x09\0\0\0\x09\0\0\0\x01\0\0\0\0\0\0\0",
    b"\x01\0\0\0\0\0\0\0k\x07\0\0\0\x01",
    b"\x11\0\0\0\0\0\0\0general.alignment\x04\0\0\0\x20\0\0\0",
    b"\x01\0\0\0\0\0\0\0a\x01\0\0\0\x20\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
];

/// Small files: one with each type of value and two tensors, one with each kind of weights.
fn seeds() -> Vec<Vec<u8>> {
    let number = |value: u64| value.to_le_bytes().to_vec();
    let string = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
    let key = |name: &str, kind: u32, value: &[u8]| {
        [string(name), kind.to_le_bytes().to_vec(), value.to_vec()].concat()
    };
    let array = |kind: u32, count: u64, values: &[u8]| {
        key("array", 9, &[&kind.to_le_bytes()[..], &number(count), values].concat())
    };
    let tensor = |name: &str, columns: u64, kind: u32, offset: u64| {
        let end = [kind.to_le_bytes().to_vec(), number(offset)].concat();
        [string(name), 1u32.to_le_bytes().to_vec(), number(columns), end].concat()
    };
    let entries = [
        key("text", 8, &string("words")),
        key("general.alignment", 4, &64u32.to_le_bytes()),
        key("scale", 6, &0.5f32.to_le_bytes()),
        array(8, 2, &[string("a"), string("")].concat()),
        array(5, 2, &[0; 8]),
        array(6, 2, &[0; 8]),
        array(7, 2, &[0, 1]),
    ];
    let file = |entry: &[u8], tensors: [Vec<u8>; 2]| {
        let head = [b"GGUF\x03\0\0\0".to_vec(), number(2), number(1)].concat();
        fit_data([head, entry.to_vec(), tensors.concat(), vec![0; 64]].concat())
    };
    let valued =
        entries.iter().map(|entry| file(entry, [tensor("a", 32, 2, 0), tensor("b", 2, 0, 64)]));
    let stored = (0..=30).filter_map(|number| Some((number, BlockKind::from_gguf(number)?)));
    let stored = stored.map(|(number, kind)| {
        let next = kind.block_bytes().next_multiple_of(64) as u64;
        let block = kind.block_len() as u64;
        file(&entries[1], [tensor("a", block, number, 0), tensor("b", block, number, next)])
    });
    valued.chain(stored).collect()
}

/// Gives a file as many bytes of weights as its table asks for, where those are few.
fn fit_data(mut input: Vec<u8>) -> Vec<u8> {
    match Gguf::parse(&input, &Limits::default()).map(drop) {
        Err(FormatError::EndsEarly { part: "the weights", missing }) if missing < 1 << 12 => {
            input.resize(input.len() + missing as usize, 7);
        }
        Err(FormatError::TrailingBytes { count }) => input.truncate(input.len() - count as usize),
        _ => {}
    }
    input
}

fn run(input: &[u8]) -> Answer {
    Answer::new(Gguf::parse(input, &Limits::default()), |gguf| {
        let mut text = String::new();
        for (key, value) in gguf.metadata() {
            assert!(gguf.get(key).is_some(), "a key that the reader lists");
            text.push_str(&describe(value));
        }
        for tensor in gguf.tensors() {
            assert_eq!(gguf.tensor(tensor.name), Some(tensor), "a tensor that the reader lists");
            let count = tensor.shape.iter().product();
            assert_eq!(tensor.kind.bytes_of(count), Some(tensor.bytes.len()));
            let mut weights = vec![0.0; count];
            dequantise(tensor.kind, tensor.bytes, &mut weights);
            text.push_str(&format!("{}{} ", tensor.kind, "d".repeat(tensor.shape.len())));
        }
        text
    })
}

/// A letter for the type, and what differs in how many there are.
fn describe(value: Value<'_>) -> String {
    match value {
        Value::Integer(value) => format!("i{} ", if value < 0 { "-" } else { "" }),
        Value::Float(value) => format!("f{} ", if value.is_finite() { "" } else { "x" }),
        Value::Bool(value) => format!("{value} "),
        Value::Str(text) => format!("s{} ", "c".repeat(text.chars().count().min(3))),
        Value::Array(array) => describe_array(array),
    }
}

fn describe_array(array: Array<'_>) -> String {
    let counts = [
        array.strings().map(Iterator::count),
        array.f32s().map(Iterator::count),
        array.i32s().map(Iterator::count),
        array.bools().map(Iterator::count),
    ];
    for count in counts.into_iter().flatten() {
        assert_eq!(count, array.len(), "as many values as the array says");
    }
    format!("[{:?}{}] ", array.kind(), "v".repeat(array.len().min(3)))
}
