//! Chains of cheap functions, which stay in registers, against the same functions one by one.

use ferrule_base::DType;
use ferrule_tensor::Isa;
use ferrule_tensor::array::{Array, Buffer, Element, Shape};
use ferrule_tensor::ops::tape::{self, Inst, Operand, Program, Tape};
use ferrule_tensor::ops::{Binary, Unary};

/// Around the vectors, blocks and tiles of every instruction set.
const LENGTHS: [usize; 16] = [1, 3, 4, 7, 8, 17, 31, 63, 64, 65, 127, 129, 513, 1000, 2049, 6001];
const N_INPUTS: u16 = 5;
const UNARY: [Unary; 5] = [Unary::Neg, Unary::Abs, Unary::Sqrt, Unary::Square, Unary::Floor];
const BINARY: [Binary; 7] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Atan2,
];

/// `f32` or `f64`.
trait Float: Element + std::fmt::Debug {
    const DTYPE: DType;
    fn of(x: f64) -> Self;
    fn bits(self) -> u64;
    fn is_nan(self) -> bool;
}

macro_rules! float {
    ($float:ident, $dtype:ident) => {
        impl Float for $float {
            const DTYPE: DType = DType::$dtype;
            fn of(x: f64) -> Self {
                x as $float
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
        }
    };
}

float!(f32, Fp32);
float!(f64, Fp64);

struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u16) -> u16 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % u64::from(end)) as u16
    }

    /// A number, one in four a rare one.
    fn number<T: Float>(&mut self) -> T {
        let rare = [f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -0.0, 1e-310, -1e-40, 3e38];
        match self.below(4) {
            0 => T::of(rare[usize::from(self.below(8))]),
            _ => T::of(f64::from(self.below(1000)) / 77.0 - 5.0),
        }
    }

    /// Mostly the register before `to`, so that chains are long.
    fn operand(&mut self, to: u16) -> u16 {
        if self.below(12) == 0 { self.below(to) } else { to - 1 }
    }

    fn inst(&mut self, dtype: DType, to: u16) -> Inst {
        if self.below(4) == 0 {
            let f = UNARY[usize::from(self.below(5))];
            return Inst::Unary { f, dtype, from: self.operand(to), to };
        }
        // Rarely the last, which is no link.
        let f = BINARY[usize::from(if self.below(10) == 0 { 6 } else { self.below(6) })];
        let (x, other) = (self.operand(to), self.below(N_INPUTS));
        let y = if self.below(12) == 0 { x } else { other };
        let (left, right) = if self.below(3) == 0 { (y, x) } else { (x, y) };
        Inst::Binary { f, dtype, left, right, to }
    }

    fn tape(&mut self, dtype: DType) -> Tape {
        let steps = 1 + self.below(40);
        let insts = (N_INPUTS..N_INPUTS + steps).map(|to| self.inst(dtype, to)).collect();
        let registers = N_INPUTS + steps;
        let mut outputs = vec![(registers - 1, dtype)];
        if self.below(2) == 0 {
            outputs.push((self.below(registers), dtype));
        }
        Tape { inputs: vec![dtype; N_INPUTS.into()], insts, outputs, registers }
    }

    /// Two arrays of `rows` rows, a row, a column and a single element.
    fn inputs<T: Float>(&mut self, rows: usize, columns: usize) -> Vec<Array> {
        let dims: [&[usize]; N_INPUTS as usize] =
            [&[rows, columns], &[rows, columns], &[columns], &[rows, 1], &[]];
        dims.map(|dims| {
            let shape = Shape::new(dims).unwrap();
            let values: Vec<T> = (0..shape.elements()).map(|_| self.number()).collect();
            Array::from_slice(T::DTYPE, shape, &values)
        })
        .into()
    }
}

/// What `tape` gives where each function is a pass of its own over whole arrays.
fn one_by_one<T: Float>(tape: &Tape, shape: &Shape, inputs: &[Array]) -> Vec<Vec<T>> {
    let n = shape.elements();
    let mut registers = inputs.to_vec();
    for inst in &tape.insts {
        let mut out = Buffer::zeroed(n * size_of::<T>());
        let at = |register: u16| registers[usize::from(register)].view();
        match *inst {
            Inst::Unary { f, from, .. } => tape::unary(f, at(from), &mut out),
            Inst::Binary { f, left, right, .. } => {
                tape::binary(f, at(left), at(right), shape, &mut out).unwrap();
            }
            _ => unreachable!("not drawn"),
        }
        let result = match *inst {
            Inst::Unary { from, .. } => *registers[usize::from(from)].shape(),
            _ => *shape,
        };
        let made = Array::from_slice(T::DTYPE, result, out.as_slice::<T>(result.elements()));
        registers.push(made);
    }
    let whole = |array: &Array| {
        let mut out = Buffer::zeroed(n * size_of::<T>());
        let zero = Array::scalar(T::DTYPE, T::of(-0.0));
        tape::binary(Binary::Add, array.view(), zero.view(), shape, &mut out).unwrap();
        out.as_slice::<T>(n).to_vec()
    };
    tape.outputs.iter().map(|output| whole(&registers[usize::from(output.0)])).collect()
}

