//! What every request shares.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use ferrule_runtime::Registry;

use crate::metrics::Metrics;
use crate::{Config, ServerError};

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

/// The state that all protocols share: models, configuration, readiness.
#[derive(Debug)]
pub struct App {
    /// As given.
    pub config: Config,
    /// The models served.
    pub registry: Registry,
    /// What is counted.
    pub metrics: Metrics,
    /// When the server started.
    pub started: Instant,
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
        let registry =
            Registry::open(&config.models, config.name.as_deref(), config.limits.clone())?;
        Ok(Self {
            config,
            registry,
            metrics: Metrics::default(),
            started: Instant::now(),
            phase: AtomicU8::new(Phase::Starting as u8),
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
}
