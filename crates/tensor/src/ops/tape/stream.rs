//! Writing past the caches.

/// Copies `bytes` bytes, whole lines of them without reading into the caches what they overwrite.
/// Other threads see them after [`fence`].
///
/// # Safety
/// `from` and `to` start on a cache line, are valid for `bytes` bytes and do not overlap.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    use std::arch::x86_64::{__m128i, _mm_load_si128, _mm_stream_si128};
    const VECTOR: usize = size_of::<__m128i>();
    const LINE: usize = 64;
    let whole = bytes / LINE * LINE;
    // SAFETY: as the caller promises; every x86-64 CPU has the instructions.
    unsafe {
        for line in (0..whole).step_by(LINE) {
            for at in (line..line + LINE).step_by(VECTOR) {
                _mm_stream_si128(to.add(at).cast(), _mm_load_si128(from.add(at).cast()));
            }
        }
        std::ptr::copy_nonoverlapping(from.add(whole), to.add(whole), bytes - whole);
    }
}

/// Makes other threads see what was copied.
#[cfg(target_arch = "x86_64")]
pub(super) fn fence() {
    // SAFETY: every x86-64 CPU has it.
    unsafe { std::arch::x86_64::_mm_sfence() }
}

/// Copies `bytes` bytes.
///
/// # Safety
/// `from` and `to` are valid for `bytes` bytes and do not overlap.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    // SAFETY: as the caller promises.
    unsafe { std::ptr::copy_nonoverlapping(from, to, bytes) }
}

/// Makes other threads see what was copied.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn fence() {}
