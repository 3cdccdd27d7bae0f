//! Language models, as `ferrule.lm` uses them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ferrule_lm::chat::Message;
use ferrule_lm::generate::{Finish, Generation, Request, Sampling, Step};
use ferrule_lm::{Options, Special};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffers::Output;
use crate::control::compute;
use crate::errors::to_py;

/// (token, text, its log probability with those of the most likely, why the answer ended)
type StepOut = (u32, String, Option<(f32, Vec<(u32, f32)>)>, Option<&'static str>);

/// A language model from a file.
#[pyclass(frozen, module = "ferrule._core")]
pub(crate) struct LanguageModel {
    model: Arc<ferrule_lm::LanguageModel>,
}

#[pymethods]
impl LanguageModel {
    /// Opens the file at `path`.
    #[new]
    #[pyo3(signature = (path, context, cache_bytes))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        context: Option<usize>,
        cache_bytes: usize,
    ) -> PyResult<Self> {
        let options = Options { context, cache_bytes };
        let model = compute(py, |_, _| ferrule_lm::LanguageModel::open(&path, &options), to_py)?;
        Ok(Self { model: Arc::new(model) })
    }

    /// The family, such as `llama`.
    #[getter]
    fn architecture(&self) -> &'static str {
        self.model.config().architecture
    }

    /// Most tokens of a sequence.
    #[getter]
    fn context(&self) -> usize {
        self.model.context()
    }

    /// Tokens of the vocabulary.
    #[getter]
    fn vocabulary(&self) -> usize {
        self.model.config().vocabulary
    }

    /// The number of layers.
    #[getter]
    fn layers(&self) -> usize {
        self.model.config().layers.len()
    }

    /// The tokens of a text, with those that stand at its ends where asked; `special` reads the names of
    /// special tokens as the tokens.
    #[pyo3(signature = (text, ends, special))]
    fn tokenize(&self, py: Python<'_>, text: &str, ends: bool, special: bool) -> Vec<u32> {
        let special = if special { Special::Parse } else { Special::Text };
        let tokenizer = self.model.tokenizer();
        py.detach(|| {
            if ends {
                tokenizer.encode_with_ends(text, special)
            } else {
                tokenizer.encode(text, special)
            }
        })
    }

    /// The text of tokens.
    #[pyo3(signature = (tokens))]
    fn detokenize(&self, tokens: Vec<u32>) -> String {
        self.model.tokenizer().decode(&tokens)
    }

    /// The tokens of a conversation of (role, content), up to where the answer begins.
    #[pyo3(signature = (messages))]
    fn chat_tokens(&self, py: Python<'_>, messages: Vec<(String, String)>) -> PyResult<Vec<u32>> {
        let messages: Vec<Message> =
            messages.into_iter().map(|(role, content)| Message { role, content }).collect();
        self.model.chat_tokens(&messages).map_err(|error| to_py(py, &error))
    }

    /// Begins an answer to `prompt`.
    #[pyo3(signature = (prompt, *, max_tokens, temperature, top_k, top_p, min_p, repeat_penalty,
        repeat_last, presence_penalty, frequency_penalty, logit_bias, seed, stop, logprobs, ignore_end))]
    #[allow(clippy::too_many_arguments, reason = "the options of a request, by name")]
    fn generate(
        &self,
        py: Python<'_>,
        prompt: Vec<u32>,
        max_tokens: usize,
        temperature: f32,
        top_k: usize,
        top_p: f32,
        min_p: f32,
        repeat_penalty: f32,
        repeat_last: usize,
        presence_penalty: f32,
        frequency_penalty: f32,
        logit_bias: Vec<(u32, f32)>,
        seed: u64,
        stop: Vec<String>,
        logprobs: Option<usize>,
        ignore_end: bool,
    ) -> PyResult<TextGeneration> {
        let sampling = Sampling {
            temperature,
            top_k,
            top_p,
            min_p,
            repeat_penalty,
            repeat_last,
            presence_penalty,
            frequency_penalty,
            logit_bias,
            seed,
        };
        let request = Request { max_tokens, sampling, stop, logprobs, ignore_end };
        let generation =
            self.model.generate(&prompt, request).map_err(|error| to_py(py, &error))?;
        Ok(TextGeneration { generation: Mutex::new(generation) })
    }

    /// Writes the logits after each of `tokens` to `out`, float32 of shape (tokens, vocabulary).
    #[pyo3(signature = (tokens, out))]
    fn logits(&self, py: Python<'_>, tokens: Vec<u32>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut out = Output::<f32>::new(out, "out", &[])?;
        let logits = compute(py, |control, _| self.model.logits(&tokens, control), to_py)?;
        let (expected, out) = (logits.len(), out.as_mut_slice());
        if out.len() != expected {
            let got = out.len();
            return Err(PyValueError::new_err(format!(
                "out has {got} elements; expected {expected}"
            )));
        }
        out.copy_from_slice(&logits);
        Ok(())
    }

    /// Σ -ln p over `tokens` but the first.
    #[pyo3(signature = (tokens))]
    fn negative_log_likelihood(&self, py: Python<'_>, tokens: Vec<u32>) -> PyResult<f64> {
        compute(py, |control, _| self.model.negative_log_likelihood(&tokens, control), to_py)
    }
}

/// An answer in the making: an iterator over its steps.
#[pyclass(frozen, module = "ferrule._core")]
pub(crate) struct TextGeneration {
    generation: Mutex<Generation>,
}

#[pymethods]
impl TextGeneration {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<StepOut>> {
        let locked = || self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let step = compute(py, |control, _| locked().step(control), to_py)?;
        Ok(step.map(|Step { token, text, logprobs, finish }| {
            (token, text, logprobs, finish.map(Finish::name))
        }))
    }
}
