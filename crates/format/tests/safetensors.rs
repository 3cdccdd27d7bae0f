//! Each rule of the format has its own error; what the writer lays out the reader takes.

use std::collections::BTreeMap;

use ferrule_base::{DType, Limits};
use ferrule_format::FormatError;
use ferrule_format::safetensors::{Index, TensorSpec, layout, read};

fn file(json: &str, data_bytes: usize) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json.as_bytes(), &vec![0; data_bytes]].concat()
}

fn refusal(json: &str, data_bytes: usize) -> FormatError {
    read(&file(json, data_bytes), &Limits::default()).expect_err(json)
}

/// The header of one tensor `a`.
fn one(dtype: &str, shape: &str, offsets: &str) -> String {
    format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

#[test]
fn each_broken_rule_has_its_own_error() {
    use FormatError as E;
    let a = || "a".to_owned();
    let cases = [
        (refusal("[]", 0), E::HeaderStart { found: b'[' }),
        (
            refusal(&one("Q8", "[]", "[0,1]"), 1),
            E::UnknownDType { tensor: a(), dtype: "Q8".into() },
        ),
        (
            refusal(&one("U8", "[2]", "[0,1]"), 1),
            E::SizeMismatch { tensor: a(), needed: 2, held: 1 },
        ),
        (
            refusal(&one("U8", "[1]", "[1,0]"), 1),
            E::OffsetsReversed { tensor: a(), start: 1, end: 0 },
        ),
        (
            refusal(&one("U8", "[1]", "[1,2]"), 2),
            E::NotContiguous { tensor: a(), start: 1, expected: 0 },
        ),
        (
            refusal(&one("U8", "[4294967296,4294967296]", "[0,0]"), 0),
            E::SizeOverflow { tensor: a() },
        ),
        (refusal(&one("U8", "[1]", "[0,1]"), 3), E::TrailingBytes { count: 2 }),
        (
            refusal(&one("U8", "[9]", "[0,9]"), 3),
            E::Truncated { part: "the data section", needed: 9, available: 3 },
        ),
        (refusal(r#"{"__metadata__":{"k":"","k":""}}"#, 0), E::DuplicateKey { key: "k".into() }),
        (
            refusal(&one("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1),
            E::TooMany { what: "dimensions in a tensor", max: 8 },
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_length_field_is_held_to_the_file_and_to_the_limit() {
    let limits = Limits { artifact_header_bytes_max: 4, ..Limits::default() };
    let too_large = FormatError::HeaderTooLarge { size: 5, max: 4 };
    assert_eq!(read(&file("{   }", 0), &limits).unwrap_err(), too_large);
    assert!(read(&file("{  }", 0), &limits).is_ok());
    let mut short = file("{}", 0);
    short[0] = 3;
    let truncated = FormatError::Truncated { part: "the header", needed: 3, available: 2 };
    assert_eq!(read(&short, &Limits::default()).unwrap_err(), truncated);
}

#[test]
fn what_is_laid_out_reads_back_with_each_tensor_aligned() {
    let shapes: [(&str, DType, &[usize]); 5] = [
        ("bytes", DType::Uint8, &[3]),
        ("b", DType::Fp64, &[2, 1]),
        ("a \"quoted\"\n", DType::Fp64, &[]),
        ("half", DType::Bf16, &[1]),
        ("none", DType::Int32, &[0, 7]),
    ];
    let specs = shapes.map(|(name, dtype, shape)| TensorSpec { name, dtype, shape });
    let layout = layout(&specs).unwrap();
    let metadata = BTreeMap::from([("k".to_owned(), "é\\".to_owned())]);
    let mut bytes = layout.head(&metadata);
    assert_eq!(bytes.len() % 8, 0);
    bytes.resize(bytes.len() + layout.data_bytes as usize, 0);
    let reader = read(&bytes, &Limits::default()).unwrap();
    assert_eq!(reader.metadata(), &metadata);
    assert_eq!(reader.tensors().len(), specs.len());
    for spec in specs {
        let info = reader.tensors().iter().find(|info| info.name == spec.name).unwrap();
        assert_eq!((info.dtype, info.shape.as_slice()), (spec.dtype, spec.shape));
        assert_eq!(info.start % spec.dtype.size() as u64, 0, "{}", spec.name);
    }
}

#[test]
fn what_no_reader_could_tell_apart_is_not_laid_out() {
    let spec = |name| TensorSpec { name, dtype: DType::Uint8, shape: &[1] };
    let refused = |specs: &[TensorSpec<'_>]| layout(specs).unwrap_err().to_string();
    assert!(refused(&[spec("a"), spec("a")]).contains("its name is taken"));
    assert!(refused(&[spec("__metadata__")]).contains("its name is taken"));
    let bytes = TensorSpec { dtype: DType::Bytes, ..spec("a") };
    assert!(refused(&[bytes]).contains("no such dtype"));
    let huge = TensorSpec { shape: &[usize::MAX, 2], ..spec("a") };
    assert!(refused(&[huge]).contains("overflows"));
}

fn index(json: &str) -> Result<Index, FormatError> {
    Index::parse(json.as_bytes(), &Limits::default())
}

#[test]
fn an_index_says_which_file_holds_a_tensor() {
    let json = r#"{"metadata":{"total_size":12},"weight_map":{
        "b":"model-00002-of-00002.safetensors",
        "a":"model-00001-of-00002.safetensors",
        "c":"model-00002-of-00002.safetensors"}}"#;
    let index = index(json).expect("an index");
    assert_eq!(
        index.files(),
        ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"]
    );
    assert!(index.tensors().eq(["a", "b", "c"]));
    assert_eq!(index.file_of("a"), Some("model-00001-of-00002.safetensors"));
    assert_eq!(index.file_of("c"), index.file_of("b"));
    assert_eq!(index.file_of("d"), None);
}

#[test]
fn an_index_that_has_two_meanings_or_names_files_elsewhere_is_refused() {
    let names = [
        "../a.safetensors",
        "/a.safetensors",
        "a/b.safetensors",
        "a\\\\b.safetensors",
        "C:a.safetensors",
        ".safetensors",
        "a.bin",
        "",
        "a\\u0000.safetensors",
    ];
    for name in names {
        let json = format!(r#"{{"weight_map":{{"t":"{name}"}}}}"#);
        let found = index(&json).expect_err(name);
        assert!(matches!(found, FormatError::ShardName { .. }), "{name}: {found}");
    }
    let twice = r#"{"weight_map":{"t":"a.safetensors","t":"b.safetensors"}}"#;
    assert_eq!(index(twice), Err(FormatError::DuplicateTensor { tensor: "t".into() }));
    let twice = r#"{"weight_map":{},"weight_map":{}}"#;
    assert_eq!(index(twice), Err(FormatError::DuplicateKey { key: "weight_map".into() }));
    let deep = format!(r#"{{"metadata":{}"#, "[".repeat(100_000));
    for json in ["", "[]", "{}", r#"{"weight_map":["a"]}"#, r#"{"weight_map":{"t":1}}"#, &deep] {
        let found = index(json).expect_err(json);
        assert!(matches!(found, FormatError::IndexJson { .. }), "{found}");
    }
}
