//! Memory that starts on a cache line and is always initialised, or is lent by somebody else.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::ptr::NonNull;

use super::{Element, recycled};

/// A cache line, which is also the widest vector.
const LINE: usize = 64;

/// Bytes that start on a cache line, all initialised.
///
/// They may also lie in memory of somebody else's, where each element is aligned. That is only read:
/// what writes to the buffer makes it a copy first.
pub struct Buffer {
    start: NonNull<u8>,
    len: usize,
    /// Who keeps the memory, where that is not the buffer.
    lender: Option<Box<Lender>>,
}

/// Keeps memory as long as it is not dropped.
pub type Lender = dyn Any + Send + Sync;

// SAFETY: the memory is owned, or kept by a lender that any thread may drop, and shared references only
// read it.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` bytes of zeros.
    pub fn zeroed(len: usize) -> Self {
        match layout(len) {
            None => Self { start: NonNull::<Aligned>::dangling().cast(), len: 0, lender: None },
            Some(layout) => Self { start: allocate(layout), len, lender: None },
        }
    }

    /// `len` bytes, of which nothing is known but that they are initialised: for what is written
    /// before it is read.
    pub fn uncleared(len: usize) -> Self {
        match recycled::take(len.next_multiple_of(LINE)) {
            Some(start) => Self { start, len, lender: None },
            None => Self::zeroed(len),
        }
    }

    /// `len` bytes in memory of somebody else's, which `lender` keeps; `None` where it is not aligned for
    /// any element.
    ///
    /// # Safety
    /// From `start` on there are so many initialised bytes for as long as `lender` is there. Whoever may
    /// write to them does so never while they are read: the program's threads take care of that, as
    /// with any memory that languages share.
    pub unsafe fn lent(start: NonNull<u8>, len: usize, lender: Box<Lender>) -> Option<Self> {
        let is_aligned = start.cast::<u64>().is_aligned();
        is_aligned.then_some(Self { start, len, lender: Some(lender) })
    }

    /// Whether the memory is somebody else's.
    pub fn is_lent(&self) -> bool {
        self.lender.is_some()
    }

    /// Makes memory of somebody else's memory of its own.
    fn own(&mut self) {
        if self.is_lent() {
            *self = self.clone();
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first `len` elements.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn as_slice<T: Element>(&self, len: usize) -> &[T] {
        assert!(len <= self.len / size_of::<T>(), "the buffer has {len} elements");
        // SAFETY: in bounds; aligned; any bits are an element; borrowed from `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), len) }
    }

    /// The first `len` elements, to be written; copied first where they are somebody else's.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn as_mut_slice<T: Element>(&mut self, len: usize) -> &mut [T] {
        assert!(len <= self.len / size_of::<T>(), "the buffer has {len} elements");
        self.own();
        // SAFETY: as in `as_slice`, owned, aligned to a line and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), len) }
    }
}

#[repr(align(64))]
struct Aligned;

impl Default for Buffer {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::uncleared(self.len);
        copy.as_mut_slice::<u8>(self.len).copy_from_slice(self.as_slice(self.len));
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len > 0 && !self.is_lent() {
            recycled::give(self.start, self.len.next_multiple_of(LINE));
        }
    }
}

/// The layout of `len` bytes, rounded up to whole lines; `None` for nothing at all.
fn layout(len: usize) -> Option<Layout> {
    let layout = Layout::from_size_align(len.next_multiple_of(LINE), LINE);
    (len > 0).then(|| layout.expect("a buffer is smaller than the address space"))
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc_zeroed(layout) };
    // To unwind loses what is computed, to abort would lose the process.
    NonNull::new(start).unwrap_or_else(|| panic!("out of memory: {} bytes", layout.size()))
}

/// Gives the memory of a buffer of `len` bytes back to the system.
pub(super) fn free(start: NonNull<u8>, len: usize) {
    if let Some(layout) = layout(len) {
        // SAFETY: every piece of memory of a buffer was allocated with the layout of its length.
        unsafe { dealloc(start.as_ptr(), layout) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}
