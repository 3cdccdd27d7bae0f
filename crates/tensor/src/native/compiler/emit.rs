//! From a step to Cranelift's intermediate code.

use cranelift_codegen::cursor::{Cursor as _, FuncCursor};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    AbiParam, BlockArg, Function, InstBuilder, MemFlags, Signature, Type, UserFuncName, Value,
    types,
};
use cranelift_codegen::isa::CallConv;

use super::super::{Cursor, Float, Inst, REGISTERS, Step};
use crate::ops::{Binary, Unary};

/// The function `(registers, cursors, steps)` that does `step` so many times, at least once.
pub(super) fn function<T: Float>(step: &Step) -> Function {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); 3];
    let mut function = Function::with_name_signature(UserFuncName::default(), signature);
    let mut emitter = Emitter::<T>::new(FuncCursor::new(&mut function));
    emitter.whole(step);
    function
}

/// What is written so far.
struct Emitter<'f, T> {
    at: FuncCursor<'f>,
    float: Type,
    /// Integers of the same size.
    bits: Type,
    /// Where the registers lie in memory before and after.
    memory: Value,
    /// What is in each register, where that is known.
    values: [Option<Value>; REGISTERS],
    /// The same as a truth value of a byte, for those that come of comparisons.
    truths: [Option<Value>; REGISTERS],
    of: std::marker::PhantomData<T>,
}

/// Where a row is read next, and where it starts and ends.
struct Row {
    next: Value,
    start: Value,
    end: Value,
}

impl<'f, T: Float> Emitter<'f, T> {
    fn new(at: FuncCursor<'f>) -> Self {
        let is_single = size_of::<T>() == 4;
        Self {
            at,
            float: if is_single { types::F32 } else { types::F64 },
            bits: if is_single { types::I32 } else { types::I64 },
            memory: Value::from_u32(0),
            values: [None; REGISTERS],
            truths: [None; REGISTERS],
            of: std::marker::PhantomData,
        }
    }

    fn whole(&mut self, step: &Step) {
        let [entry, body, exit] = std::array::from_fn(|_| self.at.func.dfg.make_block());
        self.at.insert_block(entry);
        let [memory, cursors, steps] =
            [(); 3].map(|()| self.at.func.dfg.append_block_param(entry, types::I64));
        self.memory = memory;
        for register in read_before_written(step) {
            self.values[usize::from(register)] = Some(self.load(memory, register.into()));
        }
        let rows: Vec<Row> = (0..step.feeds.len()).map(|k| self.row(cursors, k)).collect();
        let known = |turn: &&(u8, u8)| self.values[usize::from(turn.1)].is_some();
        let turns: Vec<(u8, u8)> = step.turns.iter().filter(known).copied().collect();

        // What changes from step to step: how many there are left, places in rows, and registers.
        let mut given: Vec<BlockArg> = vec![steps.into()];
        given.extend(rows.iter().map(|row| BlockArg::from(row.next)));
        given.extend(turns.iter().map(|turn| BlockArg::from(self.value(turn.1))));
        self.at.ins().jump(body, &given);

        self.at.insert_block(body);
        let steps = self.at.func.dfg.append_block_param(body, types::I64);
        let mut next = Vec::with_capacity(given.len());
        next.push(self.at.ins().iadd_imm(steps, -1).into());
        for (row, &feed) in rows.iter().zip(&step.feeds) {
            let place = self.at.func.dfg.append_block_param(body, types::I64);
            self.values[usize::from(feed)] = Some(self.load(place, 0));
            next.push(self.after(place, row).into());
        }
        for turn in &turns {
            let value = self.at.func.dfg.append_block_param(body, self.float);
            self.values[usize::from(turn.1)] = Some(value);
        }
        for inst in &step.insts {
            self.inst(inst);
        }
        next.extend(turns.iter().map(|turn| BlockArg::from(self.value(turn.0))));
        let left = match next[0] {
            BlockArg::Value(left) => left,
            _ => unreachable!("the first is the count"),
        };
        self.at.ins().brif(left, body, &next, exit, &[]);

        self.at.insert_block(exit);
        for &register in &step.results {
            let value = self.value(register);
            let offset = offset::<T>(register.into());
            self.at.ins().store(MemFlags::trusted(), value, self.memory, offset);
        }
        self.at.ins().return_(&[]);
    }

    /// The cursor of row `k`.
    fn row(&mut self, cursors: Value, k: usize) -> Row {
        let mut field = |place: usize| {
            let offset = (k * size_of::<Cursor<T>>() + place) as i32;
            self.at.ins().load(types::I64, MemFlags::trusted(), cursors, offset)
        };
        Row {
            next: field(std::mem::offset_of!(Cursor<T>, next)),
            start: field(std::mem::offset_of!(Cursor<T>, start)),
            end: field(std::mem::offset_of!(Cursor<T>, end)),
        }
    }

