//! Element-wise programs against plain loops: every type, broadcasting, places, memory and threads.

use ferrule_base::DType;
use ferrule_tensor::Isa;
use ferrule_tensor::array::{Array, Buffer, Element, Shape, View};
use ferrule_tensor::ops::tape::{self, Inst, Operand, Program, Tape};
use ferrule_tensor::ops::{Binary, OpError, Unary};

const F32: DType = DType::Fp32;
const F64: DType = DType::Fp64;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

fn vector<T: Element>(dtype: DType, values: &[T]) -> Array {
    Array::from_slice(dtype, shape(&[values.len()]), values)
}

fn binary<T: Element>(f: Binary, x: &Array, y: &Array) -> Result<Vec<T>, OpError> {
    let shape = x.shape().broadcast(y.shape()).unwrap();
    let mut out = Buffer::zeroed(shape.elements() * size_of::<T>());
    tape::binary(f, x.view(), y.view(), &shape, &mut out)?;
    Ok(out.as_slice(shape.elements()).to_vec())
}

fn unary<T: Element>(f: Unary, x: &Array) -> Vec<T> {
    let mut out = Buffer::zeroed(x.elements() * size_of::<T>());
    tape::unary(f, x.view(), &mut out);
    out.as_slice(x.elements()).to_vec()
}

fn cast<T: Element>(x: &Array, to: DType) -> Vec<T> {
    let mut out = Buffer::zeroed(x.elements() * size_of::<T>());
    tape::cast(x.view(), to, &mut out);
    out.as_slice(x.elements()).to_vec()
}

