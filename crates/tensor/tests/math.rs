//! The mathematical functions against the C library's, in units in the last place, on every
//! instruction set, and their special values as C99 has them.

use ferrule_base::DType;
use ferrule_tensor::Isa;
use ferrule_tensor::array::{Array, Buffer, Element, Shape};
use ferrule_tensor::ops::tape::{self, Inst, Operand, Program, Tape};
use ferrule_tensor::ops::{Binary, Unary};

unsafe extern "C" {
    safe fn erf(x: f64) -> f64;
    safe fn erfc(x: f64) -> f64;
}

type Reference = fn(f64) -> f64;

/// (function, reference in f64, most units off in f32, and in f64 from a reference that is itself off)
const FUNCTIONS: [(Unary, Reference, f64, f64); 19] = [
    (Unary::Exp, f64::exp, 1.0, 1.5),
    (Unary::Expm1, f64::exp_m1, 1.5, 2.0),
    (Unary::Log, f64::ln, 1.0, 1.5),
    (Unary::Log1p, f64::ln_1p, 1.5, 2.0),
    (Unary::Sin, f64::sin, 1.5, 2.0),
    (Unary::Cos, f64::cos, 1.5, 2.0),
    (Unary::Tan, f64::tan, 2.0, 3.0),
    (Unary::Asin, f64::asin, 2.0, 2.5),
    (Unary::Acos, f64::acos, 2.0, 2.5),
    (Unary::Atan, f64::atan, 2.0, 2.0),
    (Unary::Sinh, f64::sinh, 2.0, 3.0),
    (Unary::Cosh, f64::cosh, 2.0, 3.0),
    (Unary::Tanh, f64::tanh, 2.0, 4.0),
    (Unary::Sigmoid, sigmoid, 2.0, 4.0),
    (Unary::Softplus, softplus, 2.0, 4.0),
    (Unary::Erf, erf_of, 2.0, 3.0),
    (Unary::Erfc, erfc_of, 4.0, 6.0),
    (Unary::Rsqrt, |x| 1.0 / x.sqrt(), 1.5, 1.0),
    (Unary::Sqrt, f64::sqrt, 0.5, 0.0),
];

fn erf_of(x: f64) -> f64 {
    erf(x)
}

