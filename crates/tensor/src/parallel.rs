//! Threads that live no longer than a call.
//!
//! [`Team::run`] starts them in a scope and joins them before it returns, so nothing survives that a
//! fork could break, and nested process pools stay safe. Which thread runs a block is open, so
//! whoever wants results that do not depend on the number of threads combines them by block.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::control::{Cancelled, Control};

/// Turns of a waiting loop before a thread sleeps: some tens of microseconds.
const SPINS: usize = 4_000;

/// The number of threads to use: `FERRULE_NUM_THREADS` where it is a positive number, else what
/// CPU affinity and the cgroup quota (v1 and v2) leave.
pub fn thread_count() -> usize {
    std::env::var("FERRULE_NUM_THREADS")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|&count| count > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The caller's thread and its helpers, which run blocks of work together.
pub struct Team<'a> {
    shared: &'a Shared,
    control: &'a Control<'a>,
    n_threads: usize,
}

impl Team<'_> {
    /// Runs `body` on the calling thread with `n_threads - 1` helpers at hand (at least 1 thread).
    pub fn run<R>(n_threads: usize, control: &Control, body: impl FnOnce(&Team) -> R) -> R {
        let n_threads = n_threads.max(1);
        let shared = &Shared::new(SPINS);
        std::thread::scope(|scope| {
            // Dismisses the helpers on every way out, panics included: the scope waits for them.
            let _dismiss = Dismiss(shared);
            let mut started = 1;
            for thread in 1..n_threads {
                let helper = move || shared.help(thread);
                // A system that is out of threads makes the team smaller, not the call fail.
                if std::thread::Builder::new().spawn_scoped(scope, helper).is_err() {
                    break;
                }
                started += 1;
            }
            body(&Team { shared, control, n_threads: started })
        })
    }

    /// The number of threads, the caller's included.
    pub fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// What stops this team's work.
    pub fn control(&self) -> &Control<'_> {
        self.control
    }

    /// Calls `work(block, thread)` once for each block in `0..n_blocks`, in any order.
    ///
    /// # Errors
    /// [`Cancelled`]: the control stopped it; some blocks have not run.
    pub fn for_each_block<F>(&self, n_blocks: usize, work: F) -> Result<(), Cancelled>
    where
        F: Fn(usize, usize) + Sync,
    {
        self.control.check()?;
        let next = AtomicUsize::new(0);
        let cancelled = self.control.flag();
        let take = || {
            let block = next.fetch_add(1, Ordering::Relaxed);
            (block < n_blocks && !cancelled.load(Ordering::Relaxed)).then_some(block)
        };
        let help = |thread: usize| {
            while let Some(block) = take() {
                work(block, thread);
            }
        };
        let lead = || {
            while let Some(block) = take() {
                work(block, 0);
                if self.control.check().is_err() {
                    break;
                }
            }
        };
        if self.n_threads == 1 || n_blocks <= 1 {
            lead();
        } else {
            self.shared.run(&help, lead);
        }
        self.control.check()
    }

    /// Calls `work(index, item, scratch)` once for each of `items`, in any order; a thread has its
    /// own element of `scratch`.
    ///
    /// # Errors
    /// [`Cancelled`]: the control stopped it; some items have not been worked on.
    ///
    /// # Panics
    /// Where `scratch` has fewer elements than the team has threads.
    pub fn for_each<I, S, F>(
        &self,
        items: &mut [I],
        scratch: &mut [S],
        work: F,
    ) -> Result<(), Cancelled>
    where
        I: Send,
        S: Send,
        F: Fn(usize, &mut I, &mut S) + Sync,
    {
        assert!(scratch.len() >= self.n_threads, "one scratch element a thread");
        let n_items = items.len();
        let (items, scratch) = (Base(items.as_mut_ptr()), Base(scratch.as_mut_ptr()));
        self.for_each_block(n_items, |block, thread| {
            // SAFETY: block < n_items and each block is handed out once; thread < n_threads <=
            // scratch.len() and one thread runs one block at a time. So both references are in
            // bounds and unique. The slices stay borrowed until all threads are done.
            let (item, scratch) = unsafe { (items.at(block), scratch.at(thread)) };
            work(block, item, scratch);
        })
    }
}

/// The start of a slice whose elements are handed to different threads.
struct Base<T>(*mut T);

// SAFETY: elements of `T: Send` may be used from another thread; `at` demands uniqueness.
unsafe impl<T: Send> Sync for Base<T> {}