#[test]
fn floats_are_floored_compared_and_tested_as_in_numpy() {
    let nan = f32::NAN;
    let x = vector(F32, &[7.0, -7.0, 7.0, -7.0, 0.0, 1.0, f32::INFINITY, nan, 0.9f32, 6.0]);
    let y = vector(F32, &[2.0, 2.0, -2.0, -2.0, 3.0, 0.0, 2.0, 1.0, 0.3f32, -3.0]);
    let same = |got: Vec<f32>, want: [f32; 10]| {
        for (k, (a, b)) in got.iter().zip(want).enumerate() {
            assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{k}: {a}, not {b}");
        }
    };
    let inf = f32::INFINITY;
    let floor_div = binary(Binary::FloorDiv, &x, &y).unwrap();
    same(floor_div, [3.0, -4.0, -4.0, 3.0, 0.0, inf, nan, nan, 2.0, -2.0]);
    let floor_mod = binary(Binary::FloorMod, &x, &y).unwrap();
    same(floor_mod, [1.0, 1.0, -1.0, -1.0, 0.0, nan, nan, nan, 0.9 % 0.3, -0.0]);
    let maximum = binary(Binary::Maximum, &x, &y).unwrap();
    same(maximum, [7.0, 2.0, 7.0, -2.0, 3.0, 1.0, inf, nan, 0.9, 6.0]);
    let minimum = binary(Binary::Minimum, &y, &x).unwrap();
    same(minimum, [2.0, -7.0, -2.0, -7.0, 0.0, 0.0, 2.0, nan, 0.3, -3.0]);
    let less: Vec<u8> = binary(Binary::Less, &x, &y).unwrap();
    assert_eq!(less, [0, 1, 0, 1, 1, 0, 0, 0, 0, 0]);
    let other: Vec<u8> = binary(Binary::NotEqual, &x, &x).unwrap();
    assert_eq!(other, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(unary::<u8>(Unary::IsFinite, &x), [1, 1, 1, 1, 1, 1, 0, 0, 1, 1]);
    same(unary(Unary::Sign, &x), [1.0, -1.0, 1.0, -1.0, 0.0, 1.0, 1.0, nan, 1.0, 1.0]);
    let halves = vector(F64, &[0.5, 1.5, -0.5, 2.5, -2.5]);
    assert_eq!(unary::<f64>(Unary::Round, &halves), [0.0, 2.0, -0.0, 2.0, -2.0]);
}

#[test]
fn one_element_for_all_gives_what_as_many_equal_ones_do() {
    let x: Vec<f32> = (0..1000).map(|k| (k as f32 - 500.0) / 7.0).collect();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    for &f in Binary::ALL.iter().filter(|f| !f.is_predicate()) {
        for y in [2.5, -0.0, f32::INFINITY] {
            let (x, one, many) = (vector(F32, &x), Array::scalar(F32, y), vector(F32, &[y; 1000]));
            let got = binary::<f32>(f, &x, &one).unwrap();
            assert_eq!(bits(got), bits(binary(f, &x, &many).unwrap()), "{f:?} {y}");
            let got = binary::<f32>(f, &one, &x).unwrap();
            assert_eq!(bits(got), bits(binary(f, &many, &x).unwrap()), "{y} {f:?}");
        }
    }
}

#[test]
fn a_tape_takes_more_single_elements_than_a_word_has_bits() {
    let ones: Vec<Array> = (0..100).map(|k| Array::scalar(F32, k as f32)).collect();
    let insts: Vec<Inst> =
        (0..100).map(|k| add(if k == 0 { 0 } else { 100 + k }, k + 1, 101 + k)).collect();
    let tape = Tape { inputs: vec![F32; 101], insts, outputs: vec![(200, F32)], registers: 201 };
    let x = vector(F32, &[1.0f32, 2.0, 3.0]);
    let arrays: Vec<&Array> = std::iter::once(&x).chain(&ones).collect();
    let mut out = [Buffer::zeroed(12)];
    tape.run(&shape(&[3]), &views(&arrays), &mut out).unwrap();
    assert_eq!(out[0].as_slice::<f32>(3), [4951.0, 4952.0, 4953.0]);
}

#[test]
fn integers_wrap_around_and_divide_as_in_python() {
    let x = vector(DType::Int64, &[7i64, -7, 7, -7, i64::MIN, i64::MAX]);
    let y = vector(DType::Int64, &[2i64, 2, -2, -2, -1, 2]);
    let of = |f| binary::<i64>(f, &x, &y).unwrap();
    assert_eq!(of(Binary::Div), [3, -3, -3, 3, i64::MIN, i64::MAX / 2]);
    assert_eq!(of(Binary::FloorDiv), [3, -4, -4, 3, i64::MIN, i64::MAX / 2]);
    assert_eq!(of(Binary::FloorMod), [1, 1, -1, -1, 0, 1]);
    assert_eq!(of(Binary::Mul)[4..], [i64::MIN, -2]);
    assert_eq!(of(Binary::Sub)[4], i64::MIN + 1);
    let base = vector(DType::Int32, &[3i32, -2, 0, 10, 2]);
    let exponent = vector(DType::Int32, &[4i32, 3, 0, 9, 32]);
    let powers = binary::<i32>(Binary::Pow, &base, &exponent).unwrap();
    assert_eq!(powers, [81, -8, 1, 1_000_000_000, 0]);
    assert_eq!(unary::<i32>(Unary::Abs, &vector(DType::Int32, &[i32::MIN, -3])), [i32::MIN, 3]);
    let bytes = vector(DType::Uint8, &[200u8, 3]);
    assert_eq!(binary::<u8>(Binary::Add, &bytes, &bytes).unwrap(), [144, 6]);
    assert_eq!(unary::<u8>(Unary::Neg, &bytes), [56, 253]);
}

#[test]
fn division_by_zero_and_negative_exponents_of_integers_are_errors() {
    let x = vector(DType::Int32, &vec![5i32; 3000]);
    let mut divisors = vec![1i32; 3000];
    divisors[2999] = 0;
    let y = vector(DType::Int32, &divisors);
    for f in [Binary::Div, Binary::FloorDiv, Binary::FloorMod] {
        assert_eq!(binary::<i32>(f, &x, &y), Err(OpError::DivisionByZero));
    }
    divisors[2999] = -1;
    let y = vector(DType::Int32, &divisors);
    assert_eq!(binary::<i32>(Binary::Pow, &x, &y), Err(OpError::NegativeExponent));
}

#[test]
fn truth_values_are_combined_and_may_be_any_byte() {
    let x = vector(DType::Bool, &[0u8, 0, 1, 2]);
    let y = vector(DType::Bool, &[0u8, 1, 0, 1]);
    let of = |f| binary::<u8>(f, &x, &y).unwrap();
    assert_eq!(of(Binary::LogicalAnd), [0, 0, 0, 1]);
    assert_eq!(of(Binary::LogicalOr), [0, 1, 1, 1]);
    assert_eq!(of(Binary::LogicalXor), [0, 1, 1, 0]);
    assert_eq!(of(Binary::Maximum), [0, 1, 1, 1]);
    assert_eq!(unary::<u8>(Unary::LogicalNot, &x), [1, 1, 0, 0]);
}

#[test]
fn conversions_saturate_and_know_truth() {
    let x = vector(F64, &[1.9, -1.9, 1e300, f64::NAN, -0.0, 300.0]);
    assert_eq!(cast::<i32>(&x, DType::Int32), [1, -1, i32::MAX, 0, 0, 300]);
    assert_eq!(cast::<i64>(&x, DType::Int64), [1, -1, i64::MAX, 0, 0, 300]);
    assert_eq!(cast::<u8>(&x, DType::Uint8), [1, 0, 255, 0, 0, 255]);
    assert_eq!(cast::<u8>(&x, DType::Bool), [1, 1, 1, 1, 0, 1]);
    assert_eq!(cast::<f32>(&x, F32)[..3], [1.9f32, -1.9, f32::INFINITY]);
    let truth = vector(DType::Bool, &[0u8, 1]);
    assert_eq!(cast::<f64>(&truth, F64), [0.0, 1.0]);
    let large = vector(DType::Int64, &[i64::MAX, -(1 << 53) - 1]);
    assert_eq!(cast::<f64>(&large, F64), [i64::MAX as f64, -9007199254740992.0]);
    assert_eq!(cast::<i32>(&large, DType::Int32), [-1, -1]);
}

#[test]
fn floats_become_integers_as_rust_converts_them() {
    let ends = [2f64.powi(31), 2f64.powi(63), 255.0, 256.0, 0.0, 1e300, f64::INFINITY, f64::NAN];
    let near = |x: f64| [x, -x, x.next_down(), x.next_up(), x - 0.5, x + 0.5, 1.0 - x, x - 1.0];
    let x: Vec<f64> = ends.into_iter().flat_map(near).collect();
    let narrow: Vec<f32> =
        x.iter().flat_map(|&x| [x as f32, (x as f32).next_down(), (x as f32).next_up()]).collect();
    let (wide, small) = (vector(F64, &x), vector(F32, &narrow));
    assert_eq!(cast::<i32>(&wide, DType::Int32), x.iter().map(|&x| x as i32).collect::<Vec<_>>());
    assert_eq!(cast::<i64>(&wide, DType::Int64), x.iter().map(|&x| x as i64).collect::<Vec<_>>());
    assert_eq!(cast::<u8>(&wide, DType::Uint8), x.iter().map(|&x| x as u8).collect::<Vec<_>>());
    let want: Vec<i32> = narrow.iter().map(|&x| x as i32).collect();
    assert_eq!(cast::<i32>(&small, DType::Int32), want);
    let want: Vec<i64> = narrow.iter().map(|&x| x as i64).collect();
    assert_eq!(cast::<i64>(&small, DType::Int64), want);
    let want: Vec<u8> = narrow.iter().map(|&x| x as u8).collect();
    assert_eq!(cast::<u8>(&small, DType::Uint8), want);
}

/// The element of `x` that place `index` of `shape` sees.
fn broadcast_index(x: &Shape, shape: &Shape, index: usize) -> usize {
    let (mut rest, mut offset, mut step) = (index, 0, 1);
    for axis in (0..shape.len()).rev() {
        let at = rest % shape[axis];
        rest /= shape[axis];
        if let Some(own) = (axis + x.len()).checked_sub(shape.len()) {
            offset += if x[own] == 1 { 0 } else { at * step };
            step *= x[own];
        }
    }
    offset
}

#[test]
fn operands_broadcast_as_in_numpy() {
    let shapes: [&[&[usize]]; 9] = [
        &[&[3000, 7], &[7]],
        &[&[700, 1], &[700, 9]],
        &[&[1, 5000], &[3, 1]],
        &[&[], &[4, 4]],
        &[&[2, 1, 3, 1], &[5, 1, 40]],
        &[&[6, 1, 700], &[6, 9, 700]],
        &[&[1, 1, 1], &[2]],
        &[&[0, 3], &[1, 3]],
        &[&[1], &[0]],
    ];
    for pair in shapes {
        let (a, b) = (shape(pair[0]), shape(pair[1]));
        let both = a.broadcast(&b).unwrap();
        let numbers = |n: usize, by: f32| (0..n).map(|k| k as f32 * by).collect::<Vec<f32>>();
        let (x, y) = (numbers(a.elements(), 1.0), numbers(b.elements(), -0.5));
        let got: Vec<f32> =
            binary(Binary::Sub, &Array::from_slice(F32, a, &x), &Array::from_slice(F32, b, &y))
                .unwrap();
        let want: Vec<f32> = (0..both.elements())
            .map(|k| x[broadcast_index(&a, &both, k)] - y[broadcast_index(&b, &both, k)])
            .collect();
        assert_eq!(got, want, "{a} - {b}");
    }
}

#[test]
fn a_choice_takes_elements_of_any_size() {
    let cond = vector(DType::Bool, &[1u8, 0, 1]);
    let mut out = Buffer::zeroed(24);
    let (one, two) = (vector(F64, &[1.0, 2.0, 3.0]), Array::scalar(F64, -1.0));
    tape::select(cond.view(), one.view(), two.view(), &shape(&[3]), &mut out);
    assert_eq!(out.as_slice::<f64>(3), [1.0, -1.0, 3.0]);
    let (one, two) = (vector(DType::Uint8, &[1u8, 2, 3]), vector(DType::Uint8, &[9u8]));
    tape::select(cond.view(), one.view(), two.view(), &shape(&[3]), &mut out);
    assert_eq!(out.as_slice::<u8>(3), [1, 9, 3]);
}

fn add(left: u16, right: u16, to: u16) -> Inst {
    Inst::Binary { f: Binary::Add, dtype: F32, left, right, to }
}

fn mul(left: u16, right: u16, to: u16) -> Inst {
    Inst::Binary { f: Binary::Mul, dtype: F32, left, right, to }
}

fn views<'a>(arrays: &'a [&Array]) -> Vec<Operand<'a>> {
    arrays.iter().map(|array| Operand::View(array.view())).collect()
}

