//! Threads that stay, for kernels too short to start any.
//!
//! The helpers are started when the first large kernel runs. After a kernel they look out for
//! the next for a while, then sleep. A process that was forked has none of its parent's
//! threads, so it starts its own. Which thread runs a block is open: whoever wants results that
//! do not depend on the number of threads combines them by block.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::parallel::{Shared, thread_count};

/// Turns of a waiting loop before a helper sleeps: about 200 µs, since to wake it takes tens.
const SPINS: usize = 4_000;

/// Most shares of a kernel's blocks; of more threads, some begin with the same one.
const SHARES_MAX: usize = 32;

/// The helpers of this process; null before they are first needed.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());

/// Calls `work(block)` once for each block in `0..n_blocks`, in any order, on the calling thread and
/// the pool's helpers; returns when all are done. On the calling thread alone where there is one
/// block, one thread to use (see [`thread_count`]), or the pool works for another caller already.
///
/// Each thread begins with a share of its own, always the same for as many blocks: what it wrote there
/// in the last kernel is still in its caches. Then it helps others.
///
/// # Panics
/// Where `work` does, on whichever thread; other blocks may have run or not.
pub fn for_each_block(n_blocks: usize, work: impl Fn(usize) + Sync) {
    let lease = if n_blocks > 1 && n_threads() > 1 { Lease::take() } else { None };
    let Some(lease) = lease else { return (0..n_blocks).for_each(work) };
    let n_shares = n_threads().min(SHARES_MAX);
    let start_of = |share: usize| share * n_blocks / n_shares;
    let next: [AtomicUsize; SHARES_MAX] =
        std::array::from_fn(|share| AtomicUsize::new(start_of(share)));
    let take_blocks = |thread: usize| {
        let own = thread % n_shares;
        for share in (own..n_shares).chain(0..own) {
            loop {
                let block = next[share].fetch_add(1, Ordering::Relaxed);
                if block >= start_of(share + 1) {
                    break;
                }
                work(block);
            }
        }
    };
    lease.pool.start_helpers();
    lease.pool.shared.run(&take_blocks, || take_blocks(0));
}

/// The number of threads that [`for_each_block`] uses, the caller's included: [`thread_count`] when
/// first asked.
pub fn n_threads() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(thread_count)
}

/// Whether threads share a matrix by its columns: one that their caches hold, so that each finds its
/// own columns there in whatever kernel comes next, be they read or written.
pub(crate) fn shares_columns(rows: usize, columns: usize) -> bool {
    /// Least columns of a thread, so that vectors are full.
    const COLUMNS_MIN: usize = 64;
    /// Most elements of a thread.
    const ELEMENTS_MAX: usize = 1 << 18;
    let n = n_threads();
    n > 1 && columns >= n * COLUMNS_MIN && rows.saturating_mul(columns) <= n * ELEMENTS_MAX
}

/// The helpers of one process.
struct Pool {
    /// The process that they live in.
    process: u32,
    taken: AtomicBool,
    shared: Shared,
    /// Whether all helpers could be started; unset before.
    started: OnceLock<bool>,
}

impl Pool {
    /// This process's pool, made where it has none. Pools are never freed: helpers use theirs for
    /// as long as the process lives, and a child's copy of its parent's may be locked for ever.
    fn of_this_process() -> &'static Self {
        let process = std::process::id();
        let mut current = POOL.load(Ordering::Acquire);
        loop {
            // SAFETY: null, or a pool that was leaked below.
            if let Some(pool) = unsafe { current.as_ref() }
                && pool.process == process
            {
                return pool;
            }
            let fresh = Box::into_raw(Box::new(Self::new(process)));
            match POOL.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: just made and now leaked.
                Ok(_) => return unsafe { &*fresh },
                Err(winner) => {
                    // SAFETY: made above, seen by no one else.
                    drop(unsafe { Box::from_raw(fresh) });
                    current = winner;
                }
            }
        }
    }

    fn new(process: u32) -> Self {
        let taken = AtomicBool::new(false);
        Self { process, taken, shared: Shared::new(SPINS), started: OnceLock::new() }
    }

    /// Starts the helpers where they were not.
    fn start_helpers(&'static self) {
        // A system that is out of threads makes the pool smaller, not the call fail.
        self.started.get_or_init(|| (1..n_threads()).all(|helper| self.start(helper)));
    }

    fn start(&'static self, helper: usize) -> bool {
        let name = format!("ferrule-{helper}");
        std::thread::Builder::new().name(name).spawn(move || self.shared.help(helper)).is_ok()
    }
}

/// The right to set the pool to work, given back when dropped.
struct Lease {
    pool: &'static Pool,
}

impl Lease {
    /// `None` where another has it, be it a caller further up on this thread.
    fn take() -> Option<Self> {
        let pool = Pool::of_this_process();
        // Not `then_some`: a lease made and dropped would give back what another has.
        (!pool.taken.swap(true, Ordering::Acquire)).then(|| Self { pool })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.taken.store(false, Ordering::Release);
    }
}
