//! Predictions that may share a run of their model.
//!
//! A model whose runs are worth it has a line. A request joins it and, where fewer runs are under way
//! than there are threads, begins one at once. Whoever came meanwhile waits in the line, first come
//! first served, and the next run takes as many of them as fit together: a request never waits for
//! others to come.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ferrule_base::{Coded, DType, ErrorCode};
use ferrule_runtime::{InputTensor, OutputTensor, RequestError, ServedModel, TensorData, Wanted};
use tokio::sync::oneshot;

use crate::App;
use crate::metrics::ModelMetrics;
use crate::net::worker::Kit;

/// Multiply-adds up to which a prediction is made at once: a line would cost as much again.
const ALONE_COST_MAX: usize = 1 << 16;

/// Why a prediction in a line was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unpredicted {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the deadline passed before the request ran")]
    Late,
    #[error("too many requests are waiting; try again later")]
    Full,
}

impl Coded for Unpredicted {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Request(error) => error.code(),
            Self::Late => ErrorCode::DeadlineExceeded,
            Self::Full => ErrorCode::Unavailable,
        }
    }
}

/// What came of a prediction.
pub(crate) type Predicted = Result<Vec<OutputTensor>, Unpredicted>;

/// What a handler makes of a request: its answer, or a prediction to wait for.
pub(crate) enum Handled<T> {
    Now(T),
    Waits(Box<Waits<T>>),
}

/// A prediction, and what makes an answer of it.
pub(crate) struct Waits<T> {
    question: Question,
    finish: Box<dyn FnOnce(Predicted) -> T + Send>,
}

impl<T: 'static> Handled<T> {
    /// The prediction that is asked for, and `finish` of what comes of it: at once, or where the model
    /// has a line and the request costs more than standing in it, later.
    pub(crate) fn predict(
        served: &Arc<ServedModel>,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
        finish: impl FnOnce(Predicted) -> T + Send + 'static,
    ) -> Self {
        let is_cheap = cost(served, inputs) <= ALONE_COST_MAX;
        if is_cheap || !served.model.is_queued() {
            return Self::Now(finish(served.predict(inputs, wanted).map_err(Unpredicted::from)));
        }
        match Question::new(served, inputs, wanted) {
            Ok(question) => Self::Waits(Box::new(Waits { question, finish: Box::new(finish) })),
            Err(error) => Self::Now(finish(Err(error.into()))),
        }
    }

    /// The same, made into something else.
    pub(crate) fn map<U: 'static>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Handled<U> {
        match self {
            Self::Now(now) => Handled::Now(make(now)),
            Self::Waits(waits) => {
                let Waits { question, finish } = *waits;
                let finish = Box::new(move |predicted| make(finish(predicted)));
                Handled::Waits(Box::new(Waits { question, finish }))
            }
        }
    }

    /// The answer, by a run of its own here and now.
    pub(crate) fn alone(self) -> T {
        match self {
            Self::Now(now) => now,
            Self::Waits(waits) => (waits.finish)(waits.question.predict()),
        }
    }
}

impl<T: Send + 'static> Waits<T> {
    /// The answer, once a run has made it.
    pub(crate) async fn answer(self: Box<Self>, kit: &Kit, deadline: Instant) -> T {
        let Self { question, finish } = *self;
        let predicted = match join(question, kit, deadline) {
            // A sender that is gone was in a run that the compute threads had no room for.
            Ok(answer) => answer.await.unwrap_or(Err(Unpredicted::Full)),
            Err(error) => Err(error),
        };
        finish(predicted)
    }
}

/// An input that does not depend on the request that brought it.
struct Input {
    name: String,
    dtype: DType,
    shape: Vec<i64>,
    bytes: Vec<u8>,
}

impl Input {
    fn tensor(&self) -> InputTensor<'_> {
        let data = TensorData::Raw(&self.bytes);
        InputTensor { name: &self.name, dtype: self.dtype, shape: &self.shape, data }
    }

    /// Whether rows of `other` may follow its own.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
            && self.dtype == other.dtype
            && self.shape.get(1..) == other.shape.get(1..)
    }
}

/// A prediction that is asked for.
struct Question {
    served: Arc<ServedModel>,
    inputs: Vec<Input>,
    wanted: Wanted,
    /// How many rows it has, where it may share a run.
    rows: Option<usize>,
}

