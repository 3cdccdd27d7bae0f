//! What the spatial algorithm promises: the plain algorithm's answers, sooner.

mod common;

use common::{blobs, dense, fit_with, uniform};
use ferrule_learn::kmeans::{Algorithm, Rng, predict, random_rows};
use ferrule_tensor::{Control, Float};

/// The rows of `data` that `random_rows` draws, as initial centres.
fn some_rows<T: Float>(data: &[T], d: usize, k: usize) -> Vec<T> {
    let rows = random_rows::<T>(data.len() / d, None, k, 17).unwrap();
    rows.iter().flat_map(|&row| data[row * d..][..d].to_vec()).collect()
}

/// Fits and holds the outcome to the plain algorithm.
fn check<T: Float>(name: &str, data: &[T], d: usize, k: usize, weights: Option<&[T]>) {
    let (x, init) = (dense(data, d), some_rows(data, d, k));
    let name = format!("{name}, d = {d}, k = {k}, {}", T::NAME);
    let (fitted, labels) = fit_with(x, weights, &init, Algorithm::Spatial, 2);
    let mut expected = vec![0; labels.len()];
    let control = Control::new();
    predict(x, &fitted.centers, &mut expected, weights, 1, &control).unwrap();
    assert!(labels == expected, "{name}: labels are those of the nearest centre");
    let (plain, plain_labels) = fit_with(x, weights, &init, Algorithm::Lloyd, 1);
    if fitted.n_iter == plain.n_iter {
        let error = (fitted.inertia - plain.inertia).abs();
        assert!(error <= 1e-5 * plain.inertia.abs() + 1e-30, "{name}: {error}");
    }
    if T::NAME == "float64" {
        assert_eq!(fitted.n_iter, plain.n_iter, "{name}");
        assert!(labels == plain_labels, "{name}: the plain algorithm's labels");
    }
}

fn check_both_types(name: &str, data: &[f64], d: usize, k: usize) {
    let weights: Vec<f64> = (0..data.len() / d).map(|row| (row % 4) as f64 * 0.5).collect();
    let single: Vec<f32> = data.iter().map(|&value| value as f32).collect();
    let single_weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
    check(name, data, d, k, None);
    check(name, data, d, k, Some(&weights));
    check(name, &single, d, k, None);
    check(name, &single, d, k, Some(&single_weights));
}

#[test]
fn labels_are_the_plain_algorithms_in_every_dimension() {
    for d in 1..=8 {
        check_both_types("uniform", &uniform(5_000, d, d as u64), d, 40);
        check_both_types("blobs", &blobs(5_000, d, 10, d as u64), d, 25);
    }
}

#[test]
fn labels_are_right_for_any_number_of_clusters() {
    for k in [1, 2, 3, 17, 300, 700] {
        check_both_types("uniform", &uniform(700, 2, 3), 2, k);
    }
    check_both_types("many rows", &blobs(40_000, 3, 50, 3), 3, 200);
}

#[test]
fn odd_data_is_labelled_right() {
    check_both_types("all rows equal", &[0.25; 3 * 500], 3, 6);
    let steps: Vec<f64> = (0..2 * 3000).map(|i| (i * 7919 % 5) as f64).collect();
    check_both_types("few distinct rows", &steps, 2, 9);
    let line: Vec<f64> = (0..2000).flat_map(|i| [i as f64, 2.0 * i as f64, -i as f64]).collect();
    check_both_types("collinear", &line, 3, 30);
    let mut outlier: Vec<f64> = blobs(4000, 3, 8, 5);
    outlier[3000] = 1e15;
    outlier[3001] = -1e12;
    check_both_types("one huge outlier", &outlier, 3, 20);
    let tiny: Vec<f64> = uniform(2000, 2, 1).iter().map(|value: &f64| value * 1e-40).collect();
    check_both_types("squares that underflow", &tiny, 2, 10);
    let mut rng = Rng::new(2);
    let tail: Vec<f64> = (0..2 * 4000).map(|_| 1.0 / (rng.uniform() + 1e-4).powi(2)).collect();
    check_both_types("heavy tails", &tail, 2, 50);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let data: Vec<f32> = blobs(60_000, 3, 40, 4);
    let init = some_rows(&data, 3, 150);
    let alone = fit_with(dense(&data, 3), None, &init, Algorithm::Spatial, 1);
    for n_threads in [2, 3, 7] {
        let fitted = fit_with(dense(&data, 3), None, &init, Algorithm::Spatial, n_threads);
        assert_eq!(fitted, alone);
    }
}

#[test]
fn a_fit_stops_when_asked() {
    use ferrule_learn::LearnError;
    use ferrule_learn::kmeans::{Params, fit};
    let data: Vec<f32> = uniform(20_000, 3, 4);
    let control = Control::new();
    control.cancel();
    let algorithm = Algorithm::Spatial;
    let params = Params { n_clusters: 50, max_iter: 9, tol: 0.0, algorithm, n_threads: 2 };
    let mut labels = vec![0; 20_000];
    let init = some_rows(&data, 3, 50);
    let stopped = fit(dense(&data, 3), None, init, &params, &mut labels, &control, None);
    assert_eq!(stopped.unwrap_err(), LearnError::Cancelled);
}
