//! Plans of scalars alone: a few instructions on a few registers, with no array in sight.

use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::native::Inst as Code;
use ferrule_tensor::ops::tape::Inst;
use ferrule_tensor::ops::{Binary, Unary};

use super::build::{Group, Operand, Place, Plan, Work};
use super::registers::{Registers, Scalar};

/// A plan of scalars of one float dtype; truth values are 0 and 1 of it.
#[derive(Debug)]
pub enum ScalarPlan {
    /// In `f32`.
    Single(Registers<f32>),
    /// In `f64`.
    Double(Registers<f64>),
}

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
    made: Registers<T>,
    /// Registers in use.
    used: usize,
    /// The register of what lies in each place now.
    places: Vec<(Place, u8)>,
}

impl<'p, T: Scalar> Compiler<'p, T> {
    fn compile(plan: &'p Plan) -> Option<Registers<T>> {
        let mut compiler = Self { plan, made: Registers::default(), used: 0, places: Vec::new() };
        for (index, (dtype, shape)) in plan.feeds.iter().enumerate() {
            if *dtype != T::DTYPE || !shape.is_empty() {
                return None;
            }
            let register = compiler.register(T::default())?;
            compiler.places.push((Place::Feed(index as u32), register));
            compiler.made.step.feeds.push(register);
        }
        for step in &plan.steps {
            compiler.step(step)?;
        }
        for fetch in &plan.fetches {
            let register = compiler.operand(fetch).filter(|_| fetch.dtype == T::DTYPE)?;
            compiler.made.fetches.push(register);
        }
        for (id, store) in &plan.stores {
            let from = compiler.operand(store).filter(|_| store.dtype == T::DTYPE)?;
            let from = compiler.apart(from)?;
            compiler.made.stores.push((*id, from));
        }
        let Registers { loads, stores, fetches, step, .. } = &mut compiler.made;
        for (id, from) in &*stores {
            let read = loads.iter().filter(|load| load.0 == *id);
            step.turns.extend(read.map(|load| (*from, load.1)));
        }
        step.results = fetches.iter().copied().chain(stores.iter().map(|store| store.1)).collect();
        Some(compiler.made)
    }

    /// A register with the same value that is none that a variable is read to, so that variables can
    /// change places.
    fn apart(&mut self, from: u8) -> Option<u8> {
        if self.made.loads.iter().all(|load| load.1 != from) {
            return Some(from);
        }
        let register = self.register(T::default())?;
        self.made.step.insts.push(Code::Copy(from, register));
        Some(register)
    }

    fn register(&mut self, value: T) -> Option<u8> {
        let register = u8::try_from(self.used).ok()?;
        self.made.values[usize::from(register)] = value;
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
                self.made.loads.push((id, register));
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
            self.made.step.insts.push(code);
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
        DType::Bool => Some((array.as_slice::<u8>()[0] != 0).into()),
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
