//! What every request shares.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use ferrule_base::ErrorCode;
use ferrule_runtime::{Failure, Registry, RuntimeError, ServedModel};

use crate::auth::Keys;
use crate::batch::{Handled, Lines};
use crate::metrics::Metrics;
use crate::net::budget::Budget;
use crate::{Config, ServerError, log, openapi};

/// The server's name in both protocols.
pub(crate) const SERVER_NAME: &str = "ferrule";
/// The server's version.
pub(crate) const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The extensions of the Open Inference Protocol that are spoken, by the names clients look for.
pub(crate) const EXTENSIONS: [&str; 3] = ["binary_tensor_data", "model_repository", "statistics"];

/// Multiply-adds that a request may cost on an I/O thread, a fraction of a millisecond of them; a
/// dearer one goes to the compute threads.
const INLINE_COST_MAX: usize = 1 << 20;
/// Multiply-adds that decoding a byte is taken to cost.
const DECODE_COST: usize = 2;

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Loading models.
    Starting,
    /// Taking requests.
    Ready,
    /// Not ready any more; still answers what comes, and asks peers to go.
    Draining,
}

/// The state that all protocols share: models, configuration, readiness, counters.
#[derive(Debug)]
pub struct App {
    /// As given.
    pub config: Config,
    /// The models served.
    pub registry: Registry,
    /// What is counted.
    pub metrics: Metrics,
    /// The OpenAPI document.
    pub openapi: openapi::Cache,
    /// When the server started.
    pub started: Instant,
    pub(crate) keys: Option<Keys>,
    pub(crate) budget: Budget,
    pub(crate) lines: Lines,
    /// Whether REST requests must name this machine: see [`crate::host`].
    pub(crate) checks_host: bool,
    phase: AtomicU8,
}

impl App {
    /// Checks the configuration and loads the models; opens no socket.
    ///
    /// # Errors
    /// [`ServerError`] for a configuration that cannot be served and a model that cannot be
    /// loaded.
    pub fn new(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        let keys = config.api_key_file.as_deref().map(Keys::read).transpose()?;
        let registry =
            Registry::open(&config.models, config.name.as_deref(), config.limits.clone())?;
        Ok(Self {
            checks_host: keys.is_none() && config.is_loopback()?,
            registry,
            keys,
            metrics: Metrics::default(),
            openapi: openapi::Cache::default(),
            started: Instant::now(),
            budget: Budget::new(config.limits.buffered_bytes_max),
            lines: Lines::default(),
            phase: AtomicU8::new(Phase::Starting as u8),
            config,
        })
    }

    /// Where the server is in its life.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Whether traffic should come here.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Ready
    }

    /// Moves on; never back.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// Counts a prediction that `begin` makes or begins: its rows, or why it failed.
    pub(crate) fn measure<T: 'static, E: 'static>(
        &self,
        served: &ServedModel,
        code: impl Fn(&E) -> ErrorCode + Send + 'static,
        begin: impl FnOnce() -> Handled<Result<(T, u64), E>>,
    ) -> Handled<Result<T, E>> {
        let metrics = self.metrics.model(&served.name, &served.version);
        let in_flight = metrics.enter();
        let started = Instant::now();
        begin().map(move |result| {
            let outcome = result.as_ref().map(|(_, rows)| *rows).map_err(code);
            metrics.observe(outcome, started.elapsed());
            drop(in_flight);
            result.map(|(answer, _)| answer)
        })
    }

    /// Loads every version of a model from its files, anew where it is loaded already.
    ///
    /// # Errors
    /// As [`Registry::load`]; the text that a client may see is
    /// [`RuntimeError::public_message`].
    pub fn load_model(&self, name: &str) -> Result<(), RuntimeError> {
        self.registry.load(name).inspect_err(|error| log::warn(error))
    }

    /// Serves what the files hold now; tells on stderr what could not be loaded.
    pub fn refresh(&self) {
        for failure in self.registry.refresh() {
            let Failure { name, version, error } = failure;
            log::warn(format_args!("model {name} version {version} is not loaded: {error}"));
        }
    }

    /// Whether a request of this many bytes would hold up others on its I/O thread.
    pub(crate) fn is_heavy(&self, bytes: usize) -> bool {
        let cost = self.registry.cost_per_byte().saturating_add(DECODE_COST);
        !Self::may_run_inline(bytes.saturating_mul(cost))
    }

    /// Whether so many multiply-adds may be computed on an I/O thread.
    pub(crate) fn may_run_inline(cost: usize) -> bool {
        cost <= INLINE_COST_MAX
    }
}

/// The `platform` of a model's metadata, such as `ferrule_kmeans`.
pub(crate) fn platform(kind: &str) -> String {
    format!("{SERVER_NAME}_{kind}")
}
