//! No native code for this machine, or none in this build.

use std::convert::Infallible;

use super::{Cursor, Float, Step};

/// There is none.
#[derive(Debug)]
pub(super) struct Code(Infallible);

pub(super) fn compile<T: Float>(_: &Step) -> Option<Code> {
    None
}

impl Code {
    /// # Safety
    /// None is needed: no code is there to be run.
    pub(super) unsafe fn run<T>(&self, _: *mut T, _: *const Cursor<T>, _: usize) {
        match self.0 {}
    }
}
