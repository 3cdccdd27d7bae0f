//! The tokenizer that a GGUF file describes under `tokenizer.ggml.*`.

use ferrule_format::gguf::{Array, Gguf};

use super::bpe::{Normal, Prefix};
use super::merges::{self, Merges};
use super::pretokenize::Split;
use super::rules::Rules;
use super::special::{Specials, Traits};
use super::vocabulary::Kind;
use super::wordpiece::CHARS_MAX;
use super::{Ends, Model, Tokenizer, bert, bytelevel, spm, wordpiece};
use crate::LmError;

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
            "bert" => source.word_piece(),
            other => Err(LmError::UnsupportedTokenizer {
                tokenizer: other.into(),
                known: "llama, gpt2 and bert",
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
            Ok((text, if is_last(text) { Kind::Control } else { kind }))
        }))
    }

    fn spm(&self) -> Result<Tokenizer, LmError> {
        let mut builder = spm::Builder::new(self.tokens.len(), true);
        let mut specials = Specials::default();
        let mut unknown = None;
        for entry in self.entries()? {
            let (text, kind) = entry?;
            let token = builder.push(kind, text)?;
            unknown = unknown.or((kind == Kind::Unknown).then_some(token));
            add_special(&mut specials, kind, text, token);
        }
        builder.index_user_defined();
        specials.sort();
        let scores = self.array("scores").and_then(|scores| scores.f32s());
        let rules = Rules::by_score(self.tokens.len(), scores.ok_or_else(|| missing("scores"))?)?;
        let spaced = self.flag("add_space_prefix").unwrap_or(true);
        let prefix = if spaced { Prefix::Always } else { Prefix::Never };
        let settings = spm::Settings {
            unknown: self.token("unknown_token_id")?.or(unknown),
            fuse: true,
            normal: Normal { prefix, compose: false },
            split: None,
        };
        let (vocabulary, model) = builder.finish(rules, settings)?;
        let ends = self.ends(&specials, true, spaced)?;
        let model = Model::Bpe(model);
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: true })
    }

    fn byte_level(&self) -> Result<Tokenizer, LmError> {
        let family = family(self.gguf.str("tokenizer.ggml.pre").unwrap_or("default"))?;
        let mut builder = bytelevel::Builder::new(self.tokens.len());
        let mut specials = Specials::default();
        for entry in self.entries()? {
            let (text, kind) = entry?;
            let token = builder.push(kind, text)?;
            add_special(&mut specials, kind, text, token);
        }
        specials.sort();
        let len = self.array("merges").ok_or_else(|| missing("merges"))?.len();
        let mut merges = Merges::with_capacity(len);
        for merge in self.strings("merges")? {
            let known = (&builder.vocabulary, &builder.index);
            merges.push(known, merges::parts(merge), bytelevel::write)?;
        }
        let settings = bytelevel::Settings {
            split: family.split,
            normal: Normal { prefix: Prefix::Never, compose: family.compose },
            ignore_merges: family.ignore_merges,
            unknown: None,
        };
        let (vocabulary, model) = builder.finish(merges.finish(), settings)?;
        let ends = self.ends(&specials, family.adds_bos, false)?;
        let model = Model::Bpe(model);
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: false })
    }

    /// WordPiece: what begins a word is marked by `▁`, in place of `##` before what goes on with one.
    fn word_piece(&self) -> Result<Tokenizer, LmError> {
        let mut builder = wordpiece::Builder::new(self.tokens.len());
        let mut specials = Specials::default();
        let cls = self.token("bos_token_id")?.or(self.token("cls_token_id")?);
        let sep = self.token("seperator_token_id")?.or(self.token("separator_token_id")?);
        let unknown = self.token("unknown_token_id")?;
        for entry in self.entries()? {
            let (text, kind) = entry?;
            let next = Some(builder.len() as u32);
            let end = next == cls || next == sep;
            let kind = if next == unknown {
                Kind::Unknown
            } else if end {
                Kind::Control
            } else {
                kind
            };
            let begun = text.strip_prefix(spm::SPACE_MARK.as_bytes());
            let token = builder.push(kind, begun.unwrap_or(text), begun.is_some())?;
            add_special(&mut specials, kind, text, token);
        }
        specials.sort();
        let unknown = unknown.ok_or_else(|| missing("unknown_token_id"))?;
        let (vocabulary, model) = builder.finish(unknown, CHARS_MAX, bert::Normal::UNCASED);
        let ends = Ends {
            bos: cls,
            eos: sep,
            before: cls.into_iter().collect(),
            after: sep.into_iter().collect(),
            last: sep.into_iter().collect(),
            strips_space: true,
        };
        let model = Model::WordPiece(model);
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: false })
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
        let named = super::LAST.iter().filter_map(|name| specials.find(name));
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
        "default" => plain(Split::Default),
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => {
            Family { ignore_merges: true, adds_bos: true, ..plain(Split::Llama3) }
        }
        "dbrx" | "smaug-bpe" => plain(Split::Llama3),
        "qwen2" | "deepseek-r1-qwen" | "megrez" => Family { compose: true, ..plain(Split::Qwen2) },
        other => {
            return Err(LmError::UnsupportedTokenizer {
                tokenizer: format!("gpt2 with the pre-tokenizer {other}"),
                known: "default, gpt-2, smollm, starcoder, llama-bpe, qwen2 and their kin",
            });
        }
    })
}

/// Whether it is the name of a token that ends a turn.
fn is_last(text: &[u8]) -> bool {
    text.first() == Some(&b'<') && super::LAST.contains(&text)
}

fn add_special(specials: &mut Specials, kind: Kind, text: &[u8], token: u32) {
    if kind.is_special() || kind == Kind::UserDefined {
        specials.push(text, token, kind.is_special(), Traits::default());
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