    /// The place after `place`: the row's start after its end.
    fn after(&mut self, place: Value, row: &Row) -> Value {
        let next = self.at.ins().iadd_imm(place, size_of::<T>() as i64);
        let is_end = self.at.ins().icmp(IntCC::Equal, next, row.end);
        self.at.ins().select(is_end, row.start, next)
    }

    fn load(&mut self, start: Value, element: usize) -> Value {
        self.at.ins().load(self.float, MemFlags::trusted(), start, offset::<T>(element))
    }

    fn value(&self, register: u8) -> Value {
        self.values[usize::from(register)].expect("what is read was loaded, fed or computed")
    }

    fn inst(&mut self, inst: &Inst) {
        let (to, value) = match *inst {
            Inst::Add(x, y, to) => (to, self.binary(Binary::Add, x, y)),
            Inst::Sub(x, y, to) => (to, self.binary(Binary::Sub, x, y)),
            Inst::Mul(x, y, to) => (to, self.binary(Binary::Mul, x, y)),
            Inst::Div(x, y, to) => (to, self.binary(Binary::Div, x, y)),
            Inst::Neg(x, to) => (to, self.unary(Unary::Neg, x)),
            Inst::Square(x, to) => (to, self.unary(Unary::Square, x)),
            Inst::Copy(x, to) => {
                self.truths[usize::from(to)] = self.truths[usize::from(x)];
                (to, self.value(x))
            }
            Inst::Select(cond, yes, no, to) => {
                let cond = self.truth(cond);
                (to, self.select(cond, self.value(yes), self.value(no)))
            }
            Inst::Unary(f, x, to) => match self.unary_truth(f, x) {
                Some(truth) => (to, self.of_truth(truth, to)),
                None => (to, self.unary(f, x)),
            },
            Inst::Binary(f, x, y, to) => match self.binary_truth(f, x, y) {
                Some(truth) => (to, self.of_truth(truth, to)),
                None => (to, self.binary(f, x, y)),
            },
        };
        self.values[usize::from(to)] = Some(value);
    }

    /// `f(x)`, in the instructions that its definition names, or by a call.
    fn unary(&mut self, f: Unary, x: u8) -> Value {
        let x = self.value(x);
        let ins = self.at.ins();
        match f {
            Unary::Neg => ins.fneg(x),
            Unary::Abs => ins.fabs(x),
            Unary::Square => ins.fmul(x, x),
            Unary::Sqrt => ins.sqrt(x),
            Unary::Floor => ins.floor(x),
            Unary::Ceil => ins.ceil(x),
            Unary::Round => ins.nearest(x),
            Unary::Reciprocal => self.reciprocal(x),
            Unary::Rsqrt => {
                let root = ins.sqrt(x);
                self.reciprocal(root)
            }
            _ => self.call(unary::<T> as *const () as usize, f as usize, &[x]),
        }
    }

    fn binary(&mut self, f: Binary, x: u8, y: u8) -> Value {
        let (x, y) = (self.value(x), self.value(y));
        let ins = self.at.ins();
        match f {
            Binary::Add => ins.fadd(x, y),
            Binary::Sub => ins.fsub(x, y),
            Binary::Mul => ins.fmul(x, y),
            Binary::Div => ins.fdiv(x, y),
            Binary::Maximum => self.extreme(FloatCC::GreaterThan, x, y),
            Binary::Minimum => self.extreme(FloatCC::LessThan, x, y),
            _ => self.call(binary::<T> as *const () as usize, f as usize, &[x, y]),
        }
    }

    /// `x` where it compares so or is NaN, else `y`.
    fn extreme(&mut self, compares: FloatCC, x: Value, y: Value) -> Value {
        let is_beyond = self.at.ins().fcmp(compares, x, y);
        let is_nan = self.at.ins().fcmp(FloatCC::Unordered, x, x);
        let is_x = self.at.ins().bor(is_beyond, is_nan);
        self.select(is_x, x, y)
    }

    fn reciprocal(&mut self, x: Value) -> Value {
        let one = self.one();
        self.at.ins().fdiv(one, x)
    }

    fn one(&mut self) -> Value {
        match size_of::<T>() {
            4 => self.at.ins().f32const(1.0),
            _ => self.at.ins().f64const(1.0),
        }
    }

    /// Whether `f` holds, for a function that says so.
    fn unary_truth(&mut self, f: Unary, x: u8) -> Option<Value> {
        if f == Unary::LogicalNot {
            let truth = self.truth(x);
            return Some(self.at.ins().bxor_imm(truth, 1));
        }
        let x = self.value(x);
        let compares = match f {
            Unary::IsNan => return Some(self.at.ins().fcmp(FloatCC::Unordered, x, x)),
            Unary::IsInf => FloatCC::Equal,
            Unary::IsFinite => FloatCC::LessThan,
            _ => return None,
        };
        let size = self.at.ins().fabs(x);
        let infinity = match size_of::<T>() {
            4 => self.at.ins().f32const(f32::INFINITY),
            _ => self.at.ins().f64const(f64::INFINITY),
        };
        Some(self.at.ins().fcmp(compares, size, infinity))
    }