impl Question {
    fn new(
        served: &Arc<ServedModel>,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
    ) -> Result<Self, RequestError> {
        let rows = served.model.joinable_rows(inputs);
        let own = |input: &InputTensor| {
            let bytes = input.data.to_bytes(input.dtype).ok_or_else(|| RequestError::Element {
                input: input.name.to_owned(),
                dtype: input.dtype,
            })?;
            let (name, shape) = (input.name.to_owned(), input.shape.to_vec());
            Ok(Input { name, dtype: input.dtype, shape, bytes: bytes.into_owned() })
        };
        let inputs = inputs.iter().map(own).collect::<Result<Vec<Input>, RequestError>>()?;
        Ok(Self { served: Arc::clone(served), inputs, wanted, rows })
    }

    fn predict(&self) -> Predicted {
        let inputs: Vec<InputTensor<'_>> = self.inputs.iter().map(Input::tensor).collect();
        Ok(self.served.predict(&inputs, self.wanted)?)
    }

    /// Multiply-adds that it costs, about.
    fn cost(&self) -> usize {
        let bytes =
            self.inputs.iter().map(|input| input.bytes.len()).fold(0, usize::saturating_add);
        bytes.saturating_mul(self.served.model.cost_per_byte())
    }

    /// Whether both may be answered by one run.
    fn goes_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.served, &other.served)
            && self.wanted == other.wanted
            && self.inputs.len() == other.inputs.len()
            && self.inputs.iter().zip(&other.inputs).all(|(one, two)| one.is_like(two))
    }
}

/// Multiply-adds that a prediction costs, about.
fn cost(served: &ServedModel, inputs: &[InputTensor<'_>]) -> usize {
    let bytes = inputs.iter().map(|input| input.data.bytes(input.dtype));
    bytes.fold(0, usize::saturating_add).saturating_mul(served.model.cost_per_byte())
}

/// A question in a line.
struct Waiting {
    question: Question,
    deadline: Instant,
    answer: oneshot::Sender<Predicted>,
}

/// The lines of the models that have one, by name and version.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Mutex<HashMap<String, HashMap<String, Arc<Line>>>>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Lines {
    /// The line of a model that is loaded.
    fn line(&self, app: &App, served: &ServedModel) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&served.name).and_then(|all| all.get(&served.version)) {
            return Arc::clone(line);
        }
        let metrics = app.metrics.model(&served.name, &served.version);
        let line = Arc::new(Line { state: Mutex::default(), metrics });
        let versions = lines.entry(served.name.clone()).or_default();
        versions.insert(served.version.clone(), Arc::clone(&line));
        line
    }
}

/// Who waits for a model.
struct Line {
    state: Mutex<State>,
    metrics: Arc<ModelMetrics>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Tasks that are emptying the line.
    runners: usize,
}

/// Puts a question into the line of its model, and begins a run where there may be one more.
fn join(
    question: Question,
    kit: &Kit,
    deadline: Instant,
) -> Result<oneshot::Receiver<Predicted>, Unpredicted> {
    let line = kit.app.lines.line(&kit.app, &question.served);
    let (answer, receiver) = oneshot::channel();
    let mut state = line.state();
    if state.waiting.len() >= kit.app.config.limits.queue_max {
        return Err(Unpredicted::Full);
    }
    state.waiting.push_back(Waiting { question, deadline, answer });
    if state.runners < kit.app.config.thread_count() {
        state.runners = state.runners.saturating_add(1);
        drop(state);
        tokio::task::spawn_local(run(Runner { line, is_counted: true }, kit.clone()));
    }
    Ok(receiver)
}

/// Empties a line, run after run.
async fn run(mut runner: Runner, kit: Kit) {
    let rows_max = kit.app.config.limits.shared_rows_max;
    loop {
        // What has arrived on this thread's connections joins before the run.
        tokio::task::yield_now().await;
        let batch = runner.take(rows_max);
        if batch.is_empty() {
            return;
        }
        runner.line.metrics.observe_run(batch.len());
        let costs = batch.iter().map(|one| one.question.cost());
        if App::may_run_inline(costs.fold(0, usize::saturating_add)) {
            answer_all(batch);
        } else {
            // Where there is no room for it, those in it are told by their senders' end.
            let _ = kit.compute.run(move || answer_all(batch)).await;
        }
    }
}

/// A task that empties a line.
struct Runner {
    line: Arc<Line>,
    is_counted: bool,
}

