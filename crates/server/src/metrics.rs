//! What the server counts, and the Prometheus text that shows it.
//!
//! Counting takes no lock: each thread adds to a shard of its own, and a scrape sums the shards.
//! Only models that are, or were, loaded make a series; a name that a client invents never does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ferrule_base::ErrorCode;

mod process;

/// Upper bounds of the latency buckets, in microseconds: from below one inference to a stuck one.
const LATENCY_BOUNDS_US: [u64; 19] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 10_000_000,
];
/// Upper bounds of the buckets of rows a request.
const ROWS_BOUNDS: [u64; 11] =
    [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];
/// Upper bounds of the buckets of requests a run.
const SHARED_BOUNDS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// Outcomes: success, then one for each [`ErrorCode`].
const OUTCOMES: [&str; 15] = [
    "ok",
    "invalid_argument",
    "not_found",
    "already_exists",
    "failed_precondition",
    "resource_exhausted",
    "unauthenticated",
    "permission_denied",
    "deadline_exceeded",
    "cancelled",
    "unavailable",
    "unimplemented",
    "data_loss",
    "io",
    "internal",
];
/// More threads than this share shards; the sums stay right.
const SHARDS: usize = 8;

/// The counters of one model version that one thread (or a few) adds to.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    outcomes: [AtomicU64; OUTCOMES.len()],
    latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    success_ns: AtomicU64,
    failure_ns: AtomicU64,
    rows: [AtomicU64; ROWS_BOUNDS.len() + 1],
    row_sum: AtomicU64,
    shared: [AtomicU64; SHARED_BOUNDS.len() + 1],
    shared_sum: AtomicU64,
    in_flight: AtomicI64,
    last_ms: AtomicU64,
}

/// What is counted of one version of a model. It outlives reloads, so no counter goes back.
#[derive(Debug, Default)]
pub struct ModelMetrics {
    shards: [Shard; SHARDS],
}

/// The totals of a [`ModelMetrics`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests answered, by outcome.
    outcomes: [u64; OUTCOMES.len()],
    latency: [u64; LATENCY_BOUNDS_US.len() + 1],
    /// Nanoseconds spent on requests that succeeded.
    pub success_ns: u64,
    /// Nanoseconds spent on requests that failed.
    pub failure_ns: u64,
    rows: [u64; ROWS_BOUNDS.len() + 1],
    /// Rows predicted.
    pub row_sum: u64,
    shared: [u64; SHARED_BOUNDS.len() + 1],
    shared_sum: u64,
    in_flight: i64,
    /// When the last request ended, in milliseconds since 1970; 0 if none did.
    pub last_ms: u64,
}

impl Totals {
    /// Requests that succeeded.
    pub fn successes(&self) -> u64 {
        self.outcomes[0]
    }

    /// Requests that failed.
    pub fn failures(&self) -> u64 {
        self.outcomes.iter().skip(1).sum()
    }
}

fn shard_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static INDEX: usize = NEXT.fetch_add(1, Relaxed) % SHARDS;
    }
    INDEX.with(|index| *index)
}

fn bucket(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

fn count(counters: &[AtomicU64], index: usize) {
    if let Some(counter) = counters.get(index) {
        counter.fetch_add(1, Relaxed);
    }
}

fn outcome_index(outcome: Result<u64, ErrorCode>) -> usize {
    let Err(code) = outcome else { return 0 };
    match code {
        ErrorCode::InvalidArgument => 1,
        ErrorCode::NotFound => 2,
        ErrorCode::AlreadyExists => 3,
        ErrorCode::FailedPrecondition => 4,
        ErrorCode::ResourceExhausted => 5,
        ErrorCode::Unauthenticated => 6,
        ErrorCode::PermissionDenied => 7,
        ErrorCode::DeadlineExceeded => 8,
        ErrorCode::Cancelled => 9,
        ErrorCode::Unavailable => 10,
        ErrorCode::Unimplemented => 11,
        ErrorCode::DataLoss => 12,
        ErrorCode::Io => 13,
        ErrorCode::Internal => 14,
    }
}

impl ModelMetrics {
    fn shard(&self) -> &Shard {
        let [first, ..] = &self.shards;
        self.shards.get(shard_index()).unwrap_or(first)
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.shard().in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Counts a run of a model whose requests may share one: how many it answers.
    pub fn observe_run(&self, requests: usize) {
        let (shard, requests) = (self.shard(), requests as u64);
        count(&shard.shared, bucket(&SHARED_BOUNDS, requests));
        shard.shared_sum.fetch_add(requests, Relaxed);
    }

    /// Counts a request that ended: the rows that it predicted, or why it failed.
    pub fn observe(&self, outcome: Result<u64, ErrorCode>, elapsed: Duration) {
        let shard = self.shard();
        let ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        count(&shard.outcomes, outcome_index(outcome));
        count(&shard.latency, bucket(&LATENCY_BOUNDS_US, ns.div_ceil(1_000)));
        match outcome {
            Ok(rows) => {
                shard.success_ns.fetch_add(ns, Relaxed);
                count(&shard.rows, bucket(&ROWS_BOUNDS, rows));
                shard.row_sum.fetch_add(rows, Relaxed);
            }
            Err(_) => drop(shard.failure_ns.fetch_add(ns, Relaxed)),
        }
        shard.last_ms.store(unix_ms(), Relaxed);
    }

    /// The sums over all threads.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let add_to = |sum: &mut u64, count: &AtomicU64| {
            *sum = sum.wrapping_add(count.load(Relaxed));
        };
        let add = |sums: &mut [u64], counts: &[AtomicU64]| {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| add_to(sum, count));
        };
        for shard in &self.shards {
            add(&mut totals.outcomes, &shard.outcomes);
            add(&mut totals.latency, &shard.latency);
            add(&mut totals.rows, &shard.rows);
            add_to(&mut totals.success_ns, &shard.success_ns);
            add_to(&mut totals.failure_ns, &shard.failure_ns);
            add_to(&mut totals.row_sum, &shard.row_sum);
            add(&mut totals.shared, &shard.shared);
            add_to(&mut totals.shared_sum, &shard.shared_sum);
            let in_flight = shard.in_flight.load(Relaxed);
            totals.in_flight = totals.in_flight.wrapping_add(in_flight);
            totals.last_ms = totals.last_ms.max(shard.last_ms.load(Relaxed));
        }
        totals
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(Arc<ModelMetrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        // Another thread's shard may be counted down; the sum is right.
        self.0.shard().in_flight.fetch_sub(1, Relaxed);
    }
}

