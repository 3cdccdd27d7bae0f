//! Counts what the running thread holds of the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// What a function did to the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Most bytes held at one time beyond those held before, asked for and refused ones included.
    pub peak_bytes: usize,
    /// Allocations.
    pub count: usize,
}

/// Runs `action` and measures it on this thread.
pub fn measure<T>(action: impl FnOnce() -> T) -> (T, Usage) {
    let before = LIVE.get();
    PEAK.set(before);
    COUNT.set(0);
    let result = action();
    (result, Usage { peak_bytes: PEAK.get().saturating_sub(before), count: COUNT.get() })
}

fn grow(bytes: usize) {
    let live = LIVE.get().saturating_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
    COUNT.set(COUNT.get() + 1);
}

fn shrink(bytes: usize) {
    LIVE.set(LIVE.get().saturating_sub(bytes));
}

// SAFETY: every call goes on to `System` unchanged; the counters are plain thread-local cells that
// need no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_what_was_held_at_once_and_not_what_was_let_go() {
        let (_, usage) = measure(|| {
            for _ in 0..10 {
                std::hint::black_box(vec![1u8; 1_000]);
            }
        });
        assert_eq!(usage, Usage { peak_bytes: 1_000, count: 10 });
        let (kept, usage) = measure(|| (vec![1u8; 1_000], vec![1u8; 500]));
        assert_eq!(usage, Usage { peak_bytes: 1_500, count: 2 });
        drop(kept);
    }
}
