//! Vocabularies that lie: each is refused by name, or read without harm.

use ferrule_base::Limits;
use ferrule_format::gguf::Gguf;
use ferrule_format::llama2c::Llama2cTokenizer;
use ferrule_lm::{LmError, Special, Tokenizer};
use serde_json::json;

/// A GGUF file of metadata alone.
#[derive(Default)]
struct File {
    entries: u64,
    bytes: Vec<u8>,
}

impl File {
    fn text(bytes: &mut Vec<u8>, text: &[u8]) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text);
    }

    fn key(&mut self, name: &str, kind: u32) {
        self.entries += 1;
        Self::text(&mut self.bytes, format!("tokenizer.ggml.{name}").as_bytes());
        self.bytes.extend(kind.to_le_bytes());
    }

    fn str(mut self, name: &str, value: &str) -> Self {
        self.key(name, 8);
        Self::text(&mut self.bytes, value.as_bytes());
        self
    }

    fn u32(mut self, name: &str, value: u32) -> Self {
        self.key(name, 4);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn array(&mut self, name: &str, kind: u32, len: usize) {
        self.key(name, 9);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((len as u64).to_le_bytes());
    }

    fn strs(mut self, name: &str, values: &[&[u8]]) -> Self {
        self.array(name, 8, values.len());
        for value in values {
            Self::text(&mut self.bytes, value);
        }
        self
    }

    fn f32s(mut self, name: &str, values: &[f32]) -> Self {
        self.array(name, 6, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    fn i32s(mut self, name: &str, values: &[i32]) -> Self {
        self.array(name, 5, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    fn read(&self) -> Result<Tokenizer, LmError> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend([0, self.entries].map(u64::to_le_bytes).as_flattened());
        file.extend(&self.bytes);
        Tokenizer::from_gguf(&Gguf::parse(&file, &Limits::default()).unwrap())
    }

    fn error(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

fn spm(tokens: &[&[u8]], scores: &[f32], kinds: &[i32]) -> File {
    let file = File::default().str("model", "llama").strs("tokens", tokens);
    file.f32s("scores", scores).i32s("token_type", kinds)
}

fn bytes(tokens: &[&[u8]], merges: &[&[u8]]) -> File {
    let file = File::default().str("model", "gpt2").str("pre", "smollm");
    file.strs("tokens", tokens).strs("merges", merges)
}

#[test]
fn scores_and_types_must_be_there_and_make_sense() {
    let tokens: [&[u8]; 2] = [b"<unk>", b"a"];
    let nan = spm(&tokens, &[0.0, f32::NAN], &[2, 1]).error();
    assert_eq!(nan, "the score of token 1 is NaN; expected a number");
    let few = spm(&tokens, &[0.0], &[2, 1]).error();
    assert_eq!(few, "the number of scores is 1; expected 2, that of tokens");
    let kinds = spm(&tokens, &[0.0, 0.0], &[2]).error();
    assert_eq!(kinds, "the number of token types is 1; expected 2, that of tokens");
    let kind = spm(&tokens, &[0.0, 0.0], &[2, 9]).error();
    assert_eq!(kind, "the type of token 1 is 9; expected 1 to 6");
    let byte = spm(&tokens, &[0.0, 0.0], &[2, 6]).error();
    assert!(byte.contains("expected <0x00> to <0xFF>"), "{byte}");
    let none = File::default().str("model", "llama").strs("tokens", &tokens).error();
    assert_eq!(none, "the model has no key \"tokenizer.ggml.scores\"");
}

#[test]
fn infinite_scores_are_an_order_like_any_other() {
    let tokens: [&[u8]; 5] = [b"<unk>", b"a", b"b", b"aa", b"ab"];
    let scores = [0.0, 0.0, 0.0, f32::NEG_INFINITY, f32::INFINITY];
    let tokenizer = spm(&tokens, &scores, &[2, 1, 1, 1, 1]).read().unwrap();
    assert_eq!(tokenizer.encode("aab", Special::Text), [0, 1, 4]);
}

#[test]
fn a_text_twice_is_refused_and_an_empty_one_is_no_one_s() {
    let twice = spm(&[b"<unk>", b"a", b"a"], &[0.0; 3], &[2, 1, 1]).error();
    assert_eq!(twice, "the text of token 2 is that of token 1; expected one of its own");
    let empty = spm(&[b"<unk>", b"", b"", b"a"], &[0.0; 4], &[2, 1, 3, 1]).read().unwrap();
    assert_eq!(empty.encode("a", Special::Parse), [0, 3]);
}

#[test]
fn text_that_nothing_stands_for_must_have_a_token_of_last_resort() {
    let none = spm(&[b"a"], &[0.0], &[1]).error();
    assert_eq!(none, "the model has no token for what no other writes, such as \"<unk>\"");
    let unknown = spm(&[b"<unk>", b"a"], &[0.0; 2], &[2, 1]).read().unwrap();
    assert_eq!(unknown.encode("ébca", Special::Text), [0, 1], "a run is one token");
}

#[test]
fn numbers_of_tokens_out_of_range_are_refused() {
    for key in ["bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id"] {
        let file = spm(&[b"<unk>"], &[0.0], &[2]).u32(key, 1);
        assert_eq!(file.error(), "token 1 is not one of the vocabulary's 1");
    }
}

#[test]
fn merges_of_unknown_parts_are_refused() {
    let tokens: [&[u8]; 3] = [b"a", b"b", b"ab"];
    for merge in ["a c", "c a", "a", "", " ", "b a", "a  b", "\u{4e2d} a"] {
        let error = bytes(&tokens, &[b"a b", merge.as_bytes()]).error();
        assert!(error.starts_with("merge 1 is "), "{merge:?}: {error}");
    }
    assert!(bytes(&tokens, &[b"\xff a"]).error().starts_with("merge 0 is "));
    let twice = bytes(&tokens, &[b"a b", b"a b"]).read().unwrap();
    assert_eq!(twice.encode("abc", Special::Text), [2], "a byte that no token writes is left out");
}

#[test]
fn a_byte_level_vocabulary_without_bytes_is_refused() {
    let error = bytes(&[b"<s>"], &[]).error();
    assert_eq!(error, "the model has no token of one byte, such as \"a\"");
}

#[test]
fn models_and_splits_that_are_not_written_here_are_refused_by_name() {
    let model = File::default().str("model", "rwkv").strs("tokens", &[]).error();
    assert_eq!(model, "the tokenizer \"rwkv\" is not supported; llama, gpt2 and bert are");
    let file = File::default().str("model", "gpt2").str("pre", "chatglm-bpe");
    let split = file.strs("tokens", &[b"a"]).strs("merges", &[]).error();
    assert!(split.contains("gpt2 with the pre-tokenizer chatglm-bpe"), "{split}");
}

#[test]
fn tokens_need_not_be_utf_8() {
    let tokens: [&[u8]; 4] = [b"<unk>", b"\xff\xfe", b"\xe2\x96", b"a\x80"];
    let tokenizer = spm(&tokens, &[0.0; 4], &[2, 1, 4, 3]).read().unwrap();
    assert_eq!(tokenizer.decode(&[1, 2]), "\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(tokenizer.encode("é", Special::Parse), [0]);
}

#[test]
fn tokens_that_collide_in_a_weak_hash_load_in_no_quadratic_time() {
    let texts: Vec<Vec<u8>> = (0..100_000_u32)
        .map(|i| [&i.to_le_bytes()[..], &[0; 4], &(i ^ 0x5555).to_be_bytes()].concat())
        .collect();
    let tokens: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let file =
        spm(&tokens, &vec![0.0; tokens.len()], &vec![4; tokens.len()]).u32("unknown_token_id", 0);
    let start = std::time::Instant::now();
    assert_eq!(file.read().unwrap().len(), 100_000);
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_file_of_llama2_c_is_refused_by_what_is_wrong() {
    let read = |bytes: &[u8]| Tokenizer::from_llama2c(&Llama2cTokenizer::parse(bytes).unwrap());
    let missing = read(&[0; 4]).unwrap_err().to_string();
    assert_eq!(missing, "the model has no token \"</s>\"");
    let token = |score: f32| [&score.to_le_bytes()[..], &1_u32.to_le_bytes(), b"x"].concat();
    let file = [&[0; 4][..], &token(0.0), &token(0.0), &token(f32::NAN)].concat();
    assert!(read(&file).unwrap_err().to_string().starts_with("the score of token 2 is NaN"));
}

fn word_piece() -> serde_json::Value {
    json!({
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1}},
        "normalizer": {"type": "BertNormalizer"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
    })
}

fn json_error(file: &serde_json::Value) -> String {
    Tokenizer::from_json(file.to_string().as_bytes(), None).unwrap_err().to_string()
}

#[test]
fn json_numbers_that_are_absurd_or_shared_are_refused() {
    let mut file = word_piece();
    file["model"]["vocab"]["b"] = json!(4_000_000_000_u32);
    assert!(
        json_error(&file).starts_with("the number of token \"b\" is 4000000000; expected less")
    );
    file["model"]["vocab"]["b"] = json!(1);
    assert!(json_error(&file).contains("expected one of its own"));
    file["model"]["vocab"]["b"] = json!(-1);
    assert!(json_error(&file).starts_with("tokenizer.json is invalid value"));
    let mut file = word_piece();
    file["post_processor"] = json!({"type": "BertProcessing", "cls": ["a", 7], "sep": ["a", 1]});
    assert_eq!(json_error(&file), "token 7 is not one of the vocabulary's 2");
}

#[test]
fn json_steps_that_are_not_written_here_are_refused_by_name() {
    let mut file = word_piece();
    file["model"]["type"] = json!("Unigram");
    assert!(json_error(&file).contains("\"Unigram\" is not supported"));
    let mut file = word_piece();
    file["normalizer"] = json!({"type": "NFKC"});
    assert!(json_error(&file).contains("NFKC"));
    let pre = json!({"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"});
    let model = json!({"type": "BPE", "vocab": {"a": 0}, "merges": []});
    let file = json!({"model": model, "pre_tokenizer": pre});
    assert!(json_error(&file).contains("(a+)+$"));
}

#[test]
fn json_that_is_cut_deep_or_of_other_shape_is_refused() {
    let whole = word_piece().to_string();
    for end in 0..whole.len() {
        assert!(Tokenizer::from_json(&whole.as_bytes()[..end], None).is_err(), "{end}");
    }
    let deep = format!("{{\"normalizer\": {}", "[".repeat(100_000));
    assert!(Tokenizer::from_json(deep.as_bytes(), None).is_err());
    for merges in [json!(["a"]), json!([["a"]]), json!([["a", "b", "c"]]), json!([1]), json!({})] {
        let file = json!({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": merges}});
        assert!(json_error(&file).starts_with("tokenizer.json is "), "{file}");
    }
}