impl Runner {
    /// Who is to be answered next; nobody where the line is empty, and then the task is counted no
    /// more: whoever comes next begins another.
    fn take(&mut self, rows_max: usize) -> Vec<Waiting> {
        let mut state = self.line.state();
        let batch = state.take(rows_max);
        if batch.is_empty() {
            state.runners = state.runners.saturating_sub(1);
            self.is_counted = false;
        }
        batch
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.is_counted {
            let mut state = self.line.state();
            state.runners = state.runners.saturating_sub(1);
        }
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first that waits, and who goes with it; those that nobody waits for, or whose time is over,
    /// are dropped.
    fn take(&mut self, rows_max: usize) -> Vec<Waiting> {
        let mut batch: Vec<Waiting> = Vec::new();
        let mut rows = 0usize;
        let mut left = VecDeque::new();
        let now = Instant::now();
        while let Some(next) = self.waiting.pop_front() {
            if next.answer.is_closed() {
                continue;
            }
            if next.deadline <= now {
                let _ = next.answer.send(Err(Unpredicted::Late));
                continue;
            }
            let fits = match (batch.first(), next.question.rows) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(first), Some(more)) => {
                    first.question.rows.is_some()
                        && rows.saturating_add(more) <= rows_max
                        && first.question.goes_with(&next.question)
                }
            };
            if fits {
                rows = rows.saturating_add(next.question.rows.unwrap_or(rows_max));
                batch.push(next);
            } else {
                left.push_back(next);
            }
        }
        self.waiting = left;
        batch
    }
}

/// Runs a batch, and tells those in it.
fn answer_all(batch: Vec<Waiting>) {
    let answers = if batch.len() > 1 { together(&batch) } else { None };
    match answers {
        Some(answers) => {
            for (waiting, answer) in batch.into_iter().zip(answers) {
                // A caller who left meanwhile wants no answer.
                let _ = waiting.answer.send(Ok(answer));
            }
        }
        // Alone, each gets its own error, where it was one's that failed the others.
        None => {
            for Waiting { question, answer, .. } in batch {
                let _ = answer.send(question.predict());
            }
        }
    }
}

/// The answers by one run; `None` where it fails.
fn together(batch: &[Waiting]) -> Option<Vec<Vec<OutputTensor>>> {
    let first = &batch.first()?.question;
    let rows: Vec<usize> = batch.iter().filter_map(|one| one.question.rows).collect();
    let total = rows.iter().copied().fold(0, usize::saturating_add);
    let joined = |(place, input): (usize, &Input)| {
        let mut shape = input.shape.clone();
        *shape.first_mut()? = i64::try_from(total).ok()?;
        let pieces = batch.iter().filter_map(|one| one.question.inputs.get(place));
        let bytes = pieces.flat_map(|piece| piece.bytes.iter().copied()).collect();
        Some(Input { name: input.name.clone(), dtype: input.dtype, shape, bytes })
    };
    let inputs = first.inputs.iter().enumerate().map(joined).collect::<Option<Vec<Input>>>()?;
    let tensors: Vec<InputTensor<'_>> = inputs.iter().map(Input::tensor).collect();
    let outputs = first.served.predict(&tensors, first.wanted).ok()?;
    split(&outputs, &rows, total)
}

/// Each request's rows of the outputs.
fn split(outputs: &[OutputTensor], rows: &[usize], total: usize) -> Option<Vec<Vec<OutputTensor>>> {
    let total_rows = i64::try_from(total).ok()?;
    let mut start = 0usize;
    let mut answers = Vec::with_capacity(rows.len());
    for &count in rows {
        let end = start.checked_add(count)?;
        let part = |output: &OutputTensor| {
            if output.shape.first() != Some(&total_rows) {
                return None;
            }
            let row = output.bytes.len().checked_div(total)?;
            let bytes = output.bytes.get(start.checked_mul(row)?..end.checked_mul(row)?)?.to_vec();
            let mut shape = output.shape.clone();
            *shape.first_mut()? = i64::try_from(count).ok()?;
            Some(OutputTensor { index: output.index, dtype: output.dtype, shape, bytes })
        };
        answers.push(outputs.iter().map(part).collect::<Option<Vec<OutputTensor>>>()?);
        start = end;
    }
    Some(answers)
}

#[cfg(test)]
mod tests;
