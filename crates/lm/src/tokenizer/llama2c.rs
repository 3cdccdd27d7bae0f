//! The `tokenizer.bin` of llama2.c: SentencePiece's pieces with their spaces written out.

use ferrule_format::llama2c::Llama2cTokenizer;

use super::bpe::{Normal, Prefix};
use super::rules::Rules;
use super::special::{Specials, Traits};
use super::spm::{self, Builder, Settings};
use super::vocabulary::Kind;
use super::{Ends, Model, Tokenizer};
use crate::LmError;

/// Tokens 0, 1 and 2 are special in every file: unknown, and the ends of a text.
const UNKNOWN: u32 = 0;
const BOS: u32 = 1;
const EOS: u32 = 2;

impl Tokenizer {
    /// The tokenizer of a `tokenizer.bin`. Its texts are those of the file with the marks of their names
    /// (`<s>`, `</s>`) trimmed of line breaks.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where a score is not a number or two tokens have one text;
    /// [`LmError::Missing`] where there are fewer than three tokens.
    pub fn from_llama2c(file: &Llama2cTokenizer) -> Result<Self, LmError> {
        if file.len() <= EOS as usize {
            return Err(LmError::Missing { what: "token", name: "</s>".into() });
        }
        let mut builder = Builder::new(file.len(), false);
        let mut specials = Specials::default();
        for (id, (_, text)) in file.iter().enumerate() {
            if id <= EOS as usize {
                let name = text.trim_ascii();
                let token =
                    builder.push(if id == 0 { Kind::Unknown } else { Kind::Control }, name)?;
                specials.push(name, token, true, Traits::default());
            } else {
                let byte = spm::byte_of(text).is_some();
                builder.push(if byte { Kind::Byte } else { Kind::Normal }, text)?;
            }
        }
        specials.sort();
        let rules = Rules::by_score(file.len(), file.iter().map(|(score, _)| score))?;
        let normal = Normal { prefix: Prefix::Always, compose: false };
        let settings = Settings { unknown: Some(UNKNOWN), fuse: true, normal, split: None };
        let (vocabulary, model) = builder.finish(rules, settings)?;
        let model = Model::Bpe(model);
        let ends = Ends {
            bos: Some(BOS),
            eos: Some(EOS),
            before: vec![BOS],
            // Stories follow one another in the training text: the beginning of one ends another.
            last: vec![BOS, EOS],
            strips_space: true,
            ..Ends::default()
        };
        Ok(Self { vocabulary, specials, model, ends, marks_are_spaces: false })
    }
}
