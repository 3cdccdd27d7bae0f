//! The tokenizer that a `tokenizer.json` of Hugging Face describes.

mod file;
mod steps;

use serde_json::Value;

use super::bpe::Prefix;
use super::merges::Merges;
use super::special::{Specials, Traits};
use super::vocabulary::Kind;
use super::wordpiece::CHARS_MAX;
use super::{Ends, Model, Tokenizer, bytelevel, spm, wordpiece};
use crate::LmError;
use ferrule_format::text::printable;
use file::{Added, File};
use steps::Steps;

/// Numbers of tokens may skip this many.
const GAPS_MAX: usize = 1 << 16;

impl Tokenizer {
    /// The tokenizer of a `tokenizer.json`; `tokenizer_config.json`, where there is one, names the tokens
    /// at the ends of a text.
    ///
    /// # Errors
    /// [`LmError::UnsupportedTokenizer`] for models and steps that are not written here;
    /// [`LmError::Missing`] and [`LmError::Invalid`] where the file contradicts itself.
    ///
    /// # Examples
    /// ```
    /// use ferrule_lm::{Special, Tokenizer};
    ///
    /// let file = br###"{"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab":
    ///     {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##happy": 4, "!": 5}},
    ///     "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
    ///     "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]}}"###;
    /// let tokenizer = Tokenizer::from_json(file, None)?;
    /// assert_eq!(tokenizer.encode_with_ends("Unhappy!", Special::Text), [1, 3, 4, 5, 2]);
    /// # Ok::<(), ferrule_lm::LmError>(())
    /// ```
    pub fn from_json(file: &[u8], config: Option<&[u8]>) -> Result<Self, LmError> {
        let file: File = parse(file, "tokenizer.json")?;
        let config: Value = match config {
            Some(bytes) => parse(bytes, "tokenizer_config.json")?,
            None => Value::Null,
        };
        let entries = Entries::new(&file)?;
        let (before, after) = steps::ends(&file.post_processor)?;
        if let Some(&token) = before.iter().chain(&after).find(|&&t| t as usize >= entries.len()) {
            return Err(LmError::UnknownToken { token, vocabulary: entries.len() });
        }
        let ends = |specials: &Specials| {
            let bos = named(specials, &config["bos_token"]).or(before.first().copied());
            let eos = named(specials, &config["eos_token"]).or(after.last().copied());
            let ends_named = super::LAST.iter().filter_map(|name| specials.find(name));
            let last = eos.into_iter().chain(ends_named).collect();
            Ends { bos, eos, before, after, last, strips_space: false }
        };
        match file.model.kind.as_deref() {
            Some("WordPiece") => entries.word_piece(ends),
            Some("BPE") => entries.byte_pairs(ends),
            None if !file.model.merges.is_empty() => entries.byte_pairs(ends),
            other => Err(LmError::UnsupportedTokenizer {
                tokenizer: other.unwrap_or("without a type").into(),
                known: "BPE and WordPiece",
            }),
        }
    }
}

/// The vocabulary in the order of its numbers.
struct Entries<'f> {
    file: &'f File<'f>,
    /// Texts, with what they are if they were added; nothing at numbers that no token has.
    tokens: Vec<Option<(&'f str, Option<&'f Added<'f>>)>>,
}

impl<'f> Entries<'f> {
    fn new(file: &'f File<'f>) -> Result<Self, LmError> {
        let vocab = &file.model.vocab.0;
        let room = vocab.len() + file.added_tokens.len() + GAPS_MAX;
        let mut entries = Self { file, tokens: Vec::with_capacity(vocab.len()) };
        for (text, token) in vocab {
            entries.set(*token, text, None, room)?;
        }
        for added in &file.added_tokens {
            entries.set(added.id, &added.content, Some(added), room)?;
        }
        Ok(entries)
    }

    fn set(
        &mut self,
        token: u32,
        text: &'f str,
        added: Option<&'f Added<'f>>,
        room: usize,
    ) -> Result<(), LmError> {
        let at = token as usize;
        if at >= room {
            return Err(LmError::Invalid {
                name: format!("the number of token {text:?}"),
                expected: format!("less than {room}"),
                got: token.to_string(),
            });
        }
        if at >= self.tokens.len() {
            self.tokens.resize(at + 1, None);
        }
        match self.tokens[at] {
            Some((other, _)) if other != text => Err(LmError::Invalid {
                name: format!("the number of token {text:?}"),
                expected: "one of its own".into(),
                got: format!("{token}, that of {other:?}"),
            }),
            _ => {
                self.tokens[at] = Some((text, added));
                Ok(())
            }
        }
    }

    fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The texts with their kinds, and those that are found before all else.
    fn kinds(&self, specials: &mut Specials) -> Vec<(Kind, &'f str)> {
        let model = &self.file.model;
        let kind = |text: &str, added: Option<&Added>| match added {
            _ if model.unk_token.as_deref() == Some(text) => Kind::Unknown,
            Some(added) if added.special => Kind::Control,
            Some(_) => Kind::UserDefined,
            None if model.byte_fallback && spm::byte_of(text.as_bytes()).is_some() => Kind::Byte,
            None => Kind::Normal,
        };
        let mut kinds = Vec::with_capacity(self.tokens.len());
        for (token, entry) in (0..).zip(&self.tokens) {
            let Some((text, added)) = *entry else {
                kinds.push((Kind::Unused, ""));
                continue;
            };
            let kind = kind(text, added);
            if let Some(added) = added {
                let traits = Traits {
                    left_space: added.lstrip,
                    right_space: added.rstrip,
                    whole_word: added.single_word,
                };
                specials.push(text.as_bytes(), token, added.special, traits);
            }
            kinds.push((kind, text));
        }
        specials.sort();
        kinds
    }
}

