//! Tensors that a function has taken, to change them where they are.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Time after which a thread that waits looks for signals.
const TIME_BETWEEN_SIGNALS: Duration = Duration::from_millis(50);

/// Tells when tensors are back.
#[derive(Debug)]
pub(super) struct Absence {
    thread: ThreadId,
    is_over: Mutex<bool>,
    ended: Condvar,
}

impl Absence {
    /// Of tensors that this thread takes.
    pub(super) fn new() -> Self {
        let thread = std::thread::current().id();
        Self { thread, is_over: Mutex::new(false), ended: Condvar::new() }
    }

    /// The tensors are back.
    pub(super) fn end(&self) {
        *self.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.notify_all();
    }

    /// Waits until the tensors are back, without the GIL.
    pub(super) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        if self.thread == std::thread::current().id() {
            return Err(PyRuntimeError::new_err(
                "the tensor is being changed by a function that this thread runs: what comes in between, \
                 such as a signal handler, cannot use it; set a flag there, and look after the call",
            ));
        }
        let look = || {
            let is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = self.ended.wait_timeout_while(is_over, TIME_BETWEEN_SIGNALS, |over| !*over);
            *wait.unwrap_or_else(PoisonError::into_inner).0
        };
        while !py.detach(look) {
            py.check_signals()?;
        }
        Ok(())
    }
}
