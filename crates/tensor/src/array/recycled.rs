//! Memory of arrays that are gone, for the next ones of the same size.
//!
//! Operations that are computed one by one make arrays of few sizes again and again. Memory from the
//! system has to be mapped and cleared anew where it is large.

use std::cell::RefCell;
use std::ptr::NonNull;

/// The most pieces, and bytes, that a thread keeps.
const PIECES_MAX: usize = 32;
const BYTES_MAX: usize = 64 << 20;

/// A piece of memory, as it was allocated.
pub(super) type Piece = (NonNull<u8>, usize);

thread_local! {
    static RECYCLED: RefCell<Recycled> = const { RefCell::new(Recycled { pieces: Vec::new(), bytes: 0 }) };
}

/// The latest last.
struct Recycled {
    pieces: Vec<Piece>,
    bytes: usize,
}

impl Recycled {
    fn remove(&mut self, index: usize) -> Piece {
        let piece = self.pieces.remove(index);
        self.bytes -= piece.1;
        piece
    }
}

impl Drop for Recycled {
    fn drop(&mut self) {
        for (start, len) in self.pieces.drain(..) {
            super::buffer::free(start, len);
        }
    }
}

/// A piece of `len` bytes, where there is one.
pub(super) fn take(len: usize) -> Option<NonNull<u8>> {
    let taken = RECYCLED.try_with(|all| {
        let mut all = all.try_borrow_mut().ok()?;
        let index = all.pieces.iter().rposition(|piece| piece.1 == len)?;
        Some(all.remove(index).0)
    });
    taken.ok().flatten()
}

/// Keeps a piece of `len` bytes for [`take`]; frees it, or older ones, where there are too many.
pub(super) fn give(start: NonNull<u8>, len: usize) {
    let given = RECYCLED.try_with(|all| {
        let mut all = all.try_borrow_mut().ok().filter(|_| len <= BYTES_MAX)?;
        while all.pieces.len() >= PIECES_MAX || all.bytes + len > BYTES_MAX {
            let (start, len) = all.remove(0);
            super::buffer::free(start, len);
        }
        all.pieces.push((start, len));
        all.bytes += len;
        Some(())
    });
    if given.ok().flatten().is_none() {
        super::buffer::free(start, len);
    }
}