/// A model that is loaded now, as `ferrule_model_info` shows it.
#[derive(Clone, Copy, Debug)]
pub struct LoadedModel<'a> {
    /// The name it is served under.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// The kind of model, such as `kmeans`.
    pub kind: &'a str,
    /// The digest of its artifact.
    pub digest: &'a str,
}

type Models = BTreeMap<String, BTreeMap<String, Arc<ModelMetrics>>>;

/// Everything that the server counts.
#[derive(Debug)]
pub struct Metrics {
    models: ArcSwap<Models>,
    /// HTTP responses by status, from 100 to 599.
    statuses: Box<[AtomicU64]>,
}

const STATUS_MIN: usize = 100;

impl Default for Metrics {
    fn default() -> Self {
        let statuses = (STATUS_MIN..600).map(|_| AtomicU64::new(0)).collect();
        Self { models: ArcSwap::default(), statuses }
    }
}

impl Metrics {
    /// The counters of a version of a model that is loaded, made on first use.
    ///
    /// Call it with names of the registry only: each makes a series that stays.
    pub fn model(&self, name: &str, version: &str) -> Arc<ModelMetrics> {
        let found = |models: &Models| models.get(name).and_then(|all| all.get(version)).cloned();
        if let Some(metrics) = found(&self.models.load()) {
            return metrics;
        }
        let fresh = Arc::new(ModelMetrics::default());
        self.models.rcu(|models| {
            let mut models = Models::clone(models);
            let versions = models.entry(name.to_owned()).or_default();
            versions.entry(version.to_owned()).or_insert_with(|| fresh.clone());
            models
        });
        found(&self.models.load()).unwrap_or(fresh)
    }

    /// Counts an HTTP response.
    pub fn http_response(&self, status: u16) {
        count(&self.statuses, usize::from(status).wrapping_sub(STATUS_MIN));
    }

