//! Answers, token by token.

mod sampling;
mod stops;

pub use sampling::Sampling;

use std::sync::Arc;

use ferrule_tensor::Control;

use crate::LmError;
use crate::decoder::{Feed, Sequence, Wanted};
use crate::logits::log_sum_exp;
use crate::model::LanguageModel;
use crate::tokenizer::Decoder as TextDecoder;
use sampling::Sampler;
use stops::Stops;

/// Rows of a prompt that go through the model together.
const PROMPT_ROWS_MAX: usize = 512;

/// What is asked of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Most tokens.
    pub max_tokens: usize,
    /// How they are drawn.
    pub sampling: Sampling,
    /// Texts that end it; they are not part of it.
    pub stop: Vec<String>,
    /// With how many alternatives the logarithm of each token's probability is told; `None`: not.
    pub logprobs: Option<usize>,
    /// Whether tokens that end an answer are drawn like others.
    pub ignore_end: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            max_tokens: 64,
            sampling: Sampling::default(),
            stop: Vec::new(),
            logprobs: None,
            ignore_end: false,
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop was met.
    Stop,
    /// It has as many tokens as were asked for, or as the context holds.
    Length,
}

impl Finish {
    /// The OpenAI API's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// A token of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The token.
    pub token: u32,
    /// What can be shown since the last step; empty while characters or stops are incomplete.
    pub text: String,
    /// The logarithm of its probability before sampling's changes, and of the most likely tokens'.
    pub logprobs: Option<(f32, Vec<(u32, f32)>)>,
    /// Set on the last.
    pub finish: Option<Finish>,
}

/// An answer in the making.
pub struct Generation {
    model: Arc<LanguageModel>,
    sequence: Sequence,
    request: Request,
    sampler: Sampler,
    stops: Stops,
    text: TextDecoder,
    /// Tokens that the model has not read.
    unread: Vec<u32>,
    answered: usize,
    finished: bool,
}

impl Generation {
    /// Goes on from `prompt`; nothing is computed yet.
    ///
    /// # Errors
    /// The prompt is empty, does not fit the context, or the request has numbers that cannot be.
    pub fn new(
        model: &Arc<LanguageModel>,
        sequence: Sequence,
        prompt: &[u32],
        request: Request,
    ) -> Result<Self, LmError> {
        request.sampling.check(model.config().vocabulary)?;
        if prompt.is_empty() {
            return Err(LmError::EmptyPrompt);
        }
        let context = sequence.context();
        if sequence.tokens().len() + prompt.len() > context {
            return Err(LmError::ContextLength { prompt: prompt.len(), context });
        }
        Ok(Self {
            model: Arc::clone(model),
            sequence,
            sampler: Sampler::new(request.sampling.clone()),
            stops: Stops::new(request.stop.clone()),
            text: TextDecoder::default(),
            unread: prompt.to_vec(),
            answered: 0,
            finished: request.max_tokens == 0,
            request,
        })
    }

    /// The next token; `None` after the last.
    ///
    /// # Errors
    /// The cache is full, or `control` stopped it.
    pub fn step(&mut self, control: &Control) -> Result<Option<Step>, LmError> {
        if self.finished {
            return Ok(None);
        }
        let mut logits = self.read(control)?;
        let raw = self.request.logprobs.map(|_| logits.clone());
        let seen = self.sequence.tokens();
        let token = self.sampler.draw(&mut logits, seen, self.answered);
        let logprobs = raw.map(|raw| logprobs_of(&raw, token, self.request.logprobs.unwrap_or(0)));
        self.answered += 1;
        self.unread.push(token);
        let (text, finish) = self.follow(token);
        self.finished = finish.is_some();
        Ok(Some(Step { token, text, logprobs, finish }))
    }

    /// Has the model read what it has not; returns the logits of what comes next.
    fn read(&mut self, control: &Control) -> Result<Vec<f32>, LmError> {
        let unread = std::mem::take(&mut self.unread);
        let whole = (unread.len() - 1) / PROMPT_ROWS_MAX * PROMPT_ROWS_MAX;
        let (before, last) = unread.split_at(whole);
        for tokens in before.chunks(PROMPT_ROWS_MAX) {
            self.forward(tokens, Wanted::Nothing, control)?;
        }
        self.forward(last, Wanted::Last, control)
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        wanted: Wanted,
        control: &Control,
    ) -> Result<Vec<f32>, LmError> {
        let feed = Feed { sequence: &mut self.sequence, tokens, wanted };
        self.model.decoder().forward(&mut [feed], control)
    }

    /// What a token shows, and whether it ends the answer.
    fn follow(&mut self, token: u32) -> (String, Option<Finish>) {
        let ends = self.model.tokenizer().is_end(token) && !self.request.ignore_end;
        if ends {
            let (text, _) = self.stops.push(self.text.finish());
            return (text + &self.stops.finish(), Some(Finish::Stop));
        }
        let (mut text, met) = self.stops.push(self.text.push(self.model.tokenizer(), token));
        if met {
            return (text, Some(Finish::Stop));
        }
        let full = self.sequence.tokens().len() + 1 > self.sequence.context();
        if self.answered < self.request.max_tokens && !full {
            return (text, None);
        }
        let (rest, met) = self.stops.push(self.text.finish());
        text.push_str(&rest);
        if !met {
            text.push_str(&self.stops.finish());
        }
        (text, Some(if met { Finish::Stop } else { Finish::Length }))
    }
}

/// The logarithm of a token's probability, and of the `count` most likely ones'.
fn logprobs_of(logits: &[f32], token: u32, count: usize) -> (f32, Vec<(u32, f32)>) {
    let whole = log_sum_exp(logits);
    let of = |token: u32| (f64::from(logits[token as usize]) - whole) as f32;
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    let by = |&a: &u32, &b: &u32| logits[b as usize].total_cmp(&logits[a as usize]).then(a.cmp(&b));
    let count = count.min(order.len());
    if count > 0 {
        order.select_nth_unstable_by(count - 1, by);
    }
    order.truncate(count);
    order.sort_unstable_by(by);
    (of(token), order.into_iter().map(|token| (token, of(token))).collect())
}