/// `steps` functions, each of results before it, drawn by `seed`.
fn random_tape(seed: u64, steps: u16) -> Tape {
    let mut state = seed;
    let mut draw = |below: u16| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % u64::from(below)) as u16
    };
    let functions = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Maximum, Binary::Minimum];
    let insts = (3..3 + steps)
        .map(|to| match draw(4) {
            0 => Inst::Unary { f: Unary::Tanh, dtype: F32, from: draw(to), to },
            _ => {
                let f = functions[usize::from(draw(5))];
                Inst::Binary { f, dtype: F32, left: draw(to), right: draw(to), to }
            }
        })
        .collect();
    let last = steps + 2;
    let outputs = vec![(last, F32), (draw(last + 1), F32), (last, F32)];
    Tape { inputs: vec![F32; 3], insts, outputs, registers: last + 1 }
}

/// What `tape` gives for one element, function by function.
fn interpret(tape: &Tape, inputs: [f32; 3]) -> Vec<f32> {
    let mut registers = vec![0.0; tape.registers.into()];
    registers[..3].copy_from_slice(&inputs);
    for inst in &tape.insts {
        let value = match *inst {
            Inst::Unary { f, from, .. } => tape::unary_f32(f, registers[usize::from(from)]),
            Inst::Binary { f, left, right, .. } => {
                tape::binary_f32(f, registers[usize::from(left)], registers[usize::from(right)])
            }
            _ => unreachable!("not drawn"),
        };
        registers[usize::from(inst.to())] = value;
    }
    tape.outputs.iter().map(|output| registers[usize::from(output.0)]).collect()
}

