//! A run: threads, connections, the clock, and the sum of it.

use crate::{
    Exchange, Histogram, LoadError, Target,
    worker::{Line, Tally, Window, Worker},
};
use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, mpsc},
    task::JoinSet,
};

const CONNECTIONS_MAX: usize = 10_000;
const STREAMS_MAX: usize = 1_000;
const SECONDS_MAX: f64 = 86_400.0;

/// How hard and how long to drive a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Open connections.
    pub connections: usize,
    /// Calls in flight on each; more than 1 only for gRPC.
    pub streams: usize,
    /// The span that counts, in seconds.
    pub seconds: f64,
    /// Seconds of calls before it, which do not count.
    pub warm_up: f64,
    /// Calls a second, evenly spaced, whether answered or not (open loop); `None` sends a call
    /// when the one before is answered (closed loop).
    pub rate: Option<f64>,
    /// Threads to drive from.
    pub threads: usize,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// The content of every n-th answer is compared with what it should be.
    pub check_every: u64,
}

/// What a run measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Good answers a second within the span.
    pub throughput: f64,
    /// From the intended send to the whole answer, of every good answer to a call of the span.
    pub latency: Histogram,
    /// Good answers that came after the span to calls sent within it.
    pub drained: u64,
    /// Answers whose content was compared.
    pub checked: u64,
    /// Of these, the wrong ones.
    pub wrong: u64,
    /// Calls of the span that failed, by cause.
    pub errors: BTreeMap<String, u64>,
    /// Calls that were due but could not be sent or answered by the end of the drain.
    pub abandoned: u64,
}

impl Load {
    fn check(&self) -> Result<(), LoadError> {
        let setting = |name, expected, got: String| Err(LoadError::Setting { name, expected, got });
        let positive = |value: f64| value > 0.0 && value <= SECONDS_MAX;
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) {
            return setting("connections", "from 1 to 10000", self.connections.to_string());
        }
        if !(1..=STREAMS_MAX).contains(&self.streams) {
            return setting("streams", "from 1 to 1000", self.streams.to_string());
        }
        if !positive(self.seconds) {
            return setting("seconds", "above 0 and at most 86400", self.seconds.to_string());
        }
        if !(0.0..=SECONDS_MAX).contains(&self.warm_up) {
            return setting("warm_up", "from 0 to 86400", self.warm_up.to_string());
        }
        if let Some(rate) = self.rate.filter(|rate| !(*rate > 0.0 && *rate <= 1e7)) {
            return setting("rate", "above 0 and at most 10 million", rate.to_string());
        }
        if self.threads == 0 || self.check_every == 0 {
            return setting("threads and check_every", "at least 1", "0".to_owned());
        }
        Ok(())
    }
}

