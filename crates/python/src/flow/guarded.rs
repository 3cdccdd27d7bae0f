//! A value that one thread at a time uses, which costs next to nothing where none waits.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use pyo3::prelude::*;

/// A value that is taken and given back by threads that have the GIL, and used by the one that took it,
/// also while that lets go of the GIL. The GIL makes plain loads and stores of the flag enough, where a
/// mutex would take two atomic operations, a tenth of a step.
#[derive(Default)]
pub(super) struct Guarded<T> {
    value: UnsafeCell<T>,
    is_taken: AtomicBool,
    waiting: AtomicUsize,
    asleep: Mutex<()>,
    freed: Condvar,
}

// SAFETY: only the thread that took it uses the value, and only one has it: the flag is changed by
// threads that have the GIL, which also orders what they do (the extension is for builds with a GIL).
unsafe impl<T: Send> Sync for Guarded<T> {}

/// The value, until it is dropped; that takes the GIL, as the token in it says.
pub(super) struct Taken<'a, 'py, T> {
    from: &'a Guarded<T>,
    _gil: Python<'py>,
}

impl<T> Guarded<T> {
    /// The value, where nobody else has it.
    #[inline]
    pub(super) fn try_take<'py>(&self, py: Python<'py>) -> Option<Taken<'_, 'py, T>> {
        if self.is_taken.load(Ordering::Relaxed) {
            return None;
        }
        self.is_taken.store(true, Ordering::Relaxed);
        Some(Taken { from: self, _gil: py })
    }

    /// The value, waited for without the GIL, which whoever has it may need.
    pub(super) fn take<'py>(&self, py: Python<'py>) -> Taken<'_, 'py, T>
    where
        T: Send,
    {
        loop {
            if let Some(taken) = self.try_take(py) {
                return taken;
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            py.detach(|| {
                let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
                while self.is_taken.load(Ordering::Relaxed) {
                    asleep = self.freed.wait(asleep).unwrap_or_else(PoisonError::into_inner);
                }
            });
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<T> Drop for Taken<'_, '_, T> {
    #[inline]
    fn drop(&mut self) {
        self.from.is_taken.store(false, Ordering::Relaxed);
        if self.from.waiting.load(Ordering::Relaxed) > 0 {
            // With the lock, so that whoever saw the flag set is asleep by now.
            drop(self.from.asleep.lock());
            self.from.freed.notify_one();
        }
    }
}

impl<T> Deref for Taken<'_, '_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: nobody else has the value.
        unsafe { &*self.from.value.get() }
    }
}

impl<T> DerefMut for Taken<'_, '_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: nobody else has the value.
        unsafe { &mut *self.from.value.get() }
    }
}
