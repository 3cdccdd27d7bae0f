//! Plans of scalars alone: a few instructions on a few registers, with no array in sight.

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Element};
use ferrule_tensor::ops::tape::{Inst, binary_f32, binary_f64, unary_f32, unary_f64};
use ferrule_tensor::ops::{Binary, Unary};

use super::build::{Group, Operand, Place, Plan, Work};
use super::execute::Variables;
use crate::error::GraphError;

/// The most registers of a scalar plan; beyond, arrays serve. As many as a byte can name, so that no
/// register is ever looked for outside of them.
const REGISTERS_MAX: usize = 256;

/// A plan of scalars of one float dtype; truth values are 0 and 1 of it.
#[derive(Debug)]
pub enum ScalarPlan {
    /// In `f32`.
    Single(Registers<f32>),
    /// In `f64`.
    Double(Registers<f64>),
}

/// Registers and what is done with them.
#[derive(Clone, Debug)]
pub struct Registers<T> {
    values: Box<[T; REGISTERS_MAX]>,
    code: Vec<Code>,
    /// Where what is fed goes.
    feeds: Vec<u8>,
    /// Variables, and where they are read to.
    loads: Vec<(u32, u8)>,
    /// Variables, and where they are written from.
    stores: Vec<(u32, u8)>,
    fetches: Vec<u8>,
    /// What was stored, and where it is read next.
    turns: Vec<(u8, u8)>,
}

#[derive(Clone, Copy, Debug)]
enum Code {
    Add(u8, u8, u8),
    Sub(u8, u8, u8),
    Mul(u8, u8, u8),
    Div(u8, u8, u8),
    Neg(u8, u8),
    Square(u8, u8),
    Copy(u8, u8),
    Select(u8, u8, u8, u8),
    Unary(Unary, u8, u8),
    Binary(Binary, u8, u8, u8),
}

/// Floats that scalar plans run on.
pub trait Scalar:
    Element
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + PartialEq
{
    /// Its dtype.
    const DTYPE: DType;
    /// `f(x)`
    fn unary(f: Unary, x: Self) -> Self;
    /// `f(x, y)`
    fn binary(f: Binary, x: Self, y: Self) -> Self;
    /// 1 or 0.
    fn truth(x: bool) -> Self;
}

macro_rules! scalar {
    ($type:ty, $dtype:ident, $unary:ident, $binary:ident) => {
        impl Scalar for $type {
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn unary(f: Unary, x: Self) -> Self {
                $unary(f, x)
            }

            #[inline]
            fn binary(f: Binary, x: Self, y: Self) -> Self {
                $binary(f, x, y)
            }

            fn truth(x: bool) -> Self {
                x.into()
            }
        }
    };
}

scalar!(f32, Fp32, unary_f32, binary_f32);
scalar!(f64, Fp64, unary_f64, binary_f64);

impl ScalarPlan {
    /// The scalar form of `plan`, where it has one.
    pub(crate) fn new(plan: &Plan) -> Option<Self> {
        let dtype =
            plan.fetches.iter().chain(plan.stores.iter().map(|(_, store)| store)).next()?.dtype;
        match dtype {
            DType::Fp32 => Compiler::compile(plan).map(Self::Single),
            DType::Fp64 => Compiler::compile(plan).map(Self::Double),
            _ => None,
        }
    }
}

struct Compiler<'p, T> {
    plan: &'p Plan,
    registers: Registers<T>,
    /// Registers in use.
    used: usize,
    /// The register of what lies in each place now.
    places: Vec<(Place, u8)>,
}

