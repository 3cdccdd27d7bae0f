//! Tokens equal to those of `tokenizers` and `sentencepiece`.

use ferrule_lm::{Special, Tokenizer};

use crate::{fixture, load, texts};

fn check(tokenizer: &Tokenizer, goldens: &str, special: Special) {
    let ids = std::fs::read(fixture(&format!("{goldens}.ids.json"))).unwrap();
    let ids: Vec<Vec<u32>> = serde_json::from_slice(&ids).unwrap();
    let texts = texts();
    assert_eq!(texts.len(), ids.len());
    for (text, ids) in texts.iter().zip(ids) {
        assert_eq!(tokenizer.encode(text, special), ids, "{text:?}");
    }
}

#[test]
fn byte_level_files_give_the_tokens_that_hugging_face_gives() {
    for name in ["smollm", "gpt2", "llama3", "qwen2"] {
        check(&load(&format!("{name}.json")), name, Special::Parse);
    }
}

#[test]
fn a_gguf_and_a_json_file_of_one_vocabulary_give_the_same_tokens() {
    check(&load("smollm.gguf"), "smollm", Special::Parse);
}

#[test]
fn characters_with_bytes_to_fall_back_on_give_the_tokens_that_hugging_face_gives() {
    check(&load("metaspace.json"), "metaspace", Special::Parse);
}

#[test]
fn word_piece_gives_the_tokens_that_hugging_face_gives() {
    check(&load("wordpiece.json"), "wordpiece", Special::Parse);
}

#[test]
fn scores_give_the_tokens_that_sentencepiece_gives() {
    check(&load("spm.gguf"), "spm", Special::Text);
    check(&load("spm_bare.gguf"), "spm_bare", Special::Text);
}

/// Runs where `FERRULE_LM_MODELS` names the folder that the goldens were recorded with.
#[test]
fn real_vocabularies_give_the_tokens_that_their_libraries_give() {
    let Some(folder) = std::env::var_os("FERRULE_LM_MODELS") else { return };
    for (name, special) in [("smollm2", Special::Parse), ("gemma3", Special::Text)] {
        let path = std::path::Path::new(&folder).join(format!("{name}.gguf"));
        check(&load(path.to_str().unwrap()), name, special);
    }
}

#[test]
fn the_ends_of_a_text_are_those_of_the_post_processor() {
    let bert = load("wordpiece.json");
    assert_eq!(bert.encode_with_ends("", Special::Text), [2, 3]);
    assert_eq!((bert.bos(), bert.eos(), bert.adds_bos()), (Some(2), Some(3), true));
    let llama = load("metaspace.json");
    assert_eq!(llama.encode_with_ends("a", Special::Text)[0], 1);
    assert!(load("spm.gguf").adds_bos());
    let smollm = load("smollm.gguf");
    assert!(!smollm.adds_bos());
    let end = smollm.token_id("<|end|>").unwrap();
    assert!(smollm.is_end(end) && !smollm.is_end(end + 1));
}
