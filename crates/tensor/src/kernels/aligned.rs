//! Buffers that start on a cache line, so that no vector load crosses one.

use crate::view::Float;

/// A cache line, which is also the widest vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A buffer of `T` that starts on a cache line.
pub(super) struct Aligned<T> {
    lines: Vec<Line>,
    element: std::marker::PhantomData<T>,
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { lines: Vec::new(), element: std::marker::PhantomData }
    }
}

impl<T: Float> Aligned<T> {
    /// The first `len` elements, after growing to them; new ones are zero.
    pub(super) fn slice(&mut self, len: usize) -> &mut [T] {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0; 64]));
        }
        // SAFETY: the lines are long enough, aligned for any float and initialised, and any bits
        // are a float. The borrow of `self` keeps them.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }

    /// The elements that exist so far.
    pub(super) fn as_slice(&self) -> &[T] {
        let len = self.lines.len() * size_of::<Line>() / size_of::<T>();
        // SAFETY: as in `slice`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), len) }
    }
}
