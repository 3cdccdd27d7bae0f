//! One output written in pieces by several threads, and memory for what lies between.

use std::cell::Cell;
use std::marker::PhantomData;
use std::thread::LocalKey;

use crate::array::{Buffer, Element};
use crate::pool::for_each_block;

/// Elements whose copying is worth another thread's attention: some microseconds.
pub(super) const GRAIN: usize = 1 << 15;

/// Rows of a piece, where one costs as much as copying `row_cost` elements.
pub(super) fn piece_rows(row_cost: usize) -> usize {
    (GRAIN / row_cost.max(1)).max(1)
}

/// Calls `work(piece, elements)` for each `len` elements of `out`, in any order; the last piece may
/// be shorter.
pub(super) fn for_each_piece<T, F>(out: &mut [T], len: usize, work: F)
where
    T: Send,
    F: Fn(usize, &mut [T]) + Sync,
{
    let total = out.len();
    if total <= len {
        if total > 0 {
            work(0, out);
        }
        return;
    }
    let out = Parts::new(out);
    for_each_block(total.div_ceil(len), |piece| {
        let start = piece * len;
        // SAFETY: pieces do not overlap, and each is handed out once.
        work(piece, unsafe { out.part(start, len.min(total - start)) });
    });
}

/// A slice whose parts are handed to different threads.
pub(crate) struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: elements of `T: Send` may be used from another thread; `part` demands uniqueness.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    /// The parts of `slice`.
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// The parts of `len` elements from `start` on.
    ///
    /// # Safety
    /// They are there for `'a`, and nobody else uses them while a part is used.
    pub(super) unsafe fn from_raw(start: *mut T, len: usize) -> Self {
        Self { start, len, borrow: PhantomData }
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// `len` elements from `start` on.
    ///
    /// # Safety
    /// No other reference to any of them lives.
    #[allow(clippy::mut_from_ref, reason = "uniqueness is the caller's duty")]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "a part lies within the slice");
        // SAFETY: in bounds, and unique as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// The first element.
    pub(super) fn as_mut_ptr(&self) -> *mut T {
        self.start
    }
}

/// Calls `work` with `len` elements of a thread's own memory, of any contents, that stays for the
/// next call.
pub(super) fn with_scratch<T: Element, R>(
    scratch: &'static LocalKey<Cell<Buffer>>,
    len: usize,
    work: impl FnOnce(&mut [T]) -> R,
) -> R {
    let mut buffer = scratch.take();
    if buffer.len() < len * size_of::<T>() {
        buffer = Buffer::zeroed(len * size_of::<T>());
    }
    let result = work(buffer.as_mut_slice(len));
    scratch.set(buffer);
    result
}
