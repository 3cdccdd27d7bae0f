//! What k-means++ and random initial centres promise.

mod common;

use common::{Csr, blobs, dense, uniform};
use ferrule_learn::LearnError;
use ferrule_learn::kmeans::{Samples, plus_plus, random_rows};
use ferrule_tensor::{Control, Float, MatrixView};

fn rows_of<T: Float>(x: Samples<T>, weights: Option<&[T]>, k: usize, seed: u64) -> Vec<usize> {
    plus_plus(x, weights, k, seed, None, 2, &Control::new()).unwrap().1
}

#[test]
fn each_of_well_separated_groups_gets_one_centre() {
    for d in [1, 3, 20] {
        let groups = 12;
        let mut data: Vec<f64> = uniform(600 * d, 1, 5);
        for (index, value) in data.iter_mut().enumerate() {
            *value += 1000.0 * ((index / d) % groups) as f64;
        }
        let mut found: Vec<_> =
            rows_of(dense(&data, d), None, groups, 3).iter().map(|row| row % groups).collect();
        found.sort_unstable();
        assert_eq!(found, (0..groups).collect::<Vec<_>>(), "d = {d}");
    }
}

#[test]
fn rows_without_weight_are_never_drawn_and_none_twice() {
    let data: Vec<f32> = blobs(3000, 2, 5, 1);
    let weights: Vec<f32> = (0..3000).map(|row| (row % 3 == 0) as u8 as f32).collect();
    let mut rows = rows_of(dense(&data, 2), Some(&weights), 200, 9);
    assert!(rows.iter().all(|row| row % 3 == 0));
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 200);
    let mut rows = random_rows(3000, Some(&weights), 1000, 4).unwrap();
    assert!(rows.iter().all(|row| row % 3 == 0));
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 1000);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for d in [3, 17] {
        let data: Vec<f32> = blobs(20_000, d, 30, 2);
        let rows = |n_threads| {
            plus_plus(dense(&data, d), None, 40, 1, None, n_threads, &Control::new()).unwrap()
        };
        let alone = rows(1);
        for n_threads in [2, 3, 7] {
            assert_eq!(rows(n_threads), alone);
        }
    }
}

#[test]
fn sparse_dense_and_column_major_samples_give_the_same_rows() {
    for d in [4, 25] {
        let mut data: Vec<f64> = uniform(2000, d, 8);
        data.iter_mut().filter(|value| **value < 0.7).for_each(|value| *value = 0.0);
        let columns: Vec<f64> =
            (0..d).flat_map(|col| data.iter().skip(col).step_by(d).copied()).collect();
        let turned = Samples::Dense(MatrixView::new(&columns, 2000, d, 1, 2000).unwrap());
        let expected = rows_of(dense(&data, d), None, 30, 6);
        assert_eq!(rows_of(turned, None, 30, 6), expected);
        assert_eq!(rows_of(Csr::of(&data, d).view(), None, 30, 6), expected);
    }
}

#[test]
fn the_second_row_is_drawn_in_proportion_to_the_squared_distance() {
    // From 0, the rows at 1 and 2 have shares 1 : 4; from 1, 0 and 2 have 1 : 1; from 2, 4 : 1.
    let (data, trials) = ([0.0, 1.0, 2.0], 30_000);
    let mut counts = [[0.0; 3]; 3];
    for seed in 0..trials {
        let x = dense(&data, 1);
        let (_, rows) = plus_plus(x, None, 2, seed, Some(1), 1, &Control::new()).unwrap();
        counts[rows[0]][rows[1]] += 3.0 / trials as f64;
    }
    let expected = [[0.0, 0.2, 0.8], [0.5, 0.0, 0.5], [0.8, 0.2, 0.0]];
    for (got, expected) in counts.iter().flatten().zip(expected.iter().flatten()) {
        assert!((got - expected).abs() < 0.02, "{counts:?}");
    }
}

#[test]
fn duplicates_and_as_many_clusters_as_samples_are_fine() {
    let same = vec![2.5f64; 50 * 3];
    assert_eq!(rows_of(dense(&same, 3), None, 5, 0).len(), 5);
    let data: Vec<f64> = uniform(40, 3, 1);
    let mut rows = rows_of(dense(&data, 3), None, 40, 0);
    rows.sort_unstable();
    assert_eq!(rows, (0..40).collect::<Vec<_>>());
}

#[test]
fn weighted_rows_come_in_proportion_to_their_weights() {
    let weights = [1.0f64, 2.0, 0.0, 5.0];
    let mut first = [0.0; 4];
    for seed in 0..20_000 {
        first[random_rows(4, Some(&weights), 2, seed).unwrap()[0]] += 1.0 / 20_000.0;
    }
    for (got, weight) in first.iter().zip(weights) {
        assert!((got - weight / 8.0).abs() < 0.02, "{first:?}");
    }
}

#[test]
fn impossible_requests_are_refused() {
    let data: Vec<f64> = uniform(4, 2, 1);
    let ask = |k, trials| plus_plus(dense(&data, 2), None, k, 0, trials, 1, &Control::new());
    let too_few = LearnError::TooFewSamples { n_samples: 4, n_clusters: 5 };
    assert_eq!(ask(5, None).unwrap_err(), too_few);
    assert!(matches!(ask(0, None), Err(LearnError::InvalidParameter { name: "n_clusters", .. })));
    assert!(matches!(ask(2, Some(0)), Err(LearnError::InvalidParameter { .. })));
    assert_eq!(random_rows::<f64>(4, None, 5, 0).unwrap_err(), too_few);
    let weights = [0.0, 1.0, 0.0, 0.0];
    assert!(random_rows(4, Some(&weights), 2, 0).is_err());
    let control = Control::new();
    control.cancel();
    let stopped = plus_plus(dense(&data, 2), None, 2, 0, None, 1, &control);
    assert_eq!(stopped.unwrap_err(), LearnError::Cancelled);
}