    /// The Prometheus text exposition (format 0.0.4) of everything counted.
    pub fn render(&self, loaded: &[LoadedModel<'_>]) -> String {
        let mut out = String::with_capacity(8 << 10);
        header(&mut out, "ferrule_build_info", "gauge", "The version of the server.");
        line(&mut out, "ferrule_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        header(&mut out, "ferrule_model_info", "gauge", "The models that are loaded.");
        for model in loaded {
            let labels = [
                ("model", model.name),
                ("version", model.version),
                ("kind", model.kind),
                ("digest", model.digest),
            ];
            line(&mut out, "ferrule_model_info", &labels, 1);
        }
        self.render_statuses(&mut out);
        self.render_models(&mut out);
        process::render(&mut out);
        out
    }

    fn render_statuses(&self, out: &mut String) {
        let name = "ferrule_http_responses_total";
        header(out, name, "counter", "HTTP responses by status.");
        for (status, count) in (STATUS_MIN..).zip(&self.statuses) {
            let count = count.load(Relaxed);
            if count > 0 {
                line(out, name, &[("status", &status.to_string())], count);
            }
        }
    }

    fn render_models(&self, out: &mut String) {
        let models = self.models.load();
        let all: Vec<(&str, &str, Totals)> = models
            .iter()
            .flat_map(|(name, versions)| {
                versions
                    .iter()
                    .map(|(version, metrics)| (name.as_str(), version.as_str(), metrics.totals()))
            })
            .collect();
        render_counts(out, &all);
        let name = "ferrule_request_duration_seconds";
        header(out, name, "histogram", "Time from a parsed request head to its answer.");
        for (model, version, totals) in &all {
            let bounds = LATENCY_BOUNDS_US.map(|bound| bound as f64 / 1e6);
            let sum = (totals.success_ns as f64 + totals.failure_ns as f64) / 1e9;
            histogram(out, name, (model, version), &bounds, &totals.latency, sum);
        }
        let name = "ferrule_batch_rows";
        header(out, name, "histogram", "Rows of a request that was predicted.");
        for (model, version, totals) in &all {
            let bounds = ROWS_BOUNDS.map(|bound| bound as f64);
            histogram(out, name, (model, version), &bounds, &totals.rows, totals.row_sum as f64);
        }
        let name = "ferrule_shared_requests";
        header(
            out,
            name,
            "histogram",
            "Requests that one run answered, of models that share runs.",
        );
        for (model, version, totals) in all.iter().filter(|(.., totals)| totals.shared_sum > 0) {
            let (bounds, sum) = (SHARED_BOUNDS.map(|bound| bound as f64), totals.shared_sum as f64);
            histogram(out, name, (model, version), &bounds, &totals.shared, sum);
        }
    }
}

fn render_counts(out: &mut String, all: &[(&str, &str, Totals)]) {
    let name = "ferrule_requests_total";
    header(out, name, "counter", "Prediction requests by outcome, over all protocols.");
    for (model, version, totals) in all {
        for (code, count) in OUTCOMES.iter().zip(totals.outcomes) {
            if count > 0 || *code == "ok" {
                let labels = [("model", *model), ("version", *version), ("code", *code)];
                line(out, name, &labels, count);
            }
        }
    }
    let name = "ferrule_requests_in_flight";
    header(out, name, "gauge", "Prediction requests that are being answered.");
    for (model, version, totals) in all {
        line(out, name, &[("model", model), ("version", version)], totals.in_flight);
    }
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
    out.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        let _ = write!(out, "{label}=\"");
        for character in text.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                other => out.push(other),
            }
        }
        out.push('"');
    }
    let close = if labels.is_empty() { "" } else { "}" };
    let _ = writeln!(out, "{close} {value}");
}

fn histogram(
    out: &mut String,
    name: &str,
    (model, version): (&str, &str),
    bounds: &[f64],
    counts: &[u64],
    sum: f64,
) {
    let labels = [("model", model), ("version", version)];
    let bucket = format!("{name}_bucket");
    let mut total = 0u64;
    let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(counts) {
        total = count.wrapping_add(total);
        line(out, &bucket, &[labels[0], labels[1], ("le", &bound)], total);
    }
    line(out, &format!("{name}_sum"), &labels, sum);
    line(out, &format!("{name}_count"), &labels, total);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_values_up_to_and_with_their_bound() {
        assert_eq!(bucket(&ROWS_BOUNDS, 1), 0);
        assert_eq!(bucket(&ROWS_BOUNDS, 4), 1);
        assert_eq!(bucket(&ROWS_BOUNDS, 5), 2);
        assert_eq!(bucket(&ROWS_BOUNDS, u64::MAX), ROWS_BOUNDS.len());
    }

    #[test]
    fn counts_of_all_threads_add_up_and_gauges_return_to_zero() {
        let metrics = Metrics::default();
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let model = metrics.model("iris", "1");
                    for _ in 0..1_000 {
                        let _in_flight = model.enter();
                        model.observe(Ok(3), Duration::from_micros(5));
                        model.observe(Err(ErrorCode::Internal), Duration::from_micros(6));
                    }
                });
            }
        });
        let totals = metrics.model("iris", "1").totals();
        assert_eq!((totals.successes(), totals.failures()), (12_000, 12_000));
        assert_eq!((totals.row_sum, totals.in_flight), (36_000, 0));
        assert_eq!((totals.latency[0], totals.latency[1]), (12_000, 12_000));
        assert_eq!(totals.success_ns, 12_000 * 5_000);
    }

    #[test]
    fn the_text_has_one_line_a_series_with_escaped_labels_and_cumulative_buckets() {
        let metrics = Metrics::default();
        metrics.model("a\"b", "1").observe(Ok(2), Duration::from_micros(7));
        metrics.http_response(404);
        metrics.http_response(9_999);
        let text = metrics.render(&[]);
        for wanted in [
            "ferrule_requests_total{model=\"a\\\"b\",version=\"1\",code=\"ok\"} 1\n",
            "ferrule_http_responses_total{status=\"404\"} 1\n",
            "_duration_seconds_bucket{model=\"a\\\"b\",version=\"1\",le=\"0.000005\"} 0\n",
            "_duration_seconds_bucket{model=\"a\\\"b\",version=\"1\",le=\"0.00001\"} 1\n",
            "ferrule_batch_rows_bucket{model=\"a\\\"b\",version=\"1\",le=\"+Inf\"} 1\n",
            "ferrule_batch_rows_sum{model=\"a\\\"b\",version=\"1\"} 2\n",
            "process_resident_memory_bytes ",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in\n{text}");
        }
        assert!(!text.contains("9999"));
    }
}