impl<'p, T: Scalar> Compiler<'p, T> {
    fn compile(plan: &'p Plan) -> Option<Registers<T>> {
        let registers = Registers {
            values: Box::new([T::default(); REGISTERS_MAX]),
            code: Vec::new(),
            feeds: Vec::new(),
            loads: Vec::new(),
            stores: Vec::new(),
            fetches: Vec::new(),
            turns: Vec::new(),
        };
        let mut compiler = Self { plan, registers, used: 0, places: Vec::new() };
        for (index, (dtype, shape)) in plan.feeds.iter().enumerate() {
            if *dtype != T::DTYPE || !shape.is_empty() {
                return None;
            }
            let register = compiler.register(T::default())?;
            compiler.places.push((Place::Feed(index as u32), register));
            compiler.registers.feeds.push(register);
        }
        for step in &plan.steps {
            compiler.step(step)?;
        }
        for fetch in &plan.fetches {
            let register = compiler.operand(fetch).filter(|_| fetch.dtype == T::DTYPE)?;
            compiler.registers.fetches.push(register);
        }
        for (id, store) in &plan.stores {
            let from = compiler.operand(store).filter(|_| store.dtype == T::DTYPE)?;
            let from = compiler.apart(from)?;
            compiler.registers.stores.push((*id, from));
        }
        let Registers { loads, stores, turns, .. } = &mut compiler.registers;
        for (id, from) in stores {
            turns.extend(loads.iter().filter(|load| load.0 == *id).map(|load| (*from, load.1)));
        }
        Some(compiler.registers)
    }

    /// A register with the same value that is none that a variable is read to, so that variables can
    /// change places.
    fn apart(&mut self, from: u8) -> Option<u8> {
        if self.registers.loads.iter().all(|load| load.1 != from) {
            return Some(from);
        }
        let register = self.register(T::default())?;
        self.registers.code.push(Code::Copy(from, register));
        Some(register)
    }

    fn register(&mut self, value: T) -> Option<u8> {
        let register = u8::try_from(self.used).ok()?;
        self.registers.values[usize::from(register)] = value;
        self.used += 1;
        Some(register)
    }

    fn operand(&mut self, operand: &Operand) -> Option<u8> {
        if !operand.shape.is_empty() {
            return None;
        }
        if let Some((_, register)) =
            self.places.iter().rev().find(|(place, _)| *place == operand.place)
        {
            return Some(*register);
        }
        let register = match operand.place {
            Place::Constant(index) => {
                let value = constant(&self.plan.constants[index as usize])?;
                self.register(value)?
            }
            Place::Variable(id) => {
                let register = self.register(T::default()).filter(|_| operand.dtype == T::DTYPE)?;
                self.registers.loads.push((id, register));
                register
            }
            _ => return None,
        };
        self.places.push((operand.place, register));
        Some(register)
    }

    fn step(&mut self, step: &super::build::Step) -> Option<()> {
        let Work::Group(group) = &step.work else { return None };
        let Group { tape, shape, .. } = &**group;
        if !shape.is_empty() {
            return None;
        }
        let mut registers = Vec::with_capacity(tape.registers.into());
        for input in &step.inputs {
            registers.push(self.operand(input)?);
        }
        for inst in &tape.insts {
            let to = self.register(T::default())?;
            let code = code::<T>(inst, &registers, to)?;
            self.registers.code.push(code);
            registers.push(to);
        }
        for (&(slot, ..), &(from, _)) in step.outputs.iter().zip(&tape.outputs) {
            self.places.push((Place::Slot(slot), registers[from as usize]));
        }
        Some(())
    }
}

/// A scalar constant.
fn constant<T: Scalar>(array: &Array) -> Option<T> {
    match array.dtype() {
        dtype if dtype == T::DTYPE => array.as_slice::<T>().first().copied(),
        DType::Bool => Some(T::truth(array.as_slice::<u8>()[0] != 0)),
        _ => None,
    }
}

