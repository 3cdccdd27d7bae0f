//! Executable memory.

use std::ptr::{NonNull, null_mut};

/// Pages that are written once, and then only read and executed: never both written and executed.
#[derive(Debug)]
pub(super) struct Executable {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is owned, and nothing writes it once it is there.
unsafe impl Send for Executable {}
// SAFETY: as above.
unsafe impl Sync for Executable {}

impl Executable {
    /// Memory that holds `code`; `None` where the system refuses it.
    pub(super) fn new(code: &[u8]) -> Option<Self> {
        let len = code.len().max(1);
        let (writable, executable) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
        // SAFETY: a new mapping touches no memory that is there.
        let mapped = unsafe {
            libc::mmap(null_mut(), len, writable, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0)
        };
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let memory = Self { start: NonNull::new(mapped.cast())?, len };
        // SAFETY: the mapping has room for the code, and is nobody else's; a mapping that may not be
        // executed is not, and is freed with `memory`.
        let granted = unsafe {
            memory.start.as_ptr().copy_from_nonoverlapping(code.as_ptr(), code.len());
            libc::mprotect(mapped, len, executable) == 0
        };
        granted.then_some(memory)
    }

    /// The first instruction.
    pub(super) fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and no code in it is being run: that borrows it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
