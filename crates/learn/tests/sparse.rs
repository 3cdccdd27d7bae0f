//! Sparse samples give what the same samples give dense.

mod common;

use common::{Csr, blobs, dense, fit_with, uniform};
use ferrule_learn::kmeans::{Algorithm, CsrView, Indptr, Samples, predict, random_rows, transform};
use ferrule_tensor::Control;

/// `n` × `d` with about a third of the values stored, in groups.
fn holes(n: usize, d: usize) -> Vec<f64> {
    let mut data: Vec<f64> = blobs(n, d, 6, 3);
    let keep: Vec<f64> = uniform(n, d, 4);
    data.iter_mut().zip(keep).filter(|(_, keep)| *keep > 0.35).for_each(|(value, _)| *value = 0.0);
    data
}

#[test]
fn fits_agree_with_dense_ones() {
    let (n, d, k) = (2000, 30, 12);
    let data = holes(n, d);
    let csr = Csr::of(&data, d);
    let weights: Vec<f64> = (0..n).map(|row| (row % 5) as f64).collect();
    let rows = random_rows::<f64>(n, None, k, 1).unwrap();
    let init: Vec<f64> = rows.iter().flat_map(|&row| data[row * d..][..d].to_vec()).collect();
    for weights in [None, Some(&weights[..])] {
        let (expected, labels) = fit_with(dense(&data, d), weights, &init, Algorithm::Lloyd, 1);
        for n_threads in [1, 2, 3, 7] {
            let (fitted, own) = fit_with(csr.view(), weights, &init, Algorithm::Auto, n_threads);
            assert_eq!((fitted.n_iter, &own), (expected.n_iter, &labels));
            assert!((fitted.inertia / expected.inertia - 1.0).abs() < 1e-9);
            let pairs = fitted.centers.iter().zip(&expected.centers);
            assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
}

#[test]
fn predictions_and_distances_agree_with_dense_ones() {
    let (n, d) = (500, 40);
    let data = holes(n, d);
    let csr = Csr::of(&data, d);
    let centers: Vec<f64> = uniform(9, d, 2);
    let control = Control::new();
    let (mut labels, mut own_labels) = (vec![0; n], vec![0; n]);
    let expected = predict(dense(&data, d), &centers, &mut labels, None, 1, &control).unwrap();
    let inertia = predict(csr.view(), &centers, &mut own_labels, None, 2, &control).unwrap();
    assert_eq!(own_labels, labels);
    assert!((inertia / expected - 1.0).abs() < 1e-12);
    let (mut distances, mut own) = (vec![0.0; n * 9], vec![0.0; n * 9]);
    transform(dense(&data, d), &centers, &mut distances, 1, &control).unwrap();
    transform(csr.view(), &centers, &mut own, 2, &control).unwrap();
    assert!(own.iter().zip(&distances).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn both_widths_of_offsets_and_empty_rows_are_read() {
    let (data, indices) = ([1.0f32, 2.0, 5.0], [1, 0, 1]);
    let narrow = CsrView::new(&data, &indices, Indptr::I32(&[0, 1, 1, 3]), 2).unwrap();
    let wide = CsrView::new(&data, &indices, Indptr::I64(&[0, 1, 1, 3]), 2).unwrap();
    let control = Control::new();
    for x in [narrow, wide] {
        let mut labels = [9; 3];
        let centers = [0.0, 0.0, 2.0, 5.0];
        let inertia = predict(Samples::Csr(x), &centers, &mut labels, None, 1, &control).unwrap();
        assert_eq!((labels, inertia), ([0, 0, 1], 1.0));
    }
}

#[test]
fn an_empty_cluster_gets_the_farthest_sample() {
    let data = [1.0, 0.0, 1.0, 0.1, 1.0, -0.1, 9.0, 9.0];
    let csr = Csr::of(&data, 2);
    let init = [1.0, 0.0, 500.0, 500.0];
    let (fitted, labels) = fit_with(csr.view(), None, &init, Algorithm::Auto, 2);
    assert_eq!(labels, [0, 0, 0, 1]);
    assert_eq!(&fitted.centers[2..], [9.0, 9.0]);
}