fn code<T: Scalar>(inst: &Inst, registers: &[u8], to: u8) -> Option<Code> {
    let at = |register: u16| registers[usize::from(register)];
    let known = |dtype: DType| dtype == T::DTYPE || dtype == DType::Bool;
    Some(match *inst {
        Inst::Unary { dtype, .. } | Inst::Binary { dtype, .. } | Inst::Select { dtype, .. }
            if !known(dtype) =>
        {
            return None;
        }
        Inst::Unary { f: Unary::Neg, from, .. } => Code::Neg(at(from), to),
        Inst::Unary { f: Unary::Square, from, .. } => Code::Square(at(from), to),
        Inst::Unary { f, from, .. } => Code::Unary(f, at(from), to),
        Inst::Binary { f: Binary::Add, left, right, .. } => Code::Add(at(left), at(right), to),
        Inst::Binary { f: Binary::Sub, left, right, .. } => Code::Sub(at(left), at(right), to),
        Inst::Binary { f: Binary::Mul, left, right, .. } => Code::Mul(at(left), at(right), to),
        Inst::Binary { f: Binary::Div, left, right, .. } => Code::Div(at(left), at(right), to),
        Inst::Binary { f, left, right, .. } => Code::Binary(f, at(left), at(right), to),
        Inst::Select { cond, yes, no, .. } => Code::Select(at(cond), at(yes), at(no), to),
        Inst::Cast { from_dtype: DType::Bool, to_dtype, from, to: _ } if to_dtype == T::DTYPE => {
            Code::Copy(at(from), to)
        }
        Inst::Cast { .. } => return None,
    })
}

impl<T: Scalar> Registers<T> {
    /// The place of what is fed.
    pub fn feed(&mut self, index: usize, value: T) {
        self.values[self.feeds[index] as usize] = value;
    }

    /// How many values are fetched.
    pub fn n_fetches(&self) -> usize {
        self.fetches.len()
    }

    /// What was fetched.
    pub fn fetched(&self, index: usize) -> T {
        self.values[self.fetches[index] as usize]
    }

    /// Reads variables, computes, and writes them.
    ///
    /// # Errors
    /// [`GraphError`] where a variable has no value.
    pub fn run(&mut self, variables: &mut Variables) -> Result<(), GraphError> {
        self.load(variables)?;
        self.step();
        self.store(variables);
        Ok(())
    }

    /// Reads variables.
    ///
    /// # Errors
    /// [`GraphError`] where a variable has no value.
    pub fn load(&mut self, variables: &Variables) -> Result<(), GraphError> {
        for &(id, register) in &self.loads {
            self.values[register as usize] = variables.scalar(id)?;
        }
        Ok(())
    }

    /// Writes variables.
    pub fn store(&self, variables: &mut Variables) {
        for &(id, register) in &self.stores {
            variables.set_scalar(id, self.values[register as usize]);
        }
    }

    /// Computes once for each step, with row `step` of each of `rows`, from the first on again after
    /// the last.
    pub fn run_rows(&mut self, rows: &[&[T]], steps: std::ops::Range<usize>) {
        let mut places: Vec<usize> = rows.iter().map(|row| steps.start % row.len()).collect();
        for _ in steps {
            for (index, (row, place)) in rows.iter().zip(&mut places).enumerate() {
                self.values[self.feeds[index] as usize] = row[*place];
                *place = if *place + 1 == row.len() { 0 } else { *place + 1 };
            }
            self.step();
            self.turn();
        }
    }

    /// Makes what was stored what is read next.
    fn turn(&mut self) {
        for &(from, to) in &self.turns {
            self.values[usize::from(to)] = self.values[usize::from(from)];
        }
    }

    /// Computes.
    pub fn step(&mut self) {
        let values = &mut *self.values;
        for &code in &self.code {
            let (value, to) = match code {
                Code::Add(a, b, to) => (values[a as usize] + values[b as usize], to),
                Code::Sub(a, b, to) => (values[a as usize] - values[b as usize], to),
                Code::Mul(a, b, to) => (values[a as usize] * values[b as usize], to),
                Code::Div(a, b, to) => (values[a as usize] / values[b as usize], to),
                Code::Neg(a, to) => (-values[a as usize], to),
                Code::Square(a, to) => (values[a as usize] * values[a as usize], to),
                Code::Copy(a, to) => (values[a as usize], to),
                Code::Select(cond, yes, no, to) => {
                    let chosen = if values[cond as usize] == T::default() { no } else { yes };
                    (values[chosen as usize], to)
                }
                Code::Unary(f, a, to) => (T::unary(f, values[a as usize]), to),
                Code::Binary(f, a, b, to) => {
                    (T::binary(f, values[a as usize], values[b as usize]), to)
                }
            };
            values[to as usize] = value;
        }
    }
}
