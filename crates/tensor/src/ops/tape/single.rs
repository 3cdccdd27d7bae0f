//! Single functions of whole arrays: tapes of one step, with nothing to make ready.

use ferrule_base::DType;

use super::Inst;
use super::job::{Job, Step, Target};
use crate::array::{Buffer, Shape, View};
use crate::cpu::Isa;
use crate::ops::code::{Binary, Unary};
use crate::ops::error::OpError;

/// `out = f(x)`, of the shape of `x`.
///
/// # Panics
/// Where the type has no such function, or a buffer is too small.
pub fn unary(f: Unary, x: View<'_>, out: &mut Buffer) {
    let inst = Inst::Unary { f, dtype: x.dtype, from: 0, to: 1 };
    let size = if f.is_predicate() { 1 } else { x.dtype.size() };
    run(inst, [x], x.shape, size, out).expect("no function of one element fails");
}

/// `out = f(x, y)`; both broadcast to `shape`.
///
/// # Errors
/// [`OpError::DivisionByZero`] and [`OpError::NegativeExponent`] for integers; `out` is then
/// unspecified.
///
/// # Panics
/// Where the operands differ in type or do not broadcast, the type has no such function, or a buffer
/// is too small.
pub fn binary(
    f: Binary,
    x: View<'_>,
    y: View<'_>,
    shape: &Shape,
    out: &mut Buffer,
) -> Result<(), OpError> {
    assert_eq!(x.dtype, y.dtype, "operands of one type");
    let inst = Inst::Binary { f, dtype: x.dtype, left: 0, right: 1, to: 2 };
    let size = if f.is_predicate() { 1 } else { x.dtype.size() };
    run(inst, [x, y], shape, size, out)
}

/// `out = cond ? yes : no`; all broadcast to `shape`, and `cond` is a truth value.
///
/// # Panics
/// Where `yes` and `no` differ in type, `cond` is no truth value, an operand does not broadcast, or a
/// buffer is too small.
pub fn select(cond: View<'_>, yes: View<'_>, no: View<'_>, shape: &Shape, out: &mut Buffer) {
    assert_eq!(cond.dtype, DType::Bool, "a truth value chooses");
    assert_eq!(yes.dtype, no.dtype, "operands of one type");
    let inst = Inst::Select { dtype: yes.dtype, cond: 0, yes: 1, no: 2, to: 3 };
    run(inst, [cond, yes, no], shape, yes.dtype.size(), out).expect("no choice fails");
}

/// `out = x`, converted to `to`: from float to integer towards 0, saturating, NaN to 0; to a truth value
/// whether it is not 0.
///
/// # Panics
/// Where a type is none of the engine's, or a buffer is too small.
pub fn cast(x: View<'_>, to: DType, out: &mut Buffer) {
    let inst = Inst::Cast { from_dtype: x.dtype, to_dtype: to, from: 0, to: 1 };
    run(inst, [x], x.shape, to.size(), out).expect("no conversion fails");
}

/// Runs `inst`, whose operands are the registers from 0 on, and whose results have `size` bytes.
fn run<const N: usize>(
    inst: Inst,
    operands: [View<'_>; N],
    shape: &Shape,
    size: usize,
    out: &mut Buffer,
) -> Result<(), OpError> {
    let n = shape.elements();
    let from = std::array::from_fn(|k| if k < N { k as u16 } else { 0 });
    let step = Step::Loop { code: inst.code(Isa::detect()), to: N as u16, from };
    Job::with(0, |job| {
        for (k, view) in operands.iter().enumerate() {
            job.sources.push_view(view, shape, n, inst.takes_one(k));
        }
        job.targets.push(Target::new(out, n, size));
        // SAFETY: the views are borrowed for the call and `out` exclusively; the sources are places
        // 0 to N - 1 and the target is place N.
        unsafe { job.run(&[step], n, inst.widest(), inst.cost() + 1) }
    })
}
