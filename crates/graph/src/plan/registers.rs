//! Registers, and what is done with them: instruction by instruction at first, natively once that pays.

use std::ops::{Add, Div, Mul, Neg, Range, Sub};

use ferrule_tensor::native::{Float, Inst, Native, REGISTERS, Step};

use super::variables::{Held, Number, Variables};
use crate::error::GraphError;

/// Steps after which native code is made. That takes 50 to 130 µs, which so many steps of the size of
/// linear regression's make up for at 12 to 16 ns each; of longer ones both are more.
const STEPS_TO_COMPILE: usize = 8_000;

/// Registers and what is done with them.
#[derive(Debug)]
pub struct Registers<T> {
    pub(super) values: Box<[T; REGISTERS]>,
    pub(super) step: Step,
    /// Variables, and where they are read to.
    pub(super) loads: Vec<(u32, u8)>,
    /// Variables, and where they are written from.
    pub(super) stores: Vec<(u32, u8)>,
    pub(super) fetches: Vec<u8>,
    /// Many steps.
    many: Tier<T>,
    /// One step, of which what is fed is in registers already.
    one: Tier<T>,
}

/// Floats that scalar plans run on.
pub trait Scalar:
    Float
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + PartialEq
    + From<bool>
{
    /// The number of its type that is held.
    fn held(value: &mut Held) -> Option<&mut Number<Self>>;
    /// A number to hold.
    fn hold(number: Number<Self>) -> Held;
}

macro_rules! scalar {
    ($type:ty, $variant:ident) => {
        impl Scalar for $type {
            #[inline]
            fn held(value: &mut Held) -> Option<&mut Number<Self>> {
                if let Held::$variant(number) = value { Some(number) } else { None }
            }

            fn hold(number: Number<Self>) -> Held {
                Held::$variant(number)
            }
        }
    };
}

scalar!(f32, Single);
scalar!(f64, Double);

/// Whether there is native code yet.
#[derive(Debug)]
enum Tier<T> {
    /// Not after so many steps.
    Cold(usize),
    Native(Native<T>),
    /// There is none for this machine.
    None,
}

impl<T: Float> Tier<T> {
    /// The code for `steps` more steps: made of what `step` gives once that pays.
    fn code(&mut self, steps: usize, step: impl FnOnce() -> Step) -> Option<&Native<T>> {
        if let Self::Cold(done) = self {
            *done += steps;
            if *done < STEPS_TO_COMPILE {
                return None;
            }
            self.compile(step);
        }
        match self {
            Self::Native(native) => Some(native),
            _ => None,
        }
    }

    fn compile(&mut self, step: impl FnOnce() -> Step) {
        *self = Native::compile(&step()).map_or(Self::None, Self::Native);
    }
}

impl<T: Scalar> Default for Registers<T> {
    fn default() -> Self {
        Self {
            values: Box::new([T::default(); REGISTERS]),
            step: Step::default(),
            loads: Vec::new(),
            stores: Vec::new(),
            fetches: Vec::new(),
            many: Tier::Cold(0),
            one: Tier::Cold(0),
        }
    }
}

impl<T: Scalar> Registers<T> {
    /// The place of what is fed.
    pub fn feed(&mut self, index: usize, value: T) {
        self.values[usize::from(self.step.feeds[index])] = value;
    }

    /// How many values are fetched.
    pub fn n_fetches(&self) -> usize {
        self.fetches.len()
    }

    /// What was fetched.
    pub fn fetched(&self, index: usize) -> T {
        self.values[usize::from(self.fetches[index])]
    }

    /// Makes native code now; says whether there is any.
    pub fn compile(&mut self) -> bool {
        self.many.compile(|| self.step.clone());
        self.one.compile(|| one_of(&self.step));
        matches!((&self.many, &self.one), (Tier::Native(_), Tier::Native(_)))
    }

    /// Reads variables, computes, and writes them.
    ///
    /// # Errors
    /// [`GraphError`] where a variable has no value.
    pub fn run(&mut self, variables: &mut Variables) -> Result<(), GraphError> {
        self.load(variables)?;
        match self.one.code(1, || one_of(&self.step)) {
            Some(native) => native.run(&mut self.values, &[], 0, 1),
            None => interpret(&self.step.insts, &mut self.values),
        }
        self.store(variables);
        Ok(())
    }

    /// As [`run`](Self::run) once for each of `steps`, with its element of each of `rows`, which start
    /// again after their ends.
    ///
    /// # Errors
    /// [`GraphError`] where a variable has no value.
    pub fn run_rows(
        &mut self,
        variables: &mut Variables,
        rows: &[&[T]],
        steps: Range<usize>,
    ) -> Result<(), GraphError> {
        self.load(variables)?;
        match self.many.code(steps.len(), || self.step.clone()) {
            Some(native) => native.run(&mut self.values, rows, steps.start, steps.len()),
            None => self.interpret_rows(rows, steps),
        }
        self.store(variables);
        Ok(())
    }

    fn load(&mut self, variables: &mut Variables) -> Result<(), GraphError> {
        for &(id, register) in &self.loads {
            self.values[usize::from(register)] = variables.scalar(id)?;
        }
        Ok(())
    }

    fn store(&self, variables: &mut Variables) {
        for &(id, register) in &self.stores {
            variables.set_scalar(id, self.values[usize::from(register)]);
        }
    }

    fn interpret_rows(&mut self, rows: &[&[T]], steps: Range<usize>) {
        let mut places: Vec<usize> = rows.iter().map(|row| steps.start % row.len()).collect();
        for step in steps.clone() {
            if step > steps.start {
                for &(from, to) in &self.step.turns {
                    self.values[usize::from(to)] = self.values[usize::from(from)];
                }
            }
            for (feed, (row, place)) in self.step.feeds.iter().zip(rows.iter().zip(&mut places)) {
                self.values[usize::from(*feed)] = row[*place];
                *place = if *place + 1 == row.len() { 0 } else { *place + 1 };
            }
            interpret(&self.step.insts, &mut self.values);
        }
    }
}

/// The step that reads what is fed from its registers, and is done once.
fn one_of(step: &Step) -> Step {
    Step { feeds: Vec::new(), turns: Vec::new(), ..step.clone() }
}

fn interpret<T: Scalar>(insts: &[Inst], values: &mut [T; REGISTERS]) {
    for &inst in insts {
        let at = |register: u8| values[usize::from(register)];
        let (value, to) = match inst {
            Inst::Add(x, y, to) => (at(x) + at(y), to),
            Inst::Sub(x, y, to) => (at(x) - at(y), to),
            Inst::Mul(x, y, to) => (at(x) * at(y), to),
            Inst::Div(x, y, to) => (at(x) / at(y), to),
            Inst::Neg(x, to) => (-at(x), to),
            Inst::Square(x, to) => (at(x) * at(x), to),
            Inst::Copy(x, to) => (at(x), to),
            Inst::Select(cond, yes, no, to) => {
                (at(if at(cond) == T::default() { no } else { yes }), to)
            }
            Inst::Unary(f, x, to) => (T::unary(f, at(x)), to),
            Inst::Binary(f, x, y, to) => (T::binary(f, at(x), at(y)), to),
        };
        values[usize::from(to)] = value;
    }
}