#[test]
fn a_tape_gives_the_bits_of_its_functions_one_by_one() {
    let n = 1000;
    let x: Vec<f32> = (0..n).map(|k| (k as f32 - 500.0) / 70.0).collect();
    let y: Vec<f32> = (0..n).map(|k| (k as f32 * 0.37).fract() - 0.5).collect();
    let arrays = [&vector(F32, &x), &vector(F32, &y), &Array::scalar(F32, 1.25f32)];
    for seed in 0..60 {
        let tape = random_tape(seed, 1 + (seed % 40) as u16);
        for isa in Isa::available() {
            let mut out: [Buffer; 3] = std::array::from_fn(|_| Buffer::zeroed(4 * n));
            Program::for_isa(&tape, isa).run(&shape(&[n]), &views(&arrays), &mut out).unwrap();
            for k in 0..n {
                let want = interpret(&tape, [x[k], y[k], 1.25]);
                let got = out.each_ref().map(|out| out.as_slice::<f32>(n)[k]);
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&got), bits(&want), "tape {seed}, element {k}, {isa:?}");
            }
        }
    }
}

/// A digest of what a tape over large arrays gives, and a function that threads share.
fn digest_of_large_results() -> u64 {
    let n = 4_500_001;
    let x: Vec<f32> = (0..n).map(|k| (k % 1013) as f32 / 77.0 - 5.0).collect();
    let x = vector(F32, &x);
    let arrays = [&x, &x, &Array::scalar(F32, 1.25f32)];
    let mut out: [Buffer; 3] = std::array::from_fn(|_| Buffer::zeroed(4 * n));
    random_tape(7, 12).run(&shape(&[n]), &views(&arrays), &mut out).unwrap();
    let mut exp = Buffer::zeroed(4 * n);
    tape::unary(Unary::Exp, x.view(), &mut exp);
    let all = out.iter().chain([&exp]).flat_map(|buffer| buffer.as_slice::<i32>(n));
    all.fold(0, |sum, &bits| (sum ^ u64::from(bits as u32)).wrapping_mul(0x100_0000_01b3) + 1)
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    const ASKED: &str = "FERRULE_TEST_PRINTS_LARGE_RESULTS";
    const NAME: &str = "results_do_not_depend_on_the_number_of_threads";
    if std::env::var_os(ASKED).is_some() {
        return println!("digest {:x}", digest_of_large_results());
    }
    let digest_by = |threads: &str| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME, "--nocapture"]).env(ASKED, "1");
        let output = child.env("FERRULE_NUM_THREADS", threads).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split("digest ").nth(1));
        line.expect("the child prints its digest").to_owned()
    };
    let alone = digest_by("1");
    assert_eq!(alone, digest_by("2"));
    assert_eq!(alone, digest_by("5"));
}