    /// As [`Self::unary_truth`].
    fn binary_truth(&mut self, f: Binary, x: u8, y: u8) -> Option<Value> {
        let compares = match f {
            Binary::LogicalAnd | Binary::LogicalOr | Binary::LogicalXor => {
                let (x, y) = (self.truth(x), self.truth(y));
                let ins = self.at.ins();
                return Some(match f {
                    Binary::LogicalAnd => ins.band(x, y),
                    Binary::LogicalOr => ins.bor(x, y),
                    _ => ins.bxor(x, y),
                });
            }
            Binary::Equal => FloatCC::Equal,
            Binary::NotEqual => FloatCC::NotEqual,
            Binary::Less => FloatCC::LessThan,
            Binary::LessEqual => FloatCC::LessThanOrEqual,
            Binary::Greater => FloatCC::GreaterThan,
            Binary::GreaterEqual => FloatCC::GreaterThanOrEqual,
            _ => return None,
        };
        let (x, y) = (self.value(x), self.value(y));
        Some(self.at.ins().fcmp(compares, x, y))
    }

    /// 1 or 0, for register `to`.
    fn of_truth(&mut self, truth: Value, to: u8) -> Value {
        self.truths[usize::from(to)] = Some(truth);
        let one = self.one();
        let one = self.at.ins().bitcast(self.bits, MemFlags::new(), one);
        let mask = self.at.ins().bmask(self.bits, truth);
        let bits = self.at.ins().band(one, mask);
        self.at.ins().bitcast(self.float, MemFlags::new(), bits)
    }

    /// Whether a register is not 0.
    fn truth(&mut self, register: u8) -> Value {
        if let Some(truth) = self.truths[usize::from(register)] {
            return truth;
        }
        let (x, bits) = (self.value(register), self.bits);
        let zero = self.at.ins().iconst(bits, 0);
        let zero = self.at.ins().bitcast(self.float, MemFlags::new(), zero);
        self.at.ins().fcmp(FloatCC::NotEqual, x, zero)
    }

    /// A choice without a branch, which would often be guessed wrong.
    fn select(&mut self, cond: Value, yes: Value, no: Value) -> Value {
        let yes = self.at.ins().bitcast(self.bits, MemFlags::new(), yes);
        let no = self.at.ins().bitcast(self.bits, MemFlags::new(), no);
        let chosen = self.at.ins().select(cond, yes, no);
        self.at.ins().bitcast(self.float, MemFlags::new(), chosen)
    }

    /// A call of the function at `address` for function `f` of `operands`.
    fn call(&mut self, address: usize, f: usize, operands: &[Value]) -> Value {
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.push(AbiParam::new(types::I64));
        signature.params.extend(operands.iter().map(|_| AbiParam::new(self.float)));
        signature.returns.push(AbiParam::new(self.float));
        let signature = self.at.func.import_signature(signature);
        let mut given = vec![self.at.ins().iconst(types::I64, f as i64)];
        given.extend(operands);
        let address = self.at.ins().iconst(types::I64, address as i64);
        let call = self.at.ins().call_indirect(signature, address, &given);
        self.at.func.dfg.first_result(call)
    }
}

/// Bytes from the start to an element.
fn offset<T>(element: usize) -> i32 {
    (element * size_of::<T>()) as i32
}

/// Registers whose values before the step matter, each once.
fn read_before_written(step: &Step) -> Vec<u8> {
    let mut is_known = [false; REGISTERS];
    let mut found = Vec::new();
    let mut read = |register: u8, is_known: &mut [bool; REGISTERS]| {
        if !std::mem::replace(&mut is_known[usize::from(register)], true) {
            found.push(register);
        }
    };
    for &feed in &step.feeds {
        is_known[usize::from(feed)] = true;
    }
    for inst in &step.insts {
        let (operands, to) = parts(inst);
        for register in operands {
            read(register, &mut is_known);
        }
        is_known[usize::from(to)] = true;
    }
    for &register in step.results.iter().chain(step.turns.iter().map(|(from, _)| from)) {
        read(register, &mut is_known);
    }
    found
}

/// The registers that an instruction reads, some more than once, and the one that it writes.
fn parts(inst: &Inst) -> ([u8; 3], u8) {
    match *inst {
        Inst::Add(x, y, to)
        | Inst::Sub(x, y, to)
        | Inst::Mul(x, y, to)
        | Inst::Div(x, y, to)
        | Inst::Binary(_, x, y, to) => ([x, y, y], to),
        Inst::Neg(x, to) | Inst::Square(x, to) | Inst::Copy(x, to) | Inst::Unary(_, x, to) => {
            ([x; 3], to)
        }
        Inst::Select(cond, yes, no, to) => ([cond, yes, no], to),
    }
}

extern "sysv64" fn unary<T: Float>(f: usize, x: T) -> T {
    T::unary(Unary::ALL[f], x)
}

extern "sysv64" fn binary<T: Float>(f: usize, x: T, y: T) -> T {
    T::binary(Binary::ALL[f], x, y)
}