/// Drives `target` with `exchanges` in turn, as `load` says, until done or `stop` is set.
///
/// # Errors
/// [`LoadError::Setting`] for a load that makes no sense, [`LoadError::Connect`] where not every
/// connection can be opened, [`LoadError::Cancelled`] where `stop` was set. A call that fails is
/// not an error of the run: it is counted.
pub fn run(
    target: &Target,
    exchanges: &[Exchange],
    load: &Load,
    stop: &Arc<AtomicBool>,
) -> Result<Report, LoadError> {
    load.check()?;
    if exchanges.is_empty() {
        let got = "0".to_owned();
        return Err(LoadError::Setting { name: "rows", expected: "at least 1", got });
    }
    let threads = load.threads.min(load.connections);
    let crew = Crew {
        target: Arc::new(target.clone()),
        exchanges: exchanges.into(),
        load,
        threads,
        stop,
        opened: Barrier::new(threads),
        failed: AtomicBool::new(false),
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let crew = &crew;
        let handles: Vec<_> =
            (0..threads).map(|index| scope.spawn(move || crew.drive(index))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let mut sum = Part::default();
    for part in parts {
        if let Some(part) = part? {
            sum.tally.merge(part.tally);
            sum.due += part.due;
        }
    }
    if stop.load(Ordering::Relaxed) { Err(LoadError::Cancelled) } else { Ok(report(sum, load)) }
}

fn report(sum: Part, load: &Load) -> Report {
    let Part { tally, due } = sum;
    let settled = tally.latency.count() + tally.errors.values().sum::<u64>();
    Report {
        throughput: tally.finished_in_window as f64 / load.seconds,
        drained: tally.drained,
        checked: tally.checked,
        wrong: tally.wrong,
        errors: tally.errors,
        latency: tally.latency,
        abandoned: due.saturating_sub(settled),
    }
}

/// One thread's share of the outcome; `due` counts the span's scheduled calls (open loop).
#[derive(Default)]
struct Part {
    tally: Tally,
    due: u64,
}

/// What the threads of a run share.
struct Crew<'a> {
    target: Arc<Target>,
    exchanges: Arc<[Exchange]>,
    load: &'a Load,
    threads: usize,
    stop: &'a Arc<AtomicBool>,
    opened: Barrier,
    failed: AtomicBool,
}

impl Crew<'_> {
    /// One thread's part of the run; `None` where another thread could not connect.
    fn drive(&self, index: usize) -> Result<Option<Part>, LoadError> {
        let ready = self.prepare(index);
        self.failed.fetch_or(ready.is_err(), Ordering::SeqCst);
        // Nobody starts the clock before everyone is connected.
        self.opened.wait();
        let (runtime, lines) = ready?;
        if self.failed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let start = Instant::now() + Duration::from_secs_f64(self.load.warm_up);
        let window = Window { start, end: start + Duration::from_secs_f64(self.load.seconds) };
        Ok(Some(match self.load.rate {
            None => self.closed(&runtime, &lines, window),
            Some(rate) => self.open(&runtime, &lines, window, rate / self.threads as f64),
        }))
    }

    /// An event loop with this thread's share of the connections.
    fn prepare(&self, index: usize) -> Result<(Runtime, Vec<Arc<Line>>), LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let lines = runtime.block_on(self.open_lines(index))?;
        Ok((runtime, lines))
    }

    async fn open_lines(&self, index: usize) -> Result<Vec<Arc<Line>>, LoadError> {
        let share = (self.load.connections + self.threads - 1 - index) / self.threads;
        let mut lines = Vec::with_capacity(share);
        for _ in 0..share {
            let line = Line::open(Arc::clone(&self.target), self.load.timeout).await;
            lines.push(Arc::new(line.map_err(|failure| LoadError::Connect {
                address: self.target.address.clone(),
                cause: failure.to_string(),
            })?));
        }
        Ok(lines)
    }

    /// A worker for each call in flight, each starting at another exchange.
    fn workers(&self, lines: &[Arc<Line>], window: Window) -> Vec<Worker> {
        let streams = self.load.streams;
        (0..lines.len() * streams)
            .map(|index| {
                Worker::new(
                    Arc::clone(&lines[index / streams]),
                    Arc::clone(&self.exchanges),
                    Arc::clone(self.stop),
                    window,
                    self.load.check_every,
                    index as u64 * 7,
                )
            })
            .collect()
    }

    fn closed(&self, runtime: &Runtime, lines: &[Arc<Line>], window: Window) -> Part {
        let workers = self.workers(lines, window);
        let tally = runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            for worker in workers {
                tasks.spawn(worker.closed_loop());
            }
            gather(tasks).await
        });
        Part { tally, due: 0 }
    }

    fn open(&self, runtime: &Runtime, lines: &[Arc<Line>], window: Window, rate: f64) -> Part {
        let (sender, receiver) = mpsc::unbounded_channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let workers = self.workers(lines, window);
        thread::scope(|scope| {
            let pacer = scope.spawn(|| self.pace(sender, window, rate));
            let tally = runtime.block_on(async move {
                let mut tasks = JoinSet::new();
                for worker in workers {
                    tasks.spawn(worker.open_loop(Arc::clone(&receiver)));
                }
                gather(tasks).await
            });
            Part { tally, due: pacer.join().unwrap_or_else(|panic| resume_unwind(panic)) }
        })
    }

    /// Says when each call is due; a thread of its own, as an event loop's timers tick only once
    /// a millisecond. Returns how many calls of the span it asked for.
    fn pace(&self, due: mpsc::UnboundedSender<Instant>, window: Window, rate: f64) -> u64 {
        let first = window.start - Duration::from_secs_f64(self.load.warm_up);
        let mut counted = 0;
        for index in 0u64.. {
            let intended = first + Duration::from_secs_f64(index as f64 / rate);
            if intended >= window.end || self.stop.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(intended.saturating_duration_since(Instant::now()));
            if due.send(intended).is_err() {
                break;
            }
            counted += u64::from(intended >= window.start);
        }
        counted
    }
}

/// Every worker's tally. Workers end by themselves: each call has a timeout, and so has the drain.
async fn gather(tasks: JoinSet<Tally>) -> Tally {
    let mut sum = Tally::default();
    for tally in tasks.join_all().await {
        sum.merge(tally);
    }
    sum
}
