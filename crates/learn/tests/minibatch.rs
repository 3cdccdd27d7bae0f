//! What a step of mini-batch K-Means promises.

mod common;

use common::{Csr, blobs, dense, uniform};
use ferrule_learn::LearnError;
use ferrule_learn::kmeans::minibatch::{Reassignment, step};
use ferrule_tensor::Control;

const NEVER: Option<Reassignment> = None;

/// The definition, one sample after another.
fn reference(x: &[f64], d: usize, weights: &[f64], centers: &mut [f64], sums: &mut [f64]) -> f64 {
    let before = centers.to_vec();
    let distance = |row: &[f64], center: &[f64]| -> f64 {
        row.iter().zip(center).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let mut inertia = 0.0;
    for (row, weight) in x.chunks_exact(d).zip(weights) {
        let distances = before.chunks_exact(d).map(|center| distance(row, center));
        let (label, least) =
            distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).expect("at least one centre");
        inertia += weight * least;
        if *weight > 0.0 {
            sums[label] += weight;
            for (c, value) in centers[label * d..].iter_mut().zip(row) {
                *c += (value - *c) * weight / sums[label];
            }
        }
    }
    inertia
}

fn assert_close(got: &[f64], expected: &[f64]) {
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{got} {expected}");
    }
}

#[test]
fn steps_follow_the_definition_for_dense_and_sparse_batches() {
    for (d, k) in [(2, 5), (13, 40)] {
        let init: Vec<f64> = uniform(k, d, 1);
        let (mut centers, mut sums) = (init.clone(), vec![0.0; k]);
        let (mut sparse_centers, mut sparse_sums) = (init.clone(), vec![0.0; k]);
        let (mut expected, mut expected_sums) = (init, vec![0.0; k]);
        for batch in 0..5 {
            let mut x: Vec<f64> = uniform(300, d, 10 + batch);
            x.iter_mut().filter(|value| **value < 0.4).for_each(|value| *value = 0.0);
            let weights: Vec<f64> = (0..300).map(|row| (row % 3) as f64).collect();
            let inertia = reference(&x, d, &weights, &mut expected, &mut expected_sums);
            let (weights, control) = (Some(&weights[..]), Control::new());
            let done = step(dense(&x, d), weights, &mut centers, &mut sums, NEVER, 2, &control);
            assert_close(&[done.unwrap().inertia], &[inertia]);
            let csr = Csr::of(&x, d);
            let (to, sums) = (&mut sparse_centers, &mut sparse_sums);
            let done = step(csr.view(), weights, to, sums, NEVER, 2, &control);
            assert_close(&[done.unwrap().inertia], &[inertia]);
        }
        assert_close(&centers, &expected);
        assert_close(&sparse_centers, &expected);
        assert_close(&sums, &expected_sums);
        assert_close(&sparse_sums, &expected_sums);
    }
}

#[test]
fn light_centres_move_to_different_samples_and_take_the_least_other_weight() {
    let x: Vec<f64> = blobs(100, 2, 1, 3);
    let mut centers: Vec<f64> = [x[0], x[1], 50.0, 50.0, 60.0, 60.0, 70.0, 70.0].to_vec();
    let mut sums = vec![900.0, 8.0, 500.0, 0.0];
    let reassignment = Some(Reassignment { ratio: 0.01, seed: 5 });
    let control = Control::new();
    let done = step(dense(&x, 2), None, &mut centers, &mut sums, reassignment, 1, &control);
    assert_eq!(done.unwrap().n_reassigned, 2);
    assert_eq!(sums, [1000.0, 500.0, 500.0, 500.0]);
    assert_eq!(&centers[4..6], [60.0, 60.0]);
    let is_sample = |center: &[f64]| x.chunks_exact(2).any(|row| row == center);
    assert!(is_sample(&centers[2..4]) && is_sample(&centers[6..8]));
    assert_ne!(centers[2..4], centers[6..8]);
}

#[test]
fn at_most_half_of_the_batch_becomes_centres() {
    let x: Vec<f64> = uniform(10, 1, 3);
    let mut centers: Vec<f64> = (0..30).map(|i| 100.0 * i as f64).collect();
    let mut sums = vec![0.0; 30];
    let reassignment = Some(Reassignment { ratio: 0.5, seed: 5 });
    let control = Control::new();
    let done = step(dense(&x, 1), None, &mut centers, &mut sums, reassignment, 1, &control);
    assert_eq!(done.unwrap().n_reassigned, 5);
    assert!(centers[1..6].iter().all(|center| x.contains(center)));
    assert_eq!(centers[6], 600.0);
}

#[test]
fn what_does_not_fit_is_refused_and_a_stopped_step_changes_nothing() {
    let x: Vec<f32> = uniform(10, 2, 1);
    let (mut centers, mut sums) = (vec![0.5f32; 5], vec![0.0; 2]);
    let control = Control::new();
    let refused = step(dense(&x, 2), None, &mut centers, &mut sums, NEVER, 1, &control);
    assert_eq!(refused, Err(LearnError::Shape { what: "centers", expected: 4, got: 5 }));
    control.cancel();
    centers.truncate(4);
    let stopped = step(dense(&x, 2), None, &mut centers, &mut sums, NEVER, 1, &control);
    assert_eq!(stopped, Err(LearnError::Cancelled));
    assert_eq!((centers, sums), (vec![0.5; 4], vec![0.0; 2]));
}
