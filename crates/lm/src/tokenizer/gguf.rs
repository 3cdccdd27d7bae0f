//! The tokenizer that a GGUF file describes under `tokenizer.ggml.*`.

use ferrule_format::gguf::{Array, Gguf};

use super::bpe::{Normal, Prefix, SPACE_MARK};
use super::bytelevel::{self, Builder, Settings};
use super::pretokenize::Split;
use super::special::{Specials, Traits};
use super::spm;
use super::vocabulary::{Index, Kind, Vocabulary};
use super::{Ends, Tokenizer};
use crate::LmError;

/// Names of tokens that end a turn, whatever kind the file gives them.
const LAST: [&[u8]; 10] = [
    b"<|im_end|>",
    b"<|endoftext|>",
    b"<|eot_id|>",
    b"<|eom_id|>",
    b"<|end_of_text|>",
    b"<|end|>",
    b"<end_of_turn>",
    b"<EOT>",
    b"<|return|>",
    "<｜end▁of▁sentence｜>".as_bytes(),
];

impl Tokenizer {
    /// The tokenizer of a GGUF file.
    ///
    /// # Errors
    /// [`LmError::UnsupportedTokenizer`] for models and ways to split text that are not written here;
    /// [`LmError::Missing`] and [`LmError::Invalid`] where keys are missing or contradict each other.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, LmError> {
        let source = Source::new(gguf)?;
        match source.text("model")? {
            "llama" => source.spm(),
            "gpt2" => source.byte_level(),
            other => Err(LmError::UnsupportedTokenizer {
                tokenizer: other.into(),
                known: "llama and gpt2",
            }),
        }
    }
}

/// A file with its keys.
struct Source<'a, 'g> {
    gguf: &'g Gguf<'a>,
    tokens: Array<'a>,
}

impl<'a, 'g> Source<'a, 'g> {
    fn new(gguf: &'g Gguf<'a>) -> Result<Self, LmError> {
        let tokens = gguf.array("tokenizer.ggml.tokens").ok_or_else(|| missing("tokens"))?;
        Ok(Self { gguf, tokens })
    }

    fn key(name: &str) -> String {
        format!("tokenizer.ggml.{name}")
    }

    fn text(&self, name: &str) -> Result<&'a str, LmError> {
        self.gguf.str(&Self::key(name)).ok_or_else(|| missing(name))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.gguf.bool(&Self::key(name))
    }

    fn array(&self, name: &str) -> Option<Array<'a>> {
        self.gguf.array(&Self::key(name))
    }

    fn strings(&self, name: &str) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, LmError> {
        self.array(name).and_then(|array| array.strings()).ok_or_else(|| missing(name))
    }

    /// The token under a key.
    fn token(&self, name: &str) -> Result<Option<u32>, LmError> {
        match self.gguf.u32(&Self::key(name)) {
            Some(token) if token as usize >= self.tokens.len() => {
                Err(LmError::UnknownToken { token, vocabulary: self.tokens.len() })
            }
            token => Ok(token),
        }
    }

    /// The tokens' texts and kinds. Without kinds, all are text but for bytes of that name.
    fn entries(&self) -> Result<impl Iterator<Item = Result<(&'a [u8], Kind), LmError>>, LmError> {
        let kinds = match self.array("token_type") {
            None => None,
            Some(kinds) => {
                same_length("token types", kinds.len(), self.tokens.len())?;
                Some(kinds.i32s().ok_or_else(|| missing("token_type"))?)
            }
        };
        let mut kinds = kinds.map(Iterator::enumerate);
        Ok(self.strings("tokens")?.map(move |text| {
            let Some((token, number)) = kinds.as_mut().and_then(Iterator::next) else {
                let byte = spm::byte_of(text).is_some();
                return Ok((text, if byte { Kind::Byte } else { Kind::Normal }));
            };
            let kind = Kind::from_gguf(number.into()).ok_or_else(|| LmError::Invalid {
                name: format!("the type of token {token}"),
                expected: "1 to 6".into(),
                got: number.to_string(),
            })?;
            Ok((text, if LAST.contains(&text) { Kind::Control } else { kind }))
        }))
    }

    fn spm(&self) -> Result<Tokenizer, LmError> {
        let mut vocabulary = Vocabulary::with_capacity(self.tokens.len());
        let mut specials = Specials::default();
        for entry in self.entries()? {
            let (text, kind) = entry?;
            let byte = if kind == Kind::Byte { Some(byte_named(text)?) } else { None };
            // In a text a space is written `▁`: a token with a space is of no text.
            let kind =
                if kind == Kind::Normal && text.contains(&b' ') { Kind::Unused } else { kind };
            let token = vocabulary.push(kind, |arena| match (kind, byte) {
                (_, Some(byte)) => arena.push(byte),
                (Kind::Normal, _) => push_spaced(text, arena),
                _ => arena.extend_from_slice(text),
            })?;
            add_special(&mut specials, kind, text, token);
        }
        specials.sort();
        let scores = self.array("scores").and_then(|scores| scores.f32s());
        let scores = scores.ok_or_else(|| missing("scores"))?;
        let unknown = match self.token("unknown_token_id")? {
            None => vocabulary.tokens().find(|(_, kind, _)| *kind == Kind::Unknown).map(|t| t.0),
            known => known,
        };
        let spaced = self.flag("add_space_prefix").unwrap_or(true);
        let prefix = if spaced { Prefix::Always } else { Prefix::Never };
        let normal = Normal { prefix, marks_are_spaces: true, compose: false };
        let model = spm::model(&vocabulary, scores, unknown, normal)?;
        let ends = self.ends(&specials, true, spaced)?;
        Ok(Tokenizer { vocabulary, specials, model, ends })
    }

    fn byte_level(&self) -> Result<Tokenizer, LmError> {
        let family = family(self.gguf.str("tokenizer.ggml.pre").unwrap_or("default"))?;
        let mut vocabulary = Vocabulary::with_capacity(self.tokens.len());
        let mut specials = Specials::default();
        let mut of_bytes = Vec::with_capacity(self.tokens.len());
        for entry in self.entries()? {
            let (text, kind) = entry?;
            let mut written = false;
            let token =
                vocabulary.push(kind, |arena| written = bytelevel::write(kind, text, arena))?;
            of_bytes.extend(written.then_some(token));
            add_special(&mut specials, kind, text, token);
        }
        specials.sort();
        let mut index = Index::new(&vocabulary);
        for token in of_bytes {
            index.insert_new(&vocabulary, token)?;
        }
        let merges = self.array("merges").ok_or_else(|| missing("merges"))?.len();
        let mut builder = Builder::new(vocabulary, index, merges);
        for merge in self.strings("merges")? {
            // The first of the two may itself begin with a space in no alphabet: it has one byte at least.
            let space = merge.iter().skip(1).position(|&byte| byte == b' ').map(|at| at + 1);
            let (left, right) = merge.split_at(space.unwrap_or(merge.len()));
            builder.merge(left, right.get(1..).unwrap_or_default())?;
        }
        let normal = Normal { compose: family.compose, ..Normal::default() };
        let settings = Settings {
            split: family.split,
            normal,
            ignore_merges: family.ignore_merges,
            unknown: None,
        };
        let (vocabulary, model) = builder.finish(settings)?;
        let ends = self.ends(&specials, family.adds_bos, false)?;
        Ok(Tokenizer { vocabulary, specials, model, ends })
    }

    fn ends(
        &self,
        specials: &Specials,
        adds_bos: bool,
        strips_space: bool,
    ) -> Result<Ends, LmError> {
        let (bos, eos) = (self.token("bos_token_id")?, self.token("eos_token_id")?);
        let adds_bos = self.flag("add_bos_token").unwrap_or(adds_bos);
        let adds_eos = self.flag("add_eos_token").unwrap_or(false);
        let named = LAST.iter().filter_map(|name| specials.find(name));
        let keyed = [eos, self.token("eot_token_id")?, self.token("eom_token_id")?];
        let mut last: Vec<u32> = keyed.into_iter().flatten().chain(named).collect();
        last.sort_unstable();
        last.dedup();
        Ok(Ends {
            bos,
            eos,
            before: bos.filter(|_| adds_bos).into_iter().collect(),
            after: eos.filter(|_| adds_eos).into_iter().collect(),
            last,
            strips_space,
        })
    }
}

