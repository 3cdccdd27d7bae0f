//! One call at a time, over and over, and the tally of what became of them.

use crate::{
    Exchange, Histogram, Target,
    call::{Caller, Failure},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, mpsc::UnboundedReceiver};

/// Pause before another attempt at a connection, so that a dead server is not hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);
/// Longest that calls which are due but unsent are worked off once the span is over.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Kinds of errors that are told apart; the rest are counted as one.
const ERROR_KINDS_MAX: usize = 32;

/// A connection that workers share and, when it breaks, replace once.
pub(crate) struct Line {
    target: Arc<Target>,
    timeout: Duration,
    slot: Mutex<(u64, Caller)>,
}

impl Line {
    pub(crate) async fn open(target: Arc<Target>, timeout: Duration) -> Result<Self, Failure> {
        let caller = Caller::connect(&target, timeout).await?;
        Ok(Self { target, timeout, slot: Mutex::new((0, caller)) })
    }

    async fn current(&self) -> (u64, Caller) {
        self.slot.lock().await.clone()
    }

    /// A connection newer than `generation`: another worker's, else one opened here.
    async fn renewed(&self, generation: u64) -> Result<(u64, Caller), Failure> {
        let mut slot = self.slot.lock().await;
        if slot.0 == generation {
            *slot = (generation + 1, Caller::connect(&self.target, self.timeout).await?);
        }
        Ok(slot.clone())
    }
}

/// The span that counts: calls meant for before `start` are warm-up, none is sent after `end`.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

/// What became of a worker's calls.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) latency: Histogram,
    pub(crate) finished_in_window: u64,
    pub(crate) drained: u64,
    pub(crate) checked: u64,
    pub(crate) wrong: u64,
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        self.finished_in_window += other.finished_in_window;
        self.drained += other.drained;
        self.checked += other.checked;
        self.wrong += other.wrong;
        for (kind, count) in other.errors {
            self.count_error(kind, count);
        }
    }

    fn success(&mut self, window: Window, intended: Instant, done: Instant) {
        if done >= window.start && done <= window.end {
            self.finished_in_window += 1;
        }
        if intended >= window.start {
            self.drained += u64::from(done > window.end);
            self.latency.record(nanoseconds(done - intended));
        }
    }

    fn count_error(&mut self, kind: String, count: u64) {
        let room = self.errors.len() < ERROR_KINDS_MAX || self.errors.contains_key(&kind);
        *self.errors.entry(if room { kind } else { "other".to_owned() }).or_default() += count;
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One call in flight at most.
pub(crate) struct Worker {
    line: Arc<Line>,
    exchanges: Arc<[Exchange]>,
    stop: Arc<AtomicBool>,
    window: Window,
    check_every: u64,
    calls: u64,
    tally: Tally,
}

impl Worker {
    pub(crate) fn new(
        line: Arc<Line>,
        exchanges: Arc<[Exchange]>,
        stop: Arc<AtomicBool>,
        window: Window,
        check_every: u64,
        first: u64,
    ) -> Self {
        let tally = Tally::default();
        Self { line, exchanges, stop, window, check_every, calls: first, tally }
    }

    /// Sends a call as soon as the one before is answered, and drains the last.
    pub(crate) async fn closed_loop(mut self) -> Tally {
        let (mut generation, mut caller) = self.line.current().await;
        while Instant::now() < self.window.end && !self.stop.load(Ordering::Relaxed) {
            if !self.call(&mut caller, Instant::now()).await {
                (generation, caller) = self.reconnect(generation, caller).await;
            }
        }
        self.tally
    }

    /// Sends a call for each moment that comes through `due`, late where all workers were busy.
    pub(crate) async fn open_loop(mut self, due: Arc<Mutex<UnboundedReceiver<Instant>>>) -> Tally {
        let (mut generation, mut caller) = self.line.current().await;
        loop {
            let intended = due.lock().await.recv().await;
            let Some(intended) = intended else { break };
            let drained = Instant::now() > self.window.end + DRAIN_MAX;
            if drained || self.stop.load(Ordering::Relaxed) {
                break;
            }
            if !self.call(&mut caller, intended).await {
                (generation, caller) = self.reconnect(generation, caller).await;
            }
        }
        self.tally
    }

    /// One call; false where the connection cannot take another.
    async fn call(&mut self, caller: &mut Caller, intended: Instant) -> bool {
        self.calls += 1;
        let exchanges = Arc::clone(&self.exchanges);
        let exchange = &exchanges[(self.calls % exchanges.len() as u64) as usize];
        let outcome = caller.call(exchange.body(), self.line.timeout).await;
        match outcome {
            Ok(answer) => {
                self.tally.success(self.window, intended, Instant::now());
                if self.calls.is_multiple_of(self.check_every) {
                    self.tally.checked += 1;
                    self.tally.wrong += u64::from(!exchange.is_answered_by(&answer));
                }
                true
            }
            Err(failure) => {
                if intended >= self.window.start {
                    self.tally.count_error(failure.to_string(), 1);
                }
                !failure.needs_reconnect()
            }
        }
    }

    async fn reconnect(&mut self, generation: u64, caller: Caller) -> (u64, Caller) {
        match self.line.renewed(generation).await {
            Ok(renewed) => renewed,
            Err(_) => {
                tokio::time::sleep(RECONNECT_PAUSE).await;
                (generation, caller)
            }
        }
    }
}
