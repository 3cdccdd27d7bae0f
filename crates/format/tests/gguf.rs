//! What the reference package writes is read as it was meant; each broken rule has its own error.

use ferrule_base::{BlockKind, Coded as _, ErrorCode, Limits};
use ferrule_format::FormatError;
use ferrule_format::gguf::{Gguf, Value, ValueKind};

/// Made by `scripts/record_gguf.py`.
const WRITTEN: &[u8] = include_bytes!("gguf/kinds.gguf");

fn parse(file: &[u8]) -> Result<Gguf<'_>, FormatError> {
    Gguf::parse(file, &Limits::default())
}

#[test]
fn values_of_every_type_are_those_that_the_reference_wrote() {
    let gguf = parse(WRITTEN).expect("a GGUF file");
    let integers = [
        ("u8", 255),
        ("i8", -128),
        ("u16", 65_535),
        ("i16", -32_768),
        ("u32", i128::from(u32::MAX)),
        ("i32", i128::from(i32::MIN)),
        ("u64", i128::from(u64::MAX)),
        ("i64", i128::from(i64::MIN)),
    ];
    for (name, value) in integers {
        let key = format!("test.{name}");
        assert_eq!(gguf.get(&key), Some(Value::Integer(value)), "{name}");
        assert_eq!(gguf.u32(&key), u32::try_from(value).ok(), "{name}");
    }
    assert_eq!(gguf.f32("test.f32"), Some(0.1));
    assert_eq!(gguf.get("test.f64"), Some(Value::Float(0.1)));
    assert_eq!(gguf.bool("test.bool"), Some(true));
    assert_eq!(gguf.str("test.string"), Some("Grüße, 世界"));
    assert_eq!(gguf.str("general.architecture"), Some("none"));
    let array = |name: &str| gguf.array(name).expect("an array");
    let strings = array("test.strings");
    assert_eq!((strings.kind(), strings.len(), strings.is_empty()), (ValueKind::Str, 3, false));
    let words: Vec<&[u8]> = strings.strings().expect("of strings").collect();
    assert_eq!(words, [&b""[..], b"a", "▁token".as_bytes()]);
    assert!(array("test.i32s").i32s().expect("of integers").eq([-1, 0, 7]));
    assert!(array("test.f32s").f32s().expect("of floats").eq([0.5, -1.5]));
    assert!(array("test.bools").bools().expect("of truth values").eq([true, false]));
    assert!(strings.i32s().is_none() && array("test.i32s").strings().is_none());
    assert!(gguf.u32("test.string").is_none() && gguf.get("test").is_none());
    assert!(gguf.metadata().map(|(key, _)| key).is_sorted());
    let shown = |key: &str| gguf.get(key).expect("is there").to_string();
    assert_eq!(shown("test.i32"), "-2147483648");
    assert_eq!(shown("test.string"), "\"Grüße, 世界\"");
    assert_eq!(shown("test.strings"), "[Str; 3]");
}

#[test]
fn tensors_are_found_by_name_and_lie_in_the_file_one_after_the_other() {
    let gguf = parse(WRITTEN).expect("a GGUF file");
    assert_eq!(gguf.tensors().len(), 2 * BlockKind::all().count());
    let mut end = 0;
    for tensor in gguf.tensors() {
        assert_eq!(gguf.tensor(tensor.name), Some(tensor));
        assert_eq!(tensor.offset, u64::next_multiple_of(end, 32), "{}", tensor.name);
        end = tensor.offset + tensor.bytes.len() as u64;
    }
    let weights = gguf.tensor("Q4_K.weights").expect("is there");
    assert_eq!((&weights.shape[1..], weights.kind), (&[16][..], BlockKind::F32));
    assert_eq!(weights.shape[0] * 16 * 4, weights.bytes.len());
    assert_eq!(gguf.tensor("Q4_K.weight"), None);
    assert!(WRITTEN.starts_with(gguf.header()));
}

/// A file as its parts: entries of metadata, entries of the table, and the bytes behind the padding.
#[derive(Clone, Default)]
struct Parts {
    metadata: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: Vec<u8>,
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

impl Parts {
    fn key(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.metadata.push([&string(key), &kind.to_le_bytes()[..], value].concat());
        self
    }