/// What a name under `tokenizer.ggml.pre` stands for.
struct Family {
    split: Split,
    ignore_merges: bool,
    adds_bos: bool,
    compose: bool,
}

fn family(name: &str) -> Result<Family, LmError> {
    let plain = |split| Family { split, ignore_merges: false, adds_bos: false, compose: false };
    Ok(match name {
        "gpt-2" | "phi-2" | "olmo" | "jais" | "mpt" | "trillion" | "exaone4" => plain(Split::Gpt2),
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" | "minerva-7b" => {
            plain(Split::DigitsGpt2)
        }
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => {
            Family { ignore_merges: true, adds_bos: true, ..plain(Split::Llama3) }
        }
        "dbrx" | "smaug-bpe" => plain(Split::Llama3),
        "qwen2" | "deepseek-r1-qwen" | "megrez" => Family { compose: true, ..plain(Split::Qwen2) },
        other => {
            return Err(LmError::UnsupportedTokenizer {
                tokenizer: format!("gpt2 with the pre-tokenizer {other}"),
                known: "gpt-2, smollm, starcoder, llama-bpe, qwen2 and their kin",
            });
        }
    })
}

fn add_special(specials: &mut Specials, kind: Kind, text: &[u8], token: u32) {
    if kind.is_special() || kind == Kind::UserDefined {
        specials.push(text, token, kind.is_special(), Traits::default());
    }
}

fn byte_named(text: &[u8]) -> Result<u8, LmError> {
    spm::byte_of(text).ok_or_else(|| LmError::Invalid {
        name: "the text of a token of type byte".into(),
        expected: "<0x00> to <0xFF>".into(),
        got: format!("{:?}", String::from_utf8_lossy(text)),
    })
}

/// Appends `text` with `▁` as a space.
fn push_spaced(text: &[u8], arena: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match rest.strip_prefix(SPACE_MARK.as_bytes()) {
            Some(after) => {
                arena.push(b' ');
                rest = after;
            }
            None => {
                arena.push(byte);
                rest = after;
            }
        }
    }
}

fn missing(name: &str) -> LmError {
    LmError::Missing { what: "key", name: Source::key(name) }
}

fn same_length(what: &str, got: usize, tokens: usize) -> Result<(), LmError> {
    if got == tokens {
        return Ok(());
    }
    Err(LmError::Invalid {
        name: format!("the number of {what}"),
        expected: format!("{tokens}, that of tokens"),
        got: got.to_string(),
    })
}