fn assert_same<T: Float>(got: &[T], want: &[T], what: &dyn std::fmt::Display) {
    assert_eq!(got.len(), want.len());
    for (k, (&got, &want)) in got.iter().zip(want).enumerate() {
        let same = got.bits() == want.bits() || (got.is_nan() && want.is_nan());
        assert!(same, "{what}, element {k}: {got:?}, not {want:?}");
    }
}

fn hold_random_chains<T: Float>() {
    for seed in 0..400 {
        let mut draw = Draw(seed);
        let tape = draw.tape(T::DTYPE);
        let length = LENGTHS[seed as usize % LENGTHS.len()];
        let columns = if length.is_multiple_of(3) { 3 } else { 1 };
        let inputs = draw.inputs::<T>(length / columns, columns);
        let shape = *inputs[0].shape();
        let want = one_by_one::<T>(&tape, &shape, &inputs);
        for isa in Isa::available() {
            let views: Vec<Operand> = inputs.iter().map(|one| Operand::View(one.view())).collect();
            let mut out: Vec<Buffer> =
                want.iter().map(|_| Buffer::zeroed(length * size_of::<T>())).collect();
            Program::for_isa(&tape, isa).run(&shape, &views, &mut out).unwrap();
            for (out, want) in out.iter().zip(&want) {
                let what = format!("tape {seed} of {length} on {isa:?}: {tape:?}");
                assert_same(out.as_slice::<T>(length), want, &what);
            }
        }
    }
}

#[test]
fn chains_of_float32_give_the_bits_of_their_functions_one_by_one() {
    hold_random_chains::<f32>();
}

#[test]
fn chains_of_float64_give_the_bits_of_their_functions_one_by_one() {
    hold_random_chains::<f64>();
}

#[test]
fn results_may_be_written_over_operands() {
    for seed in 0..200 {
        let mut draw = Draw(seed);
        let tape = draw.tape(DType::Fp32);
        let length = LENGTHS[seed as usize % LENGTHS.len()];
        let inputs = draw.inputs::<f32>(length, 1);
        let shape = *inputs[0].shape();
        let want = one_by_one::<f32>(&tape, &shape, &inputs);
        // Output 0 lies where input 0 or 1 does, and a second one where the other does.
        let first = usize::from(draw.below(2));
        for isa in Isa::available() {
            let mut out: Vec<Buffer> =
                (0..want.len()).map(|k| Buffer::clone(inputs[(first + k) % 2].buffer())).collect();
            let operand = |k: usize| match (k + first) % 2 {
                place if k < 2 && place < want.len() => Operand::Output(place),
                _ => Operand::View(inputs[k].view()),
            };
            let operands: Vec<Operand> = (0..inputs.len()).map(operand).collect();
            Program::for_isa(&tape, isa).run(&shape, &operands, &mut out).unwrap();
            for (out, want) in out.iter().zip(&want) {
                let what = format!("tape {seed} of {length} on {isa:?}: {tape:?}");
                assert_same(out.as_slice::<f32>(length), want, &what);
            }
        }
    }
}

#[test]
fn a_chain_of_single_elements_is_the_same_for_all() {
    let dtype = DType::Fp32;
    let insts = vec![
        Inst::Binary { f: Binary::Sub, dtype, left: 0, right: 1, to: 2 },
        Inst::Unary { f: Unary::Abs, dtype, from: 2, to: 3 },
    ];
    let tape = Tape { inputs: vec![dtype; 2], insts, outputs: vec![(3, dtype)], registers: 4 };
    let (x, y) = (Array::scalar(dtype, 1.5f32), Array::scalar(dtype, 4f32));
    let mut out = [Buffer::zeroed(4 * 300)];
    let operands = [Operand::View(x.view()), Operand::View(y.view())];
    tape.run(&Shape::new(&[300]).unwrap(), &operands, &mut out).unwrap();
    assert_eq!(out[0].as_slice::<f32>(300), [2.5; 300]);
}
