//! The `tokenizer.bin` of llama2.c: SentencePiece's pieces with their spaces written out.

use ferrule_format::llama2c::Llama2cTokenizer;

use super::bpe::{Normal, Prefix};
use super::special::{Specials, Traits};
use super::spm::{self, byte_of};
use super::vocabulary::{Kind, Vocabulary};
use super::{Ends, Tokenizer};
use crate::LmError;

/// Tokens 0, 1 and 2 are special in every file: unknown, and the ends of a text.
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
        let mut vocabulary = Vocabulary::with_capacity(file.len());
        let mut specials = Specials::default();
        for (id, (_, text)) in file.iter().enumerate() {
            match (id, byte_of(text)) {
                (0..=2, _) => {
                    let name = text.trim_ascii();
                    let kind = if id == 0 { Kind::Unknown } else { Kind::Control };
                    let token = vocabulary.push(kind, |arena| arena.extend_from_slice(name))?;
                    specials.push(name, token, true, Traits::default());
                }
                (_, Some(byte)) => drop(vocabulary.push(Kind::Byte, |arena| arena.push(byte))?),
                _ => drop(vocabulary.push(Kind::Normal, |arena| arena.extend_from_slice(text))?),
            }
        }
        specials.sort();
        let normal = Normal { prefix: Prefix::Always, ..Normal::default() };
        let model = spm::model(&vocabulary, file.iter().map(|(score, _)| score), Some(0), normal)?;
        let ends = Ends {
            bos: Some(BOS),
            eos: Some(EOS),
            before: vec![BOS],
            // Stories follow one another in the training text: the beginning of one ends another.
            last: vec![BOS, EOS],
            strips_space: true,
            ..Ends::default()
        };
        Ok(Self { vocabulary, specials, model, ends })
    }
}
