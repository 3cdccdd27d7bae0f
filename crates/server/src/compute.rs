//! The compute threads: where requests run that would hold up others on an I/O thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use ferrule_base::{Coded, ErrorCode};
use tokio::sync::oneshot;

use crate::ServerError;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job did not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComputeError {
    #[error("{queued} large requests are waiting already; try again later")]
    Full { queued: usize },
    #[error("the request failed inside the server")]
    Lost,
}

impl Coded for ComputeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Full { .. } => ErrorCode::ResourceExhausted,
            Self::Lost => ErrorCode::Internal,
        }
    }
}

/// A bounded queue and the threads that empty it, first come first served.
#[derive(Clone, Debug)]
pub(crate) struct Compute {
    jobs: mpsc::Sender<Job>,
    queued: Arc<AtomicUsize>,
    queue_max: usize,
}

impl Compute {
    /// Starts `threads` threads; they end when the last handle is dropped.
    pub(crate) fn start(threads: usize, queue_max: usize) -> Result<Self, ServerError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let inbox = Arc::new(Mutex::new(inbox));
        for index in 0..threads {
            let inbox = Arc::clone(&inbox);
            let run = move || {
                while let Some(job) = next(&inbox) {
                    // A panic is that request's end, not the thread's; its caller is told.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            };
            thread::Builder::new().name(format!("ferrule-compute-{index}")).spawn(run)?;
        }
        Ok(Self { jobs, queued: Arc::new(AtomicUsize::new(0)), queue_max })
    }

    /// Runs `job` on one of the threads. Where the caller stops waiting before it has begun, it is
    /// not run.
    ///
    /// # Errors
    /// [`ComputeError::Full`] where too many wait; [`ComputeError::Lost`] where it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ComputeError> {
        let queued = self.queued.load(Ordering::Relaxed);
        if queued >= self.queue_max {
            return Err(ComputeError::Full { queued });
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let counter = Arc::clone(&self.queued);
        let task: Job = Box::new(move || {
            counter.fetch_sub(1, Ordering::Relaxed);
            if !sender.is_closed() {
                // A caller who left meanwhile wants no answer.
                let _ = sender.send(job());
            }
        });
        self.jobs.send(task).map_err(|_| ComputeError::Lost)?;
        receiver.await.map_err(|_| ComputeError::Lost)
    }
}

fn next(inbox: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
