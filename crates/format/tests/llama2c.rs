//! The files of llama2.c: tensors lie where its exporter puts them, and sizes that lie are refused.

use ferrule_base::{Coded as _, ErrorCode};
use ferrule_format::FormatError;
use ferrule_format::llama2c::{Config, Llama2c, Llama2cTokenizer};

/// dim, hidden, layers, heads, kv_heads, vocab, seq.
const SIZES: [i32; 7] = [8, 6, 2, 4, 2, 5, 3];

/// A file whose every float is its own place among the floats.
fn file(sizes: [i32; 7], floats: usize) -> Vec<u8> {
    let floats = (0..floats).flat_map(|place| (place as f32).to_le_bytes());
    sizes.iter().flat_map(|size| size.to_le_bytes()).chain(floats).collect()
}

/// Floats up to the output's matrix: embedding, two layers, the last norm, tables of cosines and sines.
const FLOATS: usize = 5 * 8 + 2 * (8 + 64 + 32 + 32 + 64 + 8 + 48 + 48 + 48) + 8 + 3 * 2;

fn first(model: &Llama2c<'_>, name: &str) -> (Vec<usize>, f32) {
    let tensor = model.tensor(name).expect("is there");
    let start = tensor.bytes.first_chunk().expect("is not empty");
    (tensor.shape, f32::from_le_bytes(*start))
}

#[test]
fn tensors_lie_where_the_exporter_writes_them() {
    let bytes = file(SIZES, FLOATS);
    let model = Llama2c::parse(&bytes).expect("a model");
    let config = Config {
        dim: 8,
        hidden: 6,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        vocab: 5,
        seq: 3,
        shared: true,
    };
    assert_eq!(model.config(), config);
    let expected = [
        ("token_embd.weight", vec![5, 8], 0),
        ("blk.0.attn_norm.weight", vec![8], 40),
        ("blk.1.attn_norm.weight", vec![8], 48),
        ("blk.0.attn_q.weight", vec![8, 8], 56),
        ("blk.1.attn_q.weight", vec![8, 8], 120),
        ("blk.0.attn_k.weight", vec![4, 8], 184),
        ("blk.1.attn_v.weight", vec![4, 8], 280),
        ("blk.0.attn_output.weight", vec![8, 8], 312),
        ("blk.1.ffn_norm.weight", vec![8], 448),
        ("blk.0.ffn_gate.weight", vec![6, 8], 456),
        ("blk.0.ffn_down.weight", vec![8, 6], 552),
        ("blk.1.ffn_up.weight", vec![6, 8], 696),
        ("output_norm.weight", vec![8], 744),
    ];
    for (name, shape, place) in expected {
        assert_eq!(first(&model, name), (shape, place as f32), "{name}");
    }
    for name in ["output.weight", "blk.2.attn_q.weight", "attn_q.weight", "", "blk.0."] {
        assert_eq!(model.tensor(name), None, "{name}");
    }
    assert_eq!(model.names().count(), 2 + 2 * 9);
    assert!(model.names().all(|name| model.tensor(&name).is_some()));
}

#[test]
fn a_vocabulary_below_0_says_that_the_output_has_a_matrix_of_its_own() {
    let sizes = [8, 6, 2, 4, 2, -5, 3];
    let bytes = file(sizes, FLOATS + 40);
    let model = Llama2c::parse(&bytes).expect("a model");
    assert!(!model.config().shared);
    assert_eq!(first(&model, "output.weight"), (vec![5, 8], FLOATS as f32));
}

#[test]
fn sizes_that_cannot_be_and_files_of_another_length_are_refused() {
    let refusal = |bytes: &[u8]| Llama2c::parse(bytes).map(drop).expect_err("is broken");
    for (place, value, says) in [
        (0, 0, "dim is 0"),
        (1, -1, "hidden is -1 in its header; expected more than 0"),
        (3, 3, "heads is 3 in its header; expected a divisor of dim"),
        (4, 3, "kv_heads is 3 in its header; expected a divisor of heads"),
        (5, i32::MIN, "vocab is 0"),
    ] {
        let mut sizes = SIZES;
        sizes[place] = value;
        let error = refusal(&file(sizes, 4));
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
    let whole = file(SIZES, FLOATS);
    for cut in 0..whole.len() {
        let error = refusal(&whole[..cut]);
        assert!(matches!(error, FormatError::EndsEarly { .. }), "{cut}: {error}");
    }
    let longer = [&whole[..], &[0; 5]].concat();
    assert_eq!(refusal(&longer), FormatError::TrailingBytes { count: 5 });
    let huge = refusal(&file([i32::MAX, i32::MAX, i32::MAX, 1, 1, i32::MAX, i32::MAX], 0));
    assert!(huge.to_string().contains("products fit"), "{huge}");
    let later = [0x616B_3432, 1, 8, 6, 2, 4, 2];
    assert_eq!(refusal(&file(later, 64)), FormatError::Llama2cVersion { version: 1 });
}

#[test]
fn a_vocabulary_is_read_to_its_end_and_refused_where_it_is_cut() {
    let token = |score: f32, text: &str| {
        let length = (text.len() as i32).to_le_bytes();
        [&score.to_le_bytes(), &length, text.as_bytes()].concat()
    };
    let file = [4i32.to_le_bytes().to_vec(), token(-1.5, "<s>"), token(0.0, ""), token(2.0, "é")];
    let file = file.concat();
    let tokens = Llama2cTokenizer::parse(&file).expect("a vocabulary");
    assert_eq!((tokens.len(), tokens.is_empty()), (3, false));
    assert!(tokens.iter().eq([(-1.5, &b"<s>"[..]), (0.0, b""), (2.0, "é".as_bytes())]));
    let ends = [4, 15, 23, file.len()];
    for cut in (0..file.len()).filter(|cut| !ends.contains(cut)) {
        let error = Llama2cTokenizer::parse(&file[..cut]).map(drop).expect_err("is cut");
        assert!(matches!(error, FormatError::EndsEarly { .. }), "{cut}: {error}");
    }
    let below = [4i32.to_le_bytes(), 0f32.to_le_bytes(), (-1i32).to_le_bytes()].concat();
    let error = Llama2cTokenizer::parse(&below).map(drop).expect_err("is broken");
    assert_eq!(error, FormatError::TokenLength { token: 0, length: -1 });
}
