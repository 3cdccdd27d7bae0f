use ferrule_base::DType;
use ferrule_tensor::ops::{Random, fill};

use crate::output;

fn floats(kind: Random, seed: u64, counter: u64, len: usize) -> Vec<f32> {
    output(len, |out| fill(kind, seed, counter, DType::Fp32, len, out))
}

fn doubles(kind: Random, len: usize) -> Vec<f64> {
    output(len, |out| fill(kind, 3, 1, DType::Fp64, len, out))
}

const UNIT: Random = Random::Uniform { low: 0.0, high: 1.0 };

#[test]
fn an_element_depends_on_its_place_the_seed_and_the_counter_alone() {
    let all = floats(UNIT, 7, 3, 100_000);
    for len in [0, 1, 63, 64, 65, 8191, 8193] {
        assert_eq!(floats(UNIT, 7, 3, len), all[..len]);
    }
    assert_ne!(floats(UNIT, 8, 3, 64), all[..64]);
    assert_ne!(floats(UNIT, 7 << 32, 3, 64), floats(UNIT, 7, 3, 64));
    assert_ne!(floats(UNIT, 7, 4, 64), all[..64]);
    assert_ne!(floats(UNIT, 7, 3 << 32, 64), all[..64]);
    assert_ne!(all[..64], all[64..128]);
}

/// Mean, variance, and share within one standard deviation of 0.
fn moments(values: &[f64]) -> [f64; 3] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    [mean, variance, values.iter().filter(|x| x.abs() < 1.0).count() as f64 / n]
}

fn assert_near(got: [f64; 3], expected: [f64; 3]) {
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 0.01, "{got} is not near {expected}");
    }
}

#[test]
fn distributions_have_their_moments_and_bounds() {
    let n = 200_000;
    let widen = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let uniform = Random::Uniform { low: -2.0, high: 2.0 };
    let normal = Random::Normal { mean: 0.0, stddev: 1.0 };
    let truncated = Random::TruncatedNormal { mean: 0.0, stddev: 1.0 };
    for values in [widen(floats(uniform, 1, 0, n)), doubles(uniform, n)] {
        assert!(values.iter().all(|x| (-2.0..2.0).contains(x)));
        assert_near(moments(&values), [0.0, 4.0 / 3.0, 0.5]);
    }
    for values in [widen(floats(normal, 1, 0, n)), doubles(normal, n)] {
        assert_near(moments(&values), [0.0, 1.0, 0.682_69]);
        let neighbours: f64 = values.windows(17).map(|x| x[0] * x[16]).sum();
        assert!((neighbours / n as f64).abs() < 0.01);
    }
    for values in [widen(floats(truncated, 1, 0, n)), doubles(truncated, n)] {
        assert!(values.iter().all(|x| x.abs() <= 2.0));
        assert_near(moments(&values), [0.0, 0.773_74, 0.682_69 / 0.954_50]);
    }
    let shifted = widen(floats(Random::Normal { mean: 5.0, stddev: 0.1 }, 1, 0, n));
    assert!((moments(&shifted)[0] - 5.0).abs() < 0.001);
}

#[test]
fn uniform_floats_stay_below_their_bound() {
    let close = Random::Uniform { low: 1.0, high: 1.0 + f64::from(f32::EPSILON) };
    assert!(floats(close, 1, 0, 1000).iter().all(|&x| x == 1.0));
}

#[test]
fn whole_numbers_are_uniform() {
    let kind = Random::Uniform { low: -3.0, high: 4.0 };
    let n = 70_000;
    let narrow: Vec<i32> = output(n, |out| fill(kind, 1, 0, DType::Int32, n, out));
    let wide: Vec<i64> = output(n, |out| fill(kind, 1, 0, DType::Int64, n, out));
    for values in [narrow.into_iter().map(i64::from).collect(), wide] {
        let mut counts = [0u32; 7];
        values.iter().for_each(|x| counts[usize::try_from(x + 3).unwrap()] += 1);
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 560), "{counts:?}");
    }
}