#[test]
fn results_larger_than_the_caches_are_those_of_small_ones() {
    let n = 4_300_001;
    let x: Vec<f32> = (0..n).map(|k| (k % 1013) as f32 / 77.0 - 5.0).collect();
    let small = unary::<f32>(Unary::Exp, &vector(F32, &x[..1013]));
    let large = unary::<f32>(Unary::Exp, &vector(F32, &x));
    assert!(large.chunks(1013).all(|chunk| *chunk == small[..chunk.len()]));
}

#[test]
fn outputs_may_be_read_before_and_while_they_are_overwritten() {
    let n = 5000;
    let x = vector(F32, &(0..n).map(|k| k as f32).collect::<Vec<_>>());
    // a = a + x; b = (old a) * b: the old values are wanted after the new ones are there.
    let tape = Tape {
        inputs: vec![F32; 3],
        insts: vec![add(0, 2, 3), mul(0, 1, 4), add(3, 4, 5)],
        outputs: vec![(3, F32), (4, F32), (5, F32)],
        registers: 6,
    };
    let filled = |value: f32| {
        let mut buffer = Buffer::zeroed(4 * n);
        buffer.as_mut_slice::<f32>(n).fill(value);
        buffer
    };
    let mut out = [filled(2.0), filled(3.0), Buffer::zeroed(4 * n)];
    let operands = [Operand::Output(0), Operand::Output(1), Operand::View(x.view())];
    tape.run(&shape(&[n]), &operands, &mut out).unwrap();
    for k in 0..n {
        let got = out.each_ref().map(|out| out.as_slice::<f32>(n)[k]);
        assert_eq!(got, [2.0 + k as f32, 6.0, 8.0 + k as f32]);
    }
}

