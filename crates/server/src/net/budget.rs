//! How many bytes of requests may be in memory at a time, over all connections.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bodies up to this size are not counted: the limits on connections and streams bound them.
const FREE_BYTES: usize = 64 << 10;

/// Bytes in use, and how many may be.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    /// A share of nothing, which may grow.
    pub(crate) fn share(&self) -> Share<'_> {
        Share { budget: self, bytes: 0 }
    }
}

/// Bytes taken from a budget; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Share<'_> {
    /// Whether the budget has `bytes` in all for this share; then they are taken.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        if bytes <= FREE_BYTES || bytes <= self.bytes {
            return true;
        }
        let more = bytes.saturating_sub(self.bytes);
        let used = self.budget.used.fetch_add(more, Ordering::Relaxed);
        self.bytes = bytes;
        used.saturating_add(more) <= self.budget.max
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_the_budget_and_give_it_back() {
        let budget = Budget::new(300 << 10);
        let mut first = budget.share();
        assert!(first.grow_to(100 << 10) && first.grow_to(200 << 10));
        let mut second = budget.share();
        assert!(second.grow_to(FREE_BYTES));
        assert!(!second.grow_to(101 << 10));
        drop(second);
        assert!(budget.share().grow_to(100 << 10));
        drop(first);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
