//! What the algorithms with bounds promise: the plain algorithm's fit, bit for bit.

mod common;

use common::{blobs, dense, fit_with, uniform};
use ferrule_learn::LearnError;
use ferrule_learn::kmeans::{Algorithm, Fit, Params, Rng, Samples, fit, random_rows};
use ferrule_tensor::{Control, Float, MatrixView};

const WITH_BOUNDS: [Algorithm; 2] = [Algorithm::Elkan, Algorithm::Hamerly];

/// The rows of `data` that `random_rows` draws, as initial centres.
fn some_rows<T: Float>(data: &[T], d: usize, k: usize) -> Vec<T> {
    let rows = random_rows::<T>(data.len() / d, None, k, 17).unwrap();
    rows.iter().flat_map(|&row| data[row * d..][..d].to_vec()).collect()
}

fn check<T: Float>(name: &str, x: Samples<T>, init: &[T], weights: Option<&[T]>) {
    let plain: (Fit<T>, Vec<i32>) = fit_with(x, weights, init, Algorithm::Lloyd, 1);
    for algorithm in WITH_BOUNDS {
        let (fitted, labels) = fit_with(x, weights, init, algorithm, 2);
        let (d, k) = (x.cols(), init.len() / x.cols());
        let name = format!("{name}, {} x {d}, k = {k}, {}, {algorithm:?}", x.rows(), T::NAME);
        assert!(labels == plain.1, "{name}: labels");
        assert_eq!(fitted, plain.0, "{name}");
    }
}

/// Checks both element types, with and without weights, some of which are 0.
fn check_all(name: &str, data: &[f64], d: usize, k: usize) {
    let weights: Vec<f64> = (0..data.len() / d).map(|row| (row % 4) as f64 * 0.3).collect();
    let single: Vec<f32> = data.iter().map(|&value| value as f32).collect();
    let single_weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
    let init = some_rows(data, d, k);
    check(name, dense(data, d), &init, None);
    check(name, dense(data, d), &init, Some(&weights));
    let init = some_rows(&single, d, k);
    check(name, dense(&single, d), &init, None);
    check(name, dense(&single, d), &init, Some(&single_weights));
}

#[test]
fn fits_are_the_plain_algorithms_for_any_shape() {
    let mut rng = Rng::new(5);
    let mut below = |most: usize| 1 + (rng.uniform() * most as f64) as usize % most;
    for round in 0..40 {
        let (n, d) = (below(1500), below(40));
        let k = below(n.min(80));
        check_all("uniform", &uniform(n, d, round), d, k);
        check_all("blobs", &blobs(n, d, k, round), d, k);
    }
}

#[test]
fn fits_are_the_plain_algorithms_at_the_ends_of_the_range() {
    for d in [1, 2, 8, 9, 16, 17] {
        for k in [1, 2, 9, 149, 150] {
            check_all("uniform", &uniform(150, d, 3), d, k);
        }
    }
    check_all("many parts", &blobs(40_000, 9, 30, 3), 9, 30);
    check_all("many parts, few features", &blobs(40_000, 3, 30, 3), 3, 30);
    check_all("wide", &blobs(300, 700, 9, 3), 700, 12);
}

#[test]
fn long_parts_are_fitted_as_by_the_plain_algorithm() {
    // 32 parts with sums of their own, each longer than what is compared at a time.
    let (n, d, k) = (130_000, 10, 400);
    let data: Vec<f32> = blobs(n, d, k, 6);
    check("long parts", dense(&data, d), &some_rows(&data, d, k), None);
}

#[test]
fn odd_data_is_fitted_as_by_the_plain_algorithm() {
    for d in [2, 12] {
        check_all("all rows equal", &vec![0.25; d * 500], d, 10);
        let steps: Vec<f64> = (0..d * 2000).map(|i| (i * 7919 % 5) as f64).collect();
        check_all("few distinct rows", &steps, d, 11);
        let line: Vec<f64> = (0..d * 1500).map(|i| (i / d) as f64 * (i % d + 1) as f64).collect();
        check_all("collinear", &line, d, 30);
        let unit: Vec<f64> = uniform(1500, d, 1);
        let moved = |scale: f64, offset: f64| -> Vec<f64> {
            unit.iter().map(|value| value * scale + offset).collect()
        };
        for (scale, offset) in
            [(1.0, 1e4), (1.0, 1e7), (1e-3, -1e6), (1e-22, 0.0), (1e-40, 0.0), (1e19, 0.0)]
        {
            check_all(&format!("{scale} x + {offset}"), &moved(scale, offset), d, 20);
        }
        let mut outlier = unit.clone();
        outlier[700] = 1e15;
        outlier[701] = -1e12;
        check_all("one huge outlier", &outlier, d, 20);
        for scale in [1e-170, 1e160] {
            let data = moved(scale, 0.0);
            let init = some_rows(&data, d, 20);
            let labels = |algorithm| fit_with(dense(&data, d), None, &init, algorithm, 1).1;
            for algorithm in WITH_BOUNDS {
                assert!(labels(algorithm) == labels(Algorithm::Lloyd), "{scale}: {algorithm:?}");
            }
        }
    }
}

#[test]
fn emptied_clusters_are_put_where_the_plain_algorithm_puts_them() {
    for d in [3, 10] {
        let data: Vec<f64> = blobs(3000, d, 6, 2);
        let mut init = some_rows(&data, d, 12);
        init[5 * d..].iter_mut().for_each(|value| *value += 100.0);
        check("far centres", dense(&data, d), &init, None);
        let same: Vec<f64> = init[..d].repeat(12);
        check("equal centres", dense(&data, d), &same, None);
    }
}

#[test]
fn strides_change_nothing() {
    for d in [5, 14] {
        let (n, data): (_, Vec<f32>) = (900, blobs(900, d, 10, 8));
        let columns: Vec<f32> = (0..n * d).map(|i| data[i % n * d + i / n]).collect();
        let init = some_rows(&data, d, 20);
        let by_columns = Samples::Dense(MatrixView::new(&columns, n, d, 1, n).unwrap());
        check("column by column", by_columns, &init, None);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for (d, k) in [(12, 40), (12, 900)] {
        let data: Vec<f32> = blobs(20_000, d, 40, 4);
        let init = some_rows(&data, d, k);
        for algorithm in WITH_BOUNDS {
            let alone = fit_with(dense(&data, d), None, &init, algorithm, 1);
            for n_threads in [2, 3, 7] {
                let fitted = fit_with(dense(&data, d), None, &init, algorithm, n_threads);
                assert!(fitted == alone, "{algorithm:?} with {n_threads} threads");
            }
        }
    }
}

#[test]
fn a_fit_stops_when_asked() {
    let data: Vec<f32> = uniform(20_000, 9, 4);
    for algorithm in WITH_BOUNDS {
        let control = Control::new();
        control.cancel();
        let params = Params { n_clusters: 50, max_iter: 9, tol: 0.0, algorithm, n_threads: 2 };
        let (mut labels, init) = (vec![0; 20_000], some_rows(&data, 9, 50));
        let stopped = fit(dense(&data, 9), None, init, &params, &mut labels, &control, None);
        assert_eq!(stopped.unwrap_err(), LearnError::Cancelled);
    }
}