fn erfc_of(x: f64) -> f64 {
    erfc(x)
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Numbers from 0 to 2^64 - 1 in no order (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between -1 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Ordinary, small, large, any bits at all.
    fn any_f64(&mut self) -> f64 {
        match self.next() % 6 {
            0 => self.unit(),
            1 => self.unit() * 10.0,
            2 => self.unit() * 800.0,
            3 => 1.0 + self.unit() * 1e-3,
            4 => self.unit() * 2f64.powi(-((self.next() % 60) as i32)),
            _ => f64::from_bits(self.next()),
        }
    }

    fn any_f32(&mut self) -> f32 {
        match self.next() % 6 {
            5 => f32::from_bits(self.next() as u32),
            _ => self.any_f64() as f32,
        }
    }
}

fn dtype_of<T: Element>() -> DType {
    if T::holds(DType::Fp32) { DType::Fp32 } else { DType::Fp64 }
}

fn run<T: Element>(isa: Isa, inst: Inst, operands: &[&[T]]) -> Vec<T> {
    let (dtype, n) = (dtype_of::<T>(), operands[0].len());
    let shape = Shape::new(&[n]).unwrap();
    let arrays: Vec<Array> =
        operands.iter().map(|values| Array::from_slice(dtype, shape, values)).collect();
    let views: Vec<Operand> = arrays.iter().map(|array| Operand::View(array.view())).collect();
    let tape = Tape {
        inputs: vec![dtype; operands.len()],
        insts: vec![inst],
        outputs: vec![(operands.len() as u16, dtype)],
        registers: operands.len() as u16 + 1,
    };
    let mut out = [Buffer::zeroed(n * size_of::<T>())];
    Program::for_isa(&tape, isa).run(&shape, &views, &mut out).unwrap();
    out[0].as_slice(n).to_vec()
}

fn unary<T: Element>(isa: Isa, f: Unary, x: &[T]) -> Vec<T> {
    run(isa, Inst::Unary { f, dtype: dtype_of::<T>(), from: 0, to: 1 }, &[x])
}

fn binary<T: Element>(isa: Isa, f: Binary, x: &[T], y: &[T]) -> Vec<T> {
    run(isa, Inst::Binary { f, dtype: dtype_of::<T>(), left: 0, right: 1, to: 2 }, &[x, y])
}

/// The distance of `got` from `want` in units of the last place of a number with `bits` bits and a
/// least exponent.
fn units(got: f64, want: f64, bits: i32, least: i32, max: f64) -> f64 {
    if got == want || (got.is_nan() && want.is_nan()) {
        return 0.0;
    }
    if !got.is_finite() || !want.is_finite() {
        // What is rounded to infinity in the smaller type is right.
        return if got.is_infinite() && want.abs() > max && got.signum() == want.signum() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let exponent = if want == 0.0 { least } else { exponent(want).max(least) };
    // By two factors, since a unit may be below the least number of f64.
    (got - want) * 2f64.powi(-exponent / 2) * 2f64.powi(bits - 1 - exponent + exponent / 2)
}

fn exponent(x: f64) -> i32 {
    let scaled = if x.abs() < f64::MIN_POSITIVE { x * 2f64.powi(100) } else { x };
    let own = (scaled.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    if x.abs() < f64::MIN_POSITIVE { own - 100 } else { own }
}

fn units_f32(got: f32, want: f64) -> f64 {
    units(got.into(), want, 24, -126, f64::from(f32::MAX)).abs()
}

fn units_f64(got: f64, want: f64) -> f64 {
    units(got, want, 53, -1022, f64::MAX).abs()
}

/// The element that is furthest off: (units, its place).
fn worst(distances: impl Iterator<Item = f64>) -> (f64, usize) {
    distances.zip(0..).fold((0.0, 0), |worst, one| if one.0 > worst.0 { one } else { worst })
}

#[test]
fn functions_of_f32_are_near_those_of_f64_on_every_instruction_set() {
    let mut numbers = Numbers(1);
    let x: Vec<f32> = (0..200_000).map(|_| numbers.any_f32()).collect();
    for (f, reference, bound, _) in FUNCTIONS {
        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let y = unary(isa, f, &x);
            let (off, k) =
                worst(x.iter().zip(&y).map(|(&x, &y)| units_f32(y, reference(x.into()))));
            println!("{f:?} f32 {isa:?}: {off:.3} at {:e}", x[k]);
            assert!(off <= bound, "{f:?}({:e}) = {:e} on {isa:?}: {off} units off", x[k], y[k]);
            let first = first.get_or_insert_with(|| y.clone());
            assert!(same_f32(first, &y), "{f:?} has other bits on {isa:?}");
        }
    }
}

#[test]
fn functions_of_f64_are_near_the_c_librarys_on_every_instruction_set() {
    let mut numbers = Numbers(2);
    let x: Vec<f64> = (0..200_000).map(|_| numbers.any_f64()).collect();
    for (f, reference, _, bound) in FUNCTIONS {
        let mut first: Option<Vec<f64>> = None;
        for isa in Isa::available() {
            let y = unary(isa, f, &x);
            let (off, k) = worst(x.iter().zip(&y).map(|(&x, &y)| units_f64(y, reference(x))));
            println!("{f:?} f64 {isa:?}: {off:.3} at {:e}", x[k]);
            assert!(off <= bound, "{f:?}({:e}) = {:e} on {isa:?}: {off} units off", x[k], y[k]);
            let first = first.get_or_insert_with(|| y.clone());
            assert!(same_f64(first, &y), "{f:?} has other bits on {isa:?}");
        }
    }
}

#[test]
fn powers_and_angles_are_near_the_c_librarys_on_every_instruction_set() {
    let mut numbers = Numbers(3);
    let x: Vec<f64> = (0..100_000).map(|_| numbers.any_f64().abs()).collect();
    let y: Vec<f64> = (0..100_000).map(|_| numbers.any_f64()).collect();
    let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    let (x32, y32) = (narrow(&x), narrow(&y));
    for f in [Binary::Pow, Binary::Atan2] {
        let reference = if f == Binary::Pow { f64::powf } else { f64::atan2 };
        for isa in Isa::available() {
            let z = binary(isa, f, &x, &y);
            let pairs = x.iter().zip(&y).zip(&z);
            let (off, k) = worst(pairs.map(|((&x, &y), &z)| units_f64(z, reference(x, y))));
            println!("{f:?} f64 {isa:?}: {off:.3} at {:e}, {:e}", x[k], y[k]);
            assert!(off <= 2.0, "{f:?}({:e}, {:e}) = {:e}: {off} units off", x[k], y[k], z[k]);
            let z = binary(isa, f, &x32, &y32);
            let pairs = x32.iter().zip(&y32).zip(&z);
            let wide = |x: f32, y: f32| reference(x.into(), y.into());
            let (off, k) = worst(pairs.map(|((&x, &y), &z)| units_f32(z, wide(x, y))));
            println!("{f:?} f32 {isa:?}: {off:.3} at {:e}, {:e}", x32[k], y32[k]);
            assert!(off <= 2.0, "{f:?}({:e}, {:e}) = {:e}: {off} units off", x32[k], y32[k], z[k]);
        }
    }
}

/// Zeros, ones, the ends of the range, infinities, NaN, and angles that are hard to reduce.
const SPECIAL: [f64; 32] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.5,
    -0.5,
    2.5,
    -2.5,
    1e-310,
    -1e-310,
    5e-324,
    1e-40,
    -1e-40,
    1e300,
    -1e300,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    1e22,
    710.0,
    -745.2,
    89.0,
    -104.0,
    1_048_576.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    9007199254740993.0,
];

/// Whether the numbers are both NaN or of one sign, both zero, infinite or finite.
fn alike(got: f64, want: f64) -> bool {
    let class = |x: f64| (x.is_nan(), x.is_infinite(), x == 0.0);
    class(got) == class(want) && (got.is_nan() || got.is_sign_negative() == want.is_sign_negative())
}

#[test]
fn special_values_are_those_of_c99() {
    for isa in Isa::available() {
        for (f, reference, _, bound) in FUNCTIONS {
            for (&x, y) in SPECIAL.iter().zip(unary(isa, f, &SPECIAL)) {
                let want = reference(x);
                assert!(alike(y, want), "{f:?}({x:e}) = {y:e}, not {want:e}");
                assert!(units_f64(y, want) <= bound, "{f:?}({x:e}) = {y:e}, not {want:e}");
            }
            let narrow = SPECIAL.map(|x| x as f32);
            for (&x, y) in narrow.iter().zip(unary(isa, f, &narrow)) {
                let want = reference(x.into()) as f32;
                assert!(alike(y.into(), want.into()), "{f:?}({x:e}) = {y:e}, not {want:e}");
            }
        }
    }
}

#[test]
fn special_powers_and_angles_are_those_of_c99() {
    let pairs = || SPECIAL.iter().flat_map(|&x| SPECIAL.iter().map(move |&y| (x, y)));
    let (x, y): (Vec<f64>, Vec<f64>) = pairs().unzip();
    let (x32, y32): (Vec<f32>, Vec<f32>) = pairs().map(|(x, y)| (x as f32, y as f32)).unzip();
    for isa in Isa::available() {
        for (k, got) in binary(isa, Binary::Pow, &x, &y).into_iter().enumerate() {
            let want = x[k].powf(y[k]);
            assert!(alike(got, want), "pow({:e}, {:e}) = {got:e}, not {want:e}", x[k], y[k]);
        }
        for (k, got) in binary(isa, Binary::Pow, &x32, &y32).into_iter().enumerate() {
            let want = x32[k].powf(y32[k]);
            let fits = alike(got.into(), want.into());
            assert!(fits, "powf({:e}, {:e}) = {got:e}, not {want:e}", x32[k], y32[k]);
        }
        for (k, got) in binary(isa, Binary::Atan2, &x, &y).into_iter().enumerate() {
            let want = x[k].atan2(y[k]);
            let fits = alike(got, want) && units_f64(got, want) <= 2.0;
            assert!(fits, "atan2({:e}, {:e}) = {got:e}, not {want:e}", x[k], y[k]);
        }
    }
}

fn same_f32(one: &[f32], other: &[f32]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

fn same_f64(one: &[f64], other: &[f64]) -> bool {
    one.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

#[test]
fn an_element_has_the_same_bits_alone_in_a_vector_and_behind_the_last() {
    let mut numbers = Numbers(4);
    let x: Vec<f32> = (0..67).map(|_| numbers.any_f32()).collect();
    let wide: Vec<f64> = (0..67).map(|_| numbers.any_f64()).collect();
    for (f, ..) in FUNCTIONS {
        let whole = unary(Isa::detect(), f, &x);
        let alone: Vec<f32> = x.iter().map(|&x| tape::unary_f32(f, x)).collect();
        let apart: Vec<f32> = x.iter().flat_map(|&x| unary(Isa::detect(), f, &[x])).collect();
        assert!(same_f32(&whole, &alone) && same_f32(&whole, &apart), "{f:?}");
        let whole = unary(Isa::detect(), f, &wide);
        let alone: Vec<f64> = wide.iter().map(|&x| tape::unary_f64(f, x)).collect();
        assert!(same_f64(&whole, &alone), "{f:?}");
    }
}

#[test]
fn functions_of_two_have_the_same_bits_alone_and_in_a_vector() {
    use Binary::*;
    let mut numbers = Numbers(5);
    let (x, y): (Vec<f64>, Vec<f64>) =
        (0..101).map(|_| (numbers.any_f64(), numbers.any_f64())).unzip();
    let (x32, y32): (Vec<f32>, Vec<f32>) =
        x.iter().zip(&y).map(|(&x, &y)| (x as f32, y as f32)).unzip();
    for f in [Add, Sub, Mul, Div, FloorDiv, FloorMod, Pow, Maximum, Minimum, Atan2] {
        for isa in Isa::available() {
            let alone = |(&x, &y): (&f64, &f64)| tape::binary_f64(f, x, y);
            let alone: Vec<f64> = x.iter().zip(&y).map(alone).collect();
            assert!(same_f64(&binary(isa, f, &x, &y), &alone), "{f:?} of f64 on {isa:?}");
            let alone = |(&x, &y): (&f32, &f32)| tape::binary_f32(f, x, y);
            let alone: Vec<f32> = x32.iter().zip(&y32).map(alone).collect();
            assert!(same_f32(&binary(isa, f, &x32, &y32), &alone), "{f:?} of f32 on {isa:?}");
        }
    }
}
