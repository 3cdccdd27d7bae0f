//! One target, many inputs.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mutate::mutate;
use crate::{Rng, Target, memory};

/// Memory that a target may hold beyond its input's size.
pub const SPARE_BYTES: usize = 64 << 20;
/// Longest that one input may take, seconds, at the best of four runs.
pub const SECONDS_MAX: u64 = 1;
/// Most inputs that a campaign keeps to mutate.
const CORPUS_MAX: usize = 4096;

/// When a campaign ends: at whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Time to run.
    pub time: Duration,
    /// Inputs to run.
    pub inputs: u64,
}

/// What a campaign found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target's name.
    pub target: &'static str,
    /// Inputs that were run.
    pub inputs: u64,
    /// Inputs that the target accepted.
    pub accepted: u64,
    /// Different answers that were seen.
    pub answers: usize,
    /// How long it took.
    pub time: Duration,
    /// Most memory that one input made the target hold, bytes.
    pub peak_bytes: usize,
    /// Longest that one input took.
    pub slowest: Duration,
    /// What is wrong, with the file that holds the input.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.inputs as f64 / self.time.as_secs_f64().max(1e-9);
        write!(
            f,
            "{:<16} {:>10} inputs  {:>9.0}/s  {:>8} accepted  {:>5} answers  peak {:>8} bytes  \
             slowest {:>7.2} ms  {} findings",
            self.target,
            self.inputs,
            rate,
            self.accepted,
            self.answers,
            self.peak_bytes,
            self.slowest.as_secs_f64() * 1e3,
            self.findings.len()
        )
    }
}

/// Runs `target` on its seeds and then on mutations of them until `budget` is spent, or ten findings
/// are made.
pub fn run(target: &Target, budget: Budget, seed: u64) -> Report {
    let mut campaign = Campaign::new(target);
    let mut rng = Rng::new(seed);
    for input in (target.seeds)() {
        campaign.try_input(input);
    }
    let started = Instant::now();
    while started.elapsed() < budget.time
        && campaign.report.inputs < budget.inputs
        && campaign.report.findings.len() < 10
    {
        let input = campaign.next_input(&mut rng);
        campaign.try_input(input);
    }
    campaign.report.time = started.elapsed();
    campaign.report.answers = campaign.seen.len();
    campaign.report
}

struct Campaign<'a> {
    target: &'a Target,
    corpus: Vec<Vec<u8>>,
    seen: HashSet<u64>,
    report: Report,
}

impl<'a> Campaign<'a> {
    fn new(target: &'a Target) -> Self {
        let report = Report {
            target: target.name,
            inputs: 0,
            accepted: 0,
            answers: 0,
            time: Duration::ZERO,
            peak_bytes: 0,
            slowest: Duration::ZERO,
            findings: Vec::new(),
        };
        Self { target, corpus: Vec::new(), seen: HashSet::new(), report }
    }

    fn next_input(&self, rng: &mut Rng) -> Vec<u8> {
        let mut input = rng.pick(&self.corpus).clone();
        let other = &self.corpus[rng.below(self.corpus.len())];
        mutate(&mut input, rng, self.target.words, other);
        if let Some(repair) = self.target.repair
            && rng.one_in(2)
        {
            input = repair(input);
        }
        input
    }

    fn try_input(&mut self, input: Vec<u8>) {
        self.report.inputs += 1;
        let started = Instant::now();
        let run = || catch_unwind(AssertUnwindSafe(|| (self.target.run)(&input)));
        let (result, usage) = memory::measure(run);
        let time = started.elapsed();
        self.report.peak_bytes = self.report.peak_bytes.max(usage.peak_bytes);
        self.report.slowest = self.report.slowest.max(time);
        if usage.peak_bytes > input.len() + SPARE_BYTES {
            self.finding(&input, format!("held {} bytes", usage.peak_bytes));
        }
        if time > Duration::from_secs(SECONDS_MAX) && self.is_slow(&input) {
            self.finding(&input, format!("took {time:?}"));
        }
        match result {
            Err(_) => self.finding(&input, "panicked".into()),
            Ok(answer) => {
                self.report.accepted += u64::from(answer.accepted);
                let new = self.seen.insert(shape_of(&answer.text));
                if self.corpus.is_empty() || new && self.corpus.len() < CORPUS_MAX {
                    self.corpus.push(input);
                }
            }
        }
    }

    /// Whether `input` takes too long each time: a busy machine may hold up any input once.
    fn is_slow(&self, input: &[u8]) -> bool {
        (0..3).all(|_| {
            let started = Instant::now();
            let _ = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
            started.elapsed() > Duration::from_secs(SECONDS_MAX)
        })
    }

    fn finding(&mut self, input: &[u8], what: String) {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/findings"));
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = folder.join(format!("{}-{:016x}", self.target.name, hasher.finish()));
        let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, input));
        let place = kept.map_or_else(|error| error.to_string(), |()| path.display().to_string());
        self.report.findings.push(format!("{}: {what}: {place}", self.target.name));
    }
}

/// An answer's text without what differs from input to input: digits and quoted names.
fn shape_of(answer: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let (mut quoted, mut escaped) = (false, false);
    for byte in answer.bytes() {
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        if !quoted && !byte.is_ascii_digit() {
            byte.hash(&mut hasher);
        }
    }
    hasher.finish()
}
