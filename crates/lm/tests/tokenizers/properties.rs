//! What holds for any text.

use ferrule_lm::{Special, TextDecoder, Tokenizer};

use crate::{load, texts};

/// Vocabularies of which any text can be read back.
const FAITHFUL: [&str; 6] =
    ["smollm.json", "smollm.gguf", "llama3.json", "metaspace.json", "spm.gguf", "spm_bare.gguf"];

/// Texts of characters of chance, from a few to some hundred, of all planes.
fn chance_texts() -> Vec<String> {
    let mut state = 0x1234_5678_9abc_def0_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = || {
        let len = next() % [4, 40, 400][next() as usize % 3];
        let top = [0x80, 0x800, 0x1_0000, 0x11_0000][next() as usize % 4];
        (0..len).filter_map(|_| char::from_u32((next() % top) as u32)).collect()
    };
    (0..300).map(|_| text()).collect()
}

/// SentencePiece's mark is a space, in a text as in a vocabulary.
fn unmarked(text: &str, name: &str) -> String {
    let marked = name.starts_with("spm") || name.starts_with("metaspace");
    if marked { text.replace('▁', " ") } else { text.to_owned() }
}

#[test]
fn tokens_of_any_text_decode_to_it() {
    for name in FAITHFUL {
        let tokenizer = load(name);
        for text in texts().into_iter().chain(chance_texts()) {
            let tokens = tokenizer.encode(&text, Special::Text);
            assert_eq!(tokenizer.decode(&tokens), unmarked(&text, name), "{name}");
        }
    }
}

#[test]
fn a_streaming_decoder_writes_the_same_text() {
    for name in FAITHFUL {
        let tokenizer = load(name);
        for text in texts() {
            let tokens = tokenizer.encode(&text, Special::Text);
            let mut decoder = TextDecoder::new();
            let mut streamed = String::new();
            for &token in &tokens {
                streamed += decoder.push(&tokenizer, token);
            }
            streamed += decoder.finish();
            let whole = unmarked(&text, name);
            assert!(streamed == whole || streamed.strip_prefix(' ') == Some(&whole), "{name}");
        }
    }
}

#[test]
fn plain_text_never_becomes_a_special_token() {
    for name in ["smollm.json", "metaspace.json", "spm.gguf", "wordpiece.json"] {
        let tokenizer = load(name);
        for special in ["<s>", "</s>", "<unk>", "<|end|>", "[CLS]", "[SEP]"] {
            let Some(token) = tokenizer.token_id(special) else { continue };
            let hidden = format!("a{special}b {special}");
            if tokenizer.bytes_of(token) == Some(b"") {
                assert!(!tokenizer.encode(&hidden, Special::Text).contains(&token), "{name}");
            }
            assert!(tokenizer.encode(&hidden, Special::Parse).contains(&token), "{name}");
        }
    }
}

#[test]
fn every_token_is_found_by_its_name_or_its_text() {
    let tokenizer = load("smollm.gguf");
    for token in 0..tokenizer.len() as u32 {
        let name = std::str::from_utf8(tokenizer.name_of(token).unwrap());
        if let Ok(name) = name {
            assert_eq!(tokenizer.token_id(name), Some(token), "{name:?}");
        }
    }
    assert_eq!(tokenizer.bytes_of(tokenizer.len() as u32), None);
    assert_eq!(tokenizer.decode(&[u32::MAX]), "");
}

/// Seconds that encoding takes.
fn seconds(tokenizer: &Tokenizer, text: &str) -> f64 {
    let start = std::time::Instant::now();
    let tokens = tokenizer.encode(text, Special::Parse);
    assert!(tokens.len() <= text.len() + 1);
    start.elapsed().as_secs_f64()
}

#[test]
fn long_texts_without_spaces_take_no_quadratic_time() {
    for name in ["smollm.json", "llama3.json", "metaspace.json", "spm.gguf", "wordpiece.json"] {
        let tokenizer = load(name);
        for unit in ["a", "the", "日本", "\n", " ", "<", "!", "1", "e\u{301}", "\u{fdfa}"] {
            let text = unit.repeat(300_000 / unit.len());
            let taken = seconds(&tokenizer, &text);
            assert!(taken < 5.0, "{name}: 300 kB of {unit:?} took {taken:.1} s");
        }
    }
}
