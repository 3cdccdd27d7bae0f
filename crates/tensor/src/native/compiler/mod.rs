//! From a step to machine code, by Cranelift.

mod emit;
mod memory;

use std::sync::{Arc, OnceLock};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{self, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};

use super::{Cursor, Float, Step};
use memory::Executable;

/// The machine code of a step, in memory of its own.
#[derive(Debug)]
pub(super) struct Code(Executable);

/// The code of `step`; `None` where there is none for this machine, or no memory for it.
pub(super) fn compile<T: Float>(step: &Step) -> Option<Code> {
    let mut context = Context::for_function(emit::function::<T>(step));
    let made = context.compile(target()?, &mut ControlPlane::default()).ok()?;
    // What this CPU lacks would be calls of a library that is not there.
    let whole = made.buffer.relocs().is_empty();
    let memory = if whole { Executable::new(made.code_buffer())? } else { return None };
    Some(Code(memory))
}

impl Code {
    /// Does `steps` steps.
    ///
    /// # Safety
    /// The code is that of a step on elements of type `T`; there are [`REGISTERS`](super::REGISTERS)
    /// registers, and as many cursors in rows as the step has feeds; `steps` is not 0.
    pub(super) unsafe fn run<T>(&self, registers: *mut T, cursors: *const Cursor<T>, steps: usize) {
        type Entry<T> = unsafe extern "sysv64" fn(*mut T, *const Cursor<T>, usize);
        // SAFETY: a function of this type starts there, as `emit::function` makes it.
        let entry: Entry<T> = unsafe { std::mem::transmute(self.0.start()) };
        // SAFETY: as the caller promises.
        unsafe { entry(registers, cursors, steps) }
    }
}

/// This CPU, as Cranelift knows it.
fn target() -> Option<&'static dyn TargetIsa> {
    static TARGET: OnceLock<Option<Arc<dyn TargetIsa>>> = OnceLock::new();
    TARGET.get_or_init(|| describe().ok()).as_deref()
}

fn describe() -> Result<Arc<dyn TargetIsa>, Box<dyn std::error::Error>> {
    let mut flags = settings::builder();
    // The plan is simplified already, and rewriting floats is not wanted.
    flags.set("opt_level", "none")?;
    flags.set("enable_verifier", "false")?;
    flags.set("unwind_info", "false")?;
    let mut cpu = isa::lookup_by_name("x86_64-unknown-linux-gnu")?;
    let found = [
        ("has_sse3", is_x86_feature_detected!("sse3")),
        ("has_ssse3", is_x86_feature_detected!("ssse3")),
        ("has_sse41", is_x86_feature_detected!("sse4.1")),
        ("has_sse42", is_x86_feature_detected!("sse4.2")),
        ("has_avx", is_x86_feature_detected!("avx")),
    ];
    for (name, _) in found.iter().filter(|(_, is_there)| *is_there) {
        cpu.enable(name)?;
    }
    Ok(cpu.finish(settings::Flags::new(flags))?)
}