impl Entries<'_> {
    fn byte_pairs(self, ends: impl FnOnce(&Specials) -> Ends) -> Result<Tokenizer, LmError> {
        let model = &self.file.model;
        let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
        if let Some(affix) = affixes.into_iter().flatten().find(|affix| !affix.is_empty()) {
            return Err(LmError::UnsupportedTokenizer {
                tokenizer: format!("BPE with the affix {affix:?}"),
                known: "those without affixes",
            });
        }
        let steps = Steps::read(&self.file.normalizer, &self.file.pre_tokenizer)?;
        if steps.byte_level { self.byte_level(steps, ends) } else { self.spm(steps, ends) }
    }

    fn byte_level(
        self,
        steps: Steps,
        ends: impl FnOnce(&Specials) -> Ends,
    ) -> Result<Tokenizer, LmError> {
        let Some(split) = steps.split else {
            return Err(LmError::UnsupportedTokenizer {
                tokenizer: "byte-level BPE that does not split text".into(),
                known: "those that do",
            });
        };
        let mut specials = Specials::default();
        let mut builder = bytelevel::Builder::new(self.len());
        let mut unknown = None;
        for (kind, text) in self.kinds(&mut specials) {
            let token = builder.push(kind, text.as_bytes())?;
            unknown = unknown.or((kind == Kind::Unknown).then_some(token));
        }
        let mut merges = Merges::with_capacity(self.file.model.merges.len());
        for file::Merge(left, right) in &self.file.model.merges {
            let known = (&builder.vocabulary, &builder.index);
            merges.push(known, (left.as_bytes(), right.as_bytes()), bytelevel::write)?;
        }
        let settings = bytelevel::Settings {
            split,
            normal: steps.normal,
            ignore_merges: self.file.model.ignore_merges,
            unknown,
        };
        let (vocabulary, model) = builder.finish(merges.finish(), settings)?;
        let (ends, model) = (ends(&specials), Model::Bpe(model));
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: false })
    }

    fn spm(self, steps: Steps, ends: impl FnOnce(&Specials) -> Ends) -> Result<Tokenizer, LmError> {
        let mut specials = Specials::default();
        let mut builder = spm::Builder::new(self.len(), steps.marked);
        let mut unknown = None;
        for (kind, text) in self.kinds(&mut specials) {
            let token = builder.push(kind, text.as_bytes())?;
            unknown = unknown.or((kind == Kind::Unknown).then_some(token));
        }
        builder.index_user_defined();
        let mut merges = Merges::with_capacity(self.file.model.merges.len());
        let write = |text: &[u8], out: &mut Vec<u8>| {
            if steps.marked {
                spm::push_spaced(text, out)
            } else {
                out.extend_from_slice(text)
            }
            true
        };
        for file::Merge(left, right) in &self.file.model.merges {
            let known = (&builder.vocabulary, &builder.index);
            merges.push(known, (left.as_bytes(), right.as_bytes()), write)?;
        }
        let settings = spm::Settings {
            unknown,
            fuse: self.file.model.fuse_unk,
            normal: steps.normal,
            split: steps.split,
        };
        let (vocabulary, model) = builder.finish(merges.finish(), settings)?;
        let strips_space = steps.normal.prefix != Prefix::Never;
        let ends = Ends { strips_space, ..ends(&specials) };
        let model = Model::Bpe(model);
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: steps.marked })
    }

    fn word_piece(self, ends: impl FnOnce(&Specials) -> Ends) -> Result<Tokenizer, LmError> {
        let json = &self.file.model;
        let normal = steps::bert(&self.file.normalizer, &self.file.pre_tokenizer)?;
        let prefix = json.continuing_subword_prefix.as_deref().unwrap_or("##");
        let mut specials = Specials::default();
        let mut builder = wordpiece::Builder::new(self.len());
        let mut unknown = None;
        for (kind, text) in self.kinds(&mut specials) {
            let rest = text.strip_prefix(prefix).filter(|rest| !rest.is_empty());
            let written = rest.filter(|_| kind == Kind::Normal).unwrap_or(text);
            let token = builder.push(kind, written.as_bytes(), rest.is_none())?;
            unknown = unknown.or((kind == Kind::Unknown).then_some(token));
        }
        let unknown = unknown.ok_or_else(|| LmError::Missing {
            what: "token for unknown words, such as",
            name: json.unk_token.clone().unwrap_or_else(|| "[UNK]".into()),
        })?;
        let chars_max = json.max_input_chars_per_word.unwrap_or(CHARS_MAX);
        let (vocabulary, model) = builder.finish(unknown, chars_max, normal);
        let ends = Ends { strips_space: true, ..ends(&specials) };
        let model = Model::WordPiece(model);
        Ok(Tokenizer { vocabulary, specials, model, ends, marks_are_spaces: false })
    }
}

/// The special token that a configuration names, by its text or as an object with one.
fn named(specials: &Specials, name: &Value) -> Option<u32> {
    let text = name.as_str().or(name["content"].as_str())?;
    specials.find(text.as_bytes())
}

fn parse<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8], file: &str) -> Result<T, LmError> {
    serde_json::from_slice(bytes).map_err(|error| LmError::Invalid {
        name: file.into(),
        expected: "a description of a tokenizer".into(),
        got: printable(&error.to_string()),
    })
}
