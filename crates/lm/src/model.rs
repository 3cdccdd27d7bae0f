//! A language model from its file: tokenizer, decoder, chat template.

use std::path::Path;
use std::sync::Arc;

use ferrule_base::Limits;
use ferrule_format::gguf::Gguf;
use ferrule_format::llama2c::{Llama2c, Llama2cTokenizer};
use ferrule_tensor::{Control, Mapped};

use crate::LmError;
use crate::chat::{Message, Template};
use crate::config::Config;
use crate::decoder::{Budget, Decoder, Feed, Sequence, Wanted};
use crate::generate::{Generation, Request};
use crate::logits::log_sum_exp;
use crate::source::{GgufSource, Llama2cSource, Source};
use crate::tokenizer::{Special, Tokenizer};

/// Tokens of a text that go through the model together.
const ROWS_MAX: usize = 256;
/// What llama2.c's tokenizers are called, beside the model.
const LLAMA2C_TOKENIZERS: [&str; 2] = ["tokenizer.bin", "tok512.bin"];

/// How a model is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most tokens of a sequence; `None`: as many as the model was trained for, up to 4,096.
    pub context: Option<usize>,
    /// Most bytes that keys and values of all sequences take.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { context: None, cache_bytes: 1 << 30 }
    }
}

/// A model that can read and write text; shared by all that use it.
pub struct LanguageModel {
    decoder: Decoder,
    tokenizer: Tokenizer,
    template: Option<Template>,
    budget: Arc<Budget>,
    context: usize,
}

impl LanguageModel {
    /// Opens a GGUF file, or a `.bin` of llama2.c with its tokenizer beside it.
    ///
    /// # Errors
    /// The file cannot be read, breaks its format, or is of a family that is not known.
    pub fn open(path: &Path, options: &Options) -> Result<Self, LmError> {
        let bytes = map(path)?;
        if bytes.starts_with(b"GGUF") || path.extension().is_none_or(|suffix| suffix != "bin") {
            Self::from_gguf(&bytes, options)
        } else {
            let tokenizer = llama2c_tokenizer(path)?;
            Self::from_llama2c(&bytes, &tokenizer, options)
        }
    }

    /// Of the bytes of a GGUF file.
    ///
    /// # Errors
    /// They break the format, or are of a family that is not known.
    pub fn from_gguf(bytes: &[u8], options: &Options) -> Result<Self, LmError> {
        let gguf = Gguf::parse(bytes, &Limits::default())?;
        let source = GgufSource::new(&gguf)?;
        let tokenizer = Tokenizer::from_gguf(&gguf)?;
        let template =
            gguf.str("tokenizer.chat_template").map(|text| Template::new(text, &tokenizer));
        Self::new(&source, tokenizer, template.transpose()?, options)
    }

    /// Of the bytes of llama2.c's two files.
    ///
    /// # Errors
    /// They break their formats.
    pub fn from_llama2c(
        model: &[u8],
        tokenizer: &[u8],
        options: &Options,
    ) -> Result<Self, LmError> {
        let file = Llama2c::parse(model)?;
        let source = Llama2cSource::new(&file);
        let tokens = Llama2cTokenizer::parse(tokenizer)?;
        Self::new(&source, Tokenizer::from_llama2c(&tokens)?, None, options)
    }

    fn new(
        source: &dyn Source,
        tokenizer: Tokenizer,
        template: Option<Template>,
        options: &Options,
    ) -> Result<Self, LmError> {
        const CONTEXT_UNASKED: usize = 4096;
        let decoder = Decoder::open(source)?;
        let config = decoder.config();
        if tokenizer.len() > config.vocabulary {
            return Err(LmError::Invalid {
                name: "the tokenizer's vocabulary".to_owned(),
                expected: format!(
                    "at most {} tokens, the rows of the embedding",
                    config.vocabulary
                ),
                got: tokenizer.len().to_string(),
            });
        }
        let context = options.context.unwrap_or(CONTEXT_UNASKED).min(config.context);
        let budget = Budget::new(options.cache_bytes);
        Ok(Self { decoder, tokenizer, template, budget, context })
    }

    /// What it is like.
    pub fn config(&self) -> &Config {
        self.decoder.config()
    }

    /// Most tokens of a sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Text to tokens and back.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokens to logits.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// An empty sequence.
    pub fn sequence(&self) -> Sequence {
        Sequence::new(self.config(), &self.budget, self.context)
    }

    /// Begins an answer to `prompt`.
    ///
    /// # Errors
    /// The prompt is empty or too long, or the request has numbers that cannot be.
    pub fn generate(
        self: &Arc<Self>,
        prompt: &[u32],
        request: Request,
    ) -> Result<Generation, LmError> {
        Generation::new(self, self.sequence(), prompt, request)
    }

    /// The tokens of a conversation, up to where the answer begins.
    ///
    /// # Errors
    /// The model has no chat template, or the template refuses the messages.
    pub fn chat_tokens(&self, messages: &[Message]) -> Result<Vec<u32>, LmError> {
        let template = self.template.as_ref().ok_or(LmError::NoChatTemplate)?;
        let text = template.render(messages)?;
        // The template writes the tokens at the ends itself.
        Ok(self.tokenizer.encode(&text, Special::Parse))
    }

    /// The logits after each of `tokens`, row after row.
    ///
    /// # Errors
    /// A token is unknown, there are too many, or `control` stopped it.
    pub fn logits(&self, tokens: &[u32], control: &Control) -> Result<Vec<f32>, LmError> {
        let mut sequence = self.sequence();
        let mut logits = Vec::new();
        for tokens in tokens.chunks(ROWS_MAX) {
            let feed = Feed { sequence: &mut sequence, tokens, wanted: Wanted::All };
            logits.extend(self.decoder.forward(&mut [feed], control)?);
        }
        Ok(logits)
    }

    /// Σ -ln p over all of `tokens` but the first, each given those before it; `exp` of its mean is the
    /// perplexity.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn negative_log_likelihood(
        &self,
        tokens: &[u32],
        control: &Control,
    ) -> Result<f64, LmError> {
        let vocabulary = self.config().vocabulary;
        let (mut sequence, mut sum) = (self.sequence(), 0.0);
        for (index, chunk) in tokens.chunks(ROWS_MAX).enumerate() {
            let feed = Feed { sequence: &mut sequence, tokens: chunk, wanted: Wanted::All };
            let logits = self.decoder.forward(&mut [feed], control)?;
            let next = &tokens[index * ROWS_MAX + 1..];
            for (logits, &next) in logits.chunks_exact(vocabulary).zip(next) {
                sum += log_sum_exp(logits) - f64::from(logits[next as usize]);
            }
        }
        Ok(sum)
    }
}

fn map(path: &Path) -> Result<Mapped, LmError> {
    Mapped::open(path).map_err(|error| LmError::Unreadable {
        path: path.display().to_string(),
        detail: error.to_string(),
    })
}

fn llama2c_tokenizer(path: &Path) -> Result<Mapped, LmError> {
    let beside = LLAMA2C_TOKENIZERS.map(|name| path.with_file_name(name));
    match beside.iter().find(|path| path.exists()) {
        Some(path) => map(path),
        None => Err(LmError::Missing {
            what: "tokenizer beside it, such as",
            name: LLAMA2C_TOKENIZERS[0].to_owned(),
        }),
    }
}
