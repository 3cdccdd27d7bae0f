//! The steps before and after the model: those that are written here, and in which order.

use serde_json::Value;

use crate::LmError;
use crate::tokenizer::bert;
use crate::tokenizer::bpe::{self, Prefix};
use crate::tokenizer::pretokenize::Split;
use crate::tokenizer::spm::SPACE_MARK;

/// What precedes byte-pair encoding.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) normal: bpe::Normal,
    /// Spaces are written as `▁`.
    pub(super) marked: bool,
    /// Text is encoded as bytes, in GPT-2's alphabet.
    pub(super) byte_level: bool,
    pub(super) split: Option<Split>,
    /// What else is to be split first.
    digits: bool,
}

/// The regular expressions of which there is a splitter.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Steps {
    /// Reads `normalizer` and `pre_tokenizer`.
    ///
    /// # Errors
    /// [`LmError::UnsupportedTokenizer`] for what is not written here.
    pub(super) fn read(normalizer: &Value, pre_tokenizer: &Value) -> Result<Self, LmError> {
        let mut steps = Self::default();
        for step in flat(normalizer, "normalizers") {
            steps.normalize(step)?;
        }
        let splits = flat(pre_tokenizer, "pretokenizers");
        for step in &splits {
            steps.pre_tokenize(step, splits.len())?;
        }
        if steps.digits {
            return Err(unsupported("pre-tokenizer", &pre_tokenizer["type"]));
        }
        Ok(steps)
    }

    fn normalize(&mut self, step: &Value) -> Result<(), LmError> {
        match kind(step) {
            "NFC" => self.normal.compose = true,
            "Prepend" if step["prepend"] == SPACE_MARK => self.normal.prefix = Prefix::Always,
            "Replace" if step["pattern"]["String"] == " " && step["content"] == SPACE_MARK => {
                self.marked = true;
            }
            _ => return Err(unsupported("normalizer", step)),
        }
        Ok(())
    }

    fn pre_tokenize(&mut self, step: &Value, steps: usize) -> Result<(), LmError> {
        let split = match kind(step) {
            "Digits" if step["individual_digits"] == true => {
                self.digits = true;
                return Ok(());
            }
            "ByteLevel" => return self.byte_level(step, steps),
            "Metaspace" => return self.metaspace(step),
            // Where spaces are marked, none is left that this could split.
            "Split" if self.marked && step["pattern"]["String"] == " " => return Ok(()),
            "Split" if step["behavior"] == "Isolated" && step["invert"] != true => {
                match step["pattern"]["Regex"].as_str() {
                    Some(LLAMA3) => Split::Llama3,
                    Some(QWEN2) => Split::Qwen2,
                    _ => return Err(unsupported("pre-tokenizer", step)),
                }
            }
            _ => return Err(unsupported("pre-tokenizer", step)),
        };
        self.split = Some(split);
        Ok(())
    }

    fn byte_level(&mut self, step: &Value, steps: usize) -> Result<(), LmError> {
        self.byte_level = true;
        if step["add_prefix_space"] != false {
            if steps > 1 {
                return Err(unsupported("pre-tokenizer", step));
            }
            self.normal.prefix = Prefix::Missing;
        }
        if step["use_regex"] != false {
            if self.split.is_some() {
                return Err(unsupported("pre-tokenizer", step));
            }
            self.split = Some(if self.digits { Split::DigitsGpt2 } else { Split::Gpt2 });
            self.digits = false;
        }
        Ok(())
    }

    fn metaspace(&mut self, step: &Value) -> Result<(), LmError> {
        if step["replacement"] != SPACE_MARK {
            return Err(unsupported("pre-tokenizer", step));
        }
        self.marked = true;
        self.normal.prefix = match step["prepend_scheme"].as_str() {
            Some("never") => Prefix::Never,
            Some("first") => Prefix::MissingFirst,
            None if step["add_prefix_space"] == false => Prefix::Never,
            _ => Prefix::Missing,
        };
        if step["split"] != false {
            self.split = Some(Split::EachSpace);
        }
        Ok(())
    }
}

/// Reads the normalizer of a WordPiece model, whose pre-tokenizer must be BERT's.
pub(super) fn bert(normalizer: &Value, pre_tokenizer: &Value) -> Result<bert::Normal, LmError> {
    if kind(pre_tokenizer) != "BertPreTokenizer" {
        return Err(unsupported("pre-tokenizer", pre_tokenizer));
    }
    if kind(normalizer) != "BertNormalizer" {
        return Err(unsupported("normalizer", normalizer));
    }
    let flag = |name: &str| normalizer[name].as_bool();
    let lowercase = flag("lowercase").unwrap_or(true);
    Ok(bert::Normal {
        clean: flag("clean_text").unwrap_or(true),
        ideographs: flag("handle_chinese_chars").unwrap_or(true),
        strip_accents: flag("strip_accents").unwrap_or(lowercase),
        lowercase,
    })
}

/// The tokens that the post-processor puts before a text and after it.
///
/// # Errors
/// [`LmError::UnsupportedTokenizer`] for a kind that is not written here.
pub(super) fn ends(post_processor: &Value) -> Result<(Vec<u32>, Vec<u32>), LmError> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for step in flat(post_processor, "processors") {
        match kind(step) {
            "ByteLevel" => {}
            "BertProcessing" | "RobertaProcessing" => {
                before.extend(number(&step["cls"][1]));
                after.extend(number(&step["sep"][1]));
            }
            "TemplateProcessing" => {
                let parts = step["single"].as_array().map_or(&[][..], Vec::as_slice);
                let text = parts.iter().position(|part| part.get("Sequence").is_some());
                for (at, part) in parts.iter().enumerate() {
                    let name = part["SpecialToken"]["id"].as_str().unwrap_or_default();
                    let ids = step["special_tokens"][name]["ids"].as_array();
                    let tokens = ids.into_iter().flatten().filter_map(number);
                    if text.is_some_and(|text| at > text) {
                        after.extend(tokens);
                    } else {
                        before.extend(tokens);
                    }
                }
            }
            _ => return Err(unsupported("post-processor", step)),
        }
    }
    Ok((before, after))
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn kind(step: &Value) -> &str {
    step["type"].as_str().unwrap_or_default()
}

/// A step, or those of a sequence of them; none where there is none.
fn flat<'v>(step: &'v Value, list: &str) -> Vec<&'v Value> {
    match step {
        Value::Null => Vec::new(),
        _ if kind(step) == "Sequence" => {
            step[list].as_array().into_iter().flatten().flat_map(|step| flat(step, list)).collect()
        }
        _ => vec![step],
    }
}

fn unsupported(what: &str, step: &Value) -> LmError {
    const CHARS_MAX: usize = 120;
    LmError::UnsupportedTokenizer {
        tokenizer: format!(
            "{what} {}",
            step.to_string().chars().take(CHARS_MAX).collect::<String>()
        ),
        known: "those of Llama, Gemma, Qwen, SmolLM, GPT-2 and BERT",
    }
}