    /// A tensor of `dims`, the fastest first.
    fn tensor(mut self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Self {
        let rank = (dims.len() as u32).to_le_bytes();
        let dims: Vec<u8> = dims.iter().flat_map(|size| size.to_le_bytes()).collect();
        let end = [&kind.to_le_bytes()[..], &offset.to_le_bytes()].concat();
        self.tensors.push([string(name), rank.to_vec(), dims, end].concat());
        self
    }

    fn data(mut self, count: usize) -> Self {
        self.data = vec![7; count];
        self
    }

    fn file(&self) -> Vec<u8> {
        let counts = [self.tensors.len() as u64, self.metadata.len() as u64];
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(counts.map(u64::to_le_bytes).as_flattened());
        file.extend(self.metadata.concat());
        file.extend(self.tensors.concat());
        if !self.tensors.is_empty() {
            file.resize(file.len().next_multiple_of(32), 0);
        }
        file.extend(&self.data);
        file
    }

    fn refusal(&self) -> FormatError {
        parse(&self.file()).expect_err("is broken")
    }
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;
const F32: u32 = 0;
const Q4_0: u32 = 2;

fn one(dims: &[u64], kind: u32) -> Parts {
    Parts::default().tensor("a", dims, kind, 0)
}

#[test]
fn each_broken_rule_of_the_table_has_its_own_error() {
    use FormatError as E;
    let a = || "a".to_owned();
    let two =
        |name: &str, offset: u64| one(&[2], F32).tensor(name, &[2], F32, offset).data(64).refusal();
    let cases = [
        (two("b", 64), E::NotContiguous { tensor: "b".into(), start: 64, expected: 32 }),
        (two("b", 0), E::NotContiguous { tensor: "b".into(), start: 0, expected: 32 }),
        (two("b", 8), E::NotContiguous { tensor: "b".into(), start: 8, expected: 32 }),
        (two("a", 32), E::DuplicateTensor { tensor: a() }),
        (one(&[2], F32).data(7).refusal(), E::EndsEarly { part: "the weights", missing: 1 }),
        (one(&[2], F32).data(33).refusal(), E::TrailingBytes { count: 1 }),
        (one(&[1 << 40, 1 << 40], F32).refusal(), E::SizeOverflow { tensor: a() }),
        (one(&[1 << 63, 2], F32).refusal(), E::SizeOverflow { tensor: a() }),
        (one(&[1 << 62], F32).refusal(), E::SizeOverflow { tensor: a() }),
        (one(&[4, 0], F32).refusal(), E::Dimension { tensor: a(), size: 0 }),
        (one(&[1; 5], F32).refusal(), E::TooMany { what: "dimensions in a tensor", max: 4 }),
        (
            one(&[48, 2], Q4_0).refusal(),
            E::PartialBlock { tensor: a(), kind: BlockKind::Q4_0, columns: 48, block: 32 },
        ),
        (one(&[256], 23).refusal(), E::UnsupportedKind { tensor: a(), kind: "IQ4_XS".into() }),
        (
            one(&[256], 1000).refusal(),
            E::UnsupportedKind { tensor: a(), kind: "the unknown kind 1000".into() },
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn each_broken_rule_of_the_metadata_has_its_own_error() {
    use FormatError as E;
    let k = || "k".to_owned();
    let with = |kind: u32, value: &[u8]| Parts::default().key("k", kind, value).refusal();
    let nested = [&ARRAY.to_le_bytes()[..], &1u64.to_le_bytes()].concat();
    let missing = (1 << 60) * 8 - 8;
    let many = [&STRING.to_le_bytes()[..], &(1u64 << 60).to_le_bytes(), &[0; 8]].concat();
    let cases = [
        (with(13, &[]), E::UnknownValueType { key: k(), number: 13 }),
        (with(ARRAY, &[&nested[..], &[0; 12]].concat()), E::NestedArray { key: k() }),
        (with(ARRAY, &many), E::EndsEarly { part: "an array of the metadata", missing }),
        (with(7, &[2]), E::NotABool { key: k(), byte: 2 }),
        (
            with(STRING, b"\x02\0\0\0\0\0\0\0\xc0\xaf"),
            E::NotUtf8 { part: "a value of the metadata" },
        ),
        (
            Parts::default().key("k", 7, &[1]).key("k", 7, &[0]).refusal(),
            E::DuplicateKey { key: k() },
        ),
        (
            Parts::default().key(&"k".repeat(257), 7, &[1]).refusal(),
            E::NameTooLong { part: "a key of the metadata", size: 257, max: 256 },
        ),
        (
            Parts::default().key("general.alignment", 4, &0u32.to_le_bytes()).refusal(),
            E::Alignment { found: "0".into() },
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_file_that_is_not_gguf_is_told_from_its_first_bytes_and_a_version_that_is_not_read_by_name() {
    let refusal = |start: &[u8]| parse(start).expect_err("is broken");
    let cases: [(&[u8], &str, ErrorCode); 8] = [
        (b"", "not a GGUF file: it is empty", ErrorCode::InvalidArgument),
        (b"PK\x03\x04..", "not a GGUF file: it is a zip archive", ErrorCode::InvalidArgument),
        (b"<!doctype html>", "it is a web page", ErrorCode::InvalidArgument),
        (b"version https://git-lfs.github.com", "`git lfs pull`", ErrorCode::InvalidArgument),
        (
            b"\0\x01\x02\x03\x04",
            "begins with \"\\x00\\x01\\x02\\x03\" ",
            ErrorCode::InvalidArgument,
        ),
        (b"GGUF\0\0\0\x03", "big-endian", ErrorCode::Unimplemented),
        (b"GGUF\x01\0\0\0", "GGUF version 1; 2 and 3 are read", ErrorCode::Unimplemented),
        (b"GGUF\x04\0\0\0", "upgrade ferrule", ErrorCode::Unimplemented),
    ];
    for (start, says, code) in cases {
        let error = refusal(start);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_and_within_the_weights_says_how_many_bytes_are_missing() {
    let whole = one(&[64], Q4_0)
        .key("text", STRING, &string("words"))
        .tensor("b", &[2, 3], F32, 64)
        .data(64 + 24)
        .file();
    let gguf = parse(&whole).expect("a GGUF file");
    let data_start = gguf.header().len().next_multiple_of(32);
    for cut in 4..whole.len() {
        let error = parse(&whole[..cut]).expect_err("is cut");
        let FormatError::EndsEarly { missing, .. } = error else { panic!("{cut}: {error}") };
        assert!(missing > 0, "{cut}: {error}");
        assert!(cut < data_start || missing == (whole.len() - cut) as u64, "{cut}: {error}");
    }
}

#[test]
fn other_alignments_and_files_without_tensors_are_read() {
    let parts = Parts::default().key("general.alignment", 4, &64u32.to_le_bytes());
    let tensors = parts.clone().tensor("a", &[2], F32, 0).tensor("b", &[2], F32, 64);
    let mut file = tensors.file();
    file.resize(file.len().next_multiple_of(64) + 64 + 8, 0);
    let offsets: Vec<u64> =
        parse(&file).expect("a GGUF file").tensors().map(|tensor| tensor.offset).collect();
    assert_eq!(offsets, [0, 64]);
    assert_eq!(parse(&parts.file()).expect("a vocabulary").tensors().len(), 0);
}

#[test]
fn a_header_beyond_the_limit_is_refused_and_one_below_it_is_read() {
    let file = Parts::default().key("k", STRING, &string(&"x".repeat(1000))).file();
    let at_most = |max: usize| {
        let limits = Limits { gguf_header_bytes_max: max, ..Limits::default() };
        Gguf::parse(&file, &limits).map(drop)
    };
    assert_eq!(at_most(file.len()), Ok(()));
    let max = file.len() - 1;
    let size = file.len() as u64;
    assert_eq!(at_most(max), Err(FormatError::HeaderTooLarge { size, max }));
}
