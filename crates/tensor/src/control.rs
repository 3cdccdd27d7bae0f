//! Stopping a long computation from outside.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The least time between two calls of a [`Control`]'s poll function.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The computation was stopped through its [`Control`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped on request")
    }
}

impl std::error::Error for Cancelled {}

/// How a caller stops a computation: a flag that every thread reads between blocks of work, and
/// a function that only the calling thread invokes, at most every 50 ms (`true` = stop), such as
/// a look at pending signals.
#[derive(Default)]
pub struct Control<'a> {
    cancelled: AtomicBool,
    poll: Option<&'a dyn Fn() -> bool>,
    polled_at: Cell<Option<Instant>>,
}

impl<'a> Control<'a> {
    /// A control that nothing stops, unless [`cancel`](Self::cancel) is called.
    pub fn new() -> Self {
        Self::default()
    }

    /// A control that stops once `poll` returns `true`.
    pub fn with_poll(poll: &'a dyn Fn() -> bool) -> Self {
        Self { poll: Some(poll), ..Self::default() }
    }

    /// Asks the computation to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Fails once the computation was asked to stop; polls where the time has come.
    ///
    /// # Errors
    /// [`Cancelled`]
    pub fn check(&self) -> Result<(), Cancelled> {
        if let Some(poll) = self.poll
            && self.polled_at.get().is_none_or(|at| at.elapsed() >= POLL_INTERVAL)
        {
            self.polled_at.set(Some(Instant::now()));
            if poll() {
                self.cancel();
            }
        }
        if self.flag().load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// The flag, for threads that must not poll.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.cancelled
    }
}
