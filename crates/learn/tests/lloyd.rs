//! Lloyd's algorithm, held to a plain loop in double precision and to itself.

mod common;

use common::{blobs, dense, fit_with, uniform};
use ferrule_learn::kmeans::{Algorithm, Samples, predict};
use ferrule_tensor::{Control, MatrixView};

/// One iteration: the means of the nearest rows.
fn plain_iteration(data: &[f64], centers: &[f64], d: usize) -> Vec<f64> {
    let k = centers.len() / d;
    let (mut sums, mut counts) = (vec![0.0; k * d], vec![0.0; k]);
    for row in data.chunks(d) {
        let distance = |c: usize| -> f64 {
            row.iter().zip(&centers[c * d..]).map(|(x, c)| (x - c).powi(2)).sum()
        };
        let nearest = (0..k).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap();
        counts[nearest] += 1.0;
        row.iter().zip(&mut sums[nearest * d..]).for_each(|(x, sum)| *sum += x);
    }
    (0..k * d).map(|i| sums[i] / counts[i / d]).collect()
}

/// Shapes whose sums are fused (lane by lane, row by row) and kept running.
const SHAPES: [(usize, usize, usize); 4] =
    [(5000, 2, 3), (5000, 3, 20), (6000, 12, 9), (500, 40, 30)];

#[test]
fn a_converged_fit_is_a_fixed_point_whose_labels_predict_gives() {
    let mut converged = 0;
    for (n, d, k) in SHAPES {
        let data = blobs::<f64>(n, d, k, 3);
        let (fitted, labels) = fit_with(dense(&data, d), None, &data[..k * d], Algorithm::Lloyd, 2);
        if fitted.strict_convergence {
            converged += 1;
            let next = plain_iteration(&data, &fitted.centers, d);
            for (a, b) in next.iter().zip(&fitted.centers) {
                assert!((a - b).abs() < 1e-12, "{n} {d} {k}: {a} {b}");
            }
        }
        let mut predicted = vec![-1; n];
        let x = dense(&data, d);
        let inertia = predict(x, &fitted.centers, &mut predicted, None, 1, &Control::new());
        assert_eq!(predicted, labels);
        let inertia = inertia.unwrap();
        assert!((inertia - fitted.inertia).abs() <= 1e-12 * inertia, "{n} {d} {k}");
    }
    assert!(converged > 0, "no shape converged");
}

#[test]
fn threads_and_layout_change_no_bit() {
    for (n, d, k) in SHAPES {
        let data = uniform::<f32>(n, d, 4);
        let columns: Vec<f32> = (0..n * d).map(|i| data[i % n * d + i / n]).collect();
        let by_column = Samples::Dense(MatrixView::new(&columns, n, d, 1, n).unwrap());
        let expected = fit_with(dense(&data, d), None, &data[..k * d], Algorithm::Lloyd, 1);
        for (x, n_threads) in [(dense(&data, d), 2), (dense(&data, d), 3), (by_column, 2)] {
            let got = fit_with(x, None, &data[..k * d], Algorithm::Lloyd, n_threads);
            assert_eq!(got, expected, "{n} {d} {k} on {n_threads} threads");
        }
    }
}

#[test]
fn a_weight_is_as_many_copies() {
    for (n, d, k) in SHAPES {
        let data = uniform::<f64>(n, d, 5);
        let weights: Vec<f64> = (0..n).map(|i| (i % 3) as f64).collect();
        let copies: Vec<f64> = (0..n).flat_map(|i| data[i * d..][..d].repeat(i % 3)).collect();
        let init = &data[d..][..k * d];
        let (one, _) = fit_with(dense(&data, d), Some(&weights), init, Algorithm::Lloyd, 2);
        let (other, _) = fit_with(dense(&copies, d), None, init, Algorithm::Lloyd, 2);
        assert!((one.inertia - other.inertia).abs() < 1e-9 * one.inertia, "{n} {d} {k}");
        for (a, b) in one.centers.iter().zip(&other.centers) {
            assert!((a - b).abs() < 1e-9, "{n} {d} {k}: {a} {b}");
        }
    }
}