impl<T> Base<T> {
    /// # Safety
    /// `index` lies within the slice and no other reference to the element lives.
    #[allow(clippy::mut_from_ref, reason = "uniqueness is the caller's duty")]
    unsafe fn at(&self, index: usize) -> &mut T {
        // SAFETY: in bounds and unique, as the caller promises.
        unsafe { &mut *self.0.add(index) }
    }
}

/// A job that helpers run, with its lifetime erased.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the pointee is Sync, and `Shared::run` outlives every use of the pointer.
unsafe impl Send for Job {}

#[derive(Default)]
struct State {
    job: Option<Job>,
    epoch: usize,
    /// Helpers that wait for `start`.
    asleep: usize,
    quit: bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// What the thread that leads and its helpers have in common.
pub(crate) struct Shared {
    /// Turns of a waiting loop before a thread sleeps.
    spins: usize,
    state: Mutex<State>,
    /// A copy of the state's epoch, to wait for without the lock.
    epoch: AtomicUsize,
    /// Helpers that are at the present job. It grows under the lock, while there is a job.
    busy: AtomicUsize,
    quit: AtomicBool,
    start: Condvar,
    done: Condvar,
}

impl Shared {
    pub(crate) fn new(spins: usize) -> Self {
        Self {
            spins,
            state: Mutex::default(),
            epoch: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            quit: AtomicBool::new(false),
            start: Condvar::new(),
            done: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the helpers run `job` while the caller runs `lead`; returns when `lead` and those that
    /// began are done. A helper that wakes too late is not waited for, so `lead` alone must do all.
    pub(crate) fn run(&self, job: &(dyn Fn(usize) + Sync), lead: impl FnOnce()) {
        let erased: *const (dyn Fn(usize) + Sync + '_) = job;
        // SAFETY: only the lifetime changes. `Finish` waits until no helper uses the job before
        // this function returns or unwinds, so the pointer never outlives it.
        let job = Job(unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync)>(
                erased,
            )
        });
        let mut state = self.lock();
        state.job = Some(job);
        state.epoch += 1;
        self.epoch.store(state.epoch, Ordering::Release);
        let wake = state.asleep > 0;
        drop(state);
        if wake {
            self.start.notify_all();
        }
        let finish = Finish(self);
        lead();
        drop(finish);
        let panic = self.lock().panic.take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// A helper's life: wait for a job, run it, say so.
    pub(crate) fn help(&self, thread: usize) {
        let mut seen = 0;
        while let Some(job) = self.next_job(&mut seen) {
            // SAFETY: the job lives until `busy` is zero (see `run`).
            let job = unsafe { &*job.0 };
            let outcome = catch_unwind(AssertUnwindSafe(|| job(thread)));
            if let Err(panic) = outcome {
                self.lock().panic.get_or_insert(panic);
            }
            if self.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                // Under the lock, so that it cannot fall between the waiter's look and its sleep.
                let _state = self.lock();
                self.done.notify_one();
            }
        }
    }

    /// The next job, or `None` when it is time to go. Who comes too late for one looks out for the
    /// next: to sleep after each short job would cost more than the jobs.
    fn next_job(&self, seen: &mut usize) -> Option<Job> {
        loop {
            self.look_out(*seen);
            let mut state = self.lock();
            while state.epoch == *seen && !state.quit {
                state.asleep += 1;
                state = self.start.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep -= 1;
            }
            if state.quit {
                return None;
            }
            *seen = state.epoch;
            if state.job.is_some() {
                self.busy.fetch_add(1, Ordering::Relaxed);
                return state.job;
            }
        }
    }

    /// Waits a while for another epoch than `seen`.
    fn look_out(&self, seen: usize) {
        for _ in 0..self.spins {
            if self.epoch.load(Ordering::Acquire) != seen || self.quit.load(Ordering::Acquire) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn wait_until_idle(&self) {
        for _ in 0..self.spins {
            if self.busy.load(Ordering::Acquire) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        let mut state = self.lock();
        while self.busy.load(Ordering::Acquire) != 0 {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Waits for the helpers when dropped, so that a panic of the caller's share does not free what
/// they still use.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.lock().job = None;
        self.0.wait_until_idle();
    }
}

/// Sends the helpers home when dropped.
struct Dismiss<'a>(&'a Shared);

impl Drop for Dismiss<'_> {
    fn drop(&mut self) {
        self.0.lock().quit = true;
        self.0.quit.store(true, Ordering::Release);
        self.0.start.notify_all();
    }
}