#[test]
fn operands_may_be_results_and_results_may_be_given_twice() {
    let x = vector(F32, &[1.0f32, 2.0, 3.0]);
    let one = Array::scalar(F32, 10f32);
    let tape = Tape {
        inputs: vec![F32; 2],
        insts: vec![],
        outputs: vec![(0, F32), (1, F32), (0, F32)],
        registers: 2,
    };
    let mut out: [Buffer; 3] = std::array::from_fn(|_| Buffer::zeroed(12));
    tape.run(&shape(&[3]), &views(&[&x, &one]), &mut out).unwrap();
    let got = out.each_ref().map(|out| out.as_slice::<f32>(3).to_vec());
    assert_eq!(got, [[1.0, 2.0, 3.0], [10.0; 3], [1.0, 2.0, 3.0]]);
}

#[test]
fn nothing_and_one_element_are_arrays_too() {
    let mut out = Buffer::zeroed(0);
    let empty = vector::<f32>(F32, &[]);
    tape::unary(Unary::Exp, empty.view(), &mut out);
    let mut out = Buffer::zeroed(4);
    tape::unary(Unary::Square, Array::scalar(F32, 3f32).view(), &mut out);
    assert_eq!(out.as_slice::<f32>(1), [9.0]);
}

#[test]
fn types_mix_in_one_tape() {
    // (x > 0.5 ? x as f64 : 7) in three types of different sizes.
    let tape = Tape {
        inputs: vec![F32, F32, F64],
        insts: vec![
            Inst::Binary { f: Binary::Greater, dtype: F32, left: 0, right: 1, to: 3 },
            Inst::Cast { from_dtype: F32, to_dtype: F64, from: 0, to: 4 },
            Inst::Select { dtype: F64, cond: 3, yes: 4, no: 2, to: 5 },
        ],
        outputs: vec![(5, F64), (3, DType::Bool)],
        registers: 6,
    };
    let n = 3001;
    let x = vector(F32, &(0..n).map(|k| k as f32 / n as f32).collect::<Vec<_>>());
    let (half, seven) = (Array::scalar(F32, 0.5f32), Array::scalar(F64, 7.0f64));
    let mut out = [Buffer::zeroed(8 * n), Buffer::zeroed(n)];
    tape.run(&shape(&[n]), &views(&[&x, &half, &seven]), &mut out).unwrap();
    for k in 0..n {
        let value = k as f32 / n as f32;
        let want = if value > 0.5 { f64::from(value) } else { 7.0 };
        assert_eq!(out[0].as_slice::<f64>(n)[k], want);
        assert_eq!(out[1].as_slice::<u8>(n)[k], u8::from(value > 0.5));
    }
}

#[test]
#[should_panic(expected = "does not broadcast")]
fn an_operand_of_another_shape_is_refused() {
    let x = vector(F32, &[1.0f32, 2.0]);
    let wide = shape(&[3]);
    let view = View { dtype: F32, shape: x.shape(), data: x.buffer() };
    let _ = tape::binary(Binary::Add, view, view, &wide, &mut Buffer::zeroed(12));
}
