//! Data sets and helpers that the tests share.
#![allow(dead_code, reason = "each test file uses some of it")]

use ferrule_learn::kmeans::{Algorithm, CsrView, Fit, Indptr, Params, Rng, Samples, fit};
use ferrule_tensor::{Control, Float, MatrixView};

/// `n` × `d` uniform on the unit cube.
pub(crate) fn uniform<T: Float>(n: usize, d: usize, seed: u64) -> Vec<T> {
    let mut rng = Rng::new(seed);
    (0..n * d).map(|_| T::from_f64(rng.uniform())).collect()
}

/// `n` × `d` in `groups` round heaps of radius about 0.05 in the unit cube.
pub(crate) fn blobs<T: Float>(n: usize, d: usize, groups: usize, seed: u64) -> Vec<T> {
    let mut rng = Rng::new(seed);
    let middles: Vec<f64> = (0..groups * d).map(|_| rng.uniform()).collect();
    let mut noise = || (0..4).map(|_| rng.uniform() - 0.5).sum::<f64>() * 0.1;
    (0..n * d).map(|i| T::from_f64(middles[(i / d % groups) * d + i % d] + noise())).collect()
}

/// A row-major view.
pub(crate) fn dense<T: Float>(data: &[T], d: usize) -> Samples<'_, T> {
    Samples::Dense(MatrixView::contiguous(data, data.len() / d, d).unwrap())
}

/// A sparse matrix that owns its arrays.
pub(crate) struct Csr<T> {
    pub(crate) data: Vec<T>,
    pub(crate) indices: Vec<i32>,
    pub(crate) indptr: Vec<i64>,
    pub(crate) cols: usize,
}

impl<T: Float> Csr<T> {
    /// The values of a row-major matrix that are not 0.
    pub(crate) fn of(dense: &[T], cols: usize) -> Self {
        let mut csr = Self { data: vec![], indices: vec![], indptr: vec![0], cols };
        for row in dense.chunks_exact(cols) {
            for (col, &value) in row.iter().enumerate().filter(|(_, value)| **value != T::ZERO) {
                csr.data.push(value);
                csr.indices.push(col as i32);
            }
            csr.indptr.push(csr.data.len() as i64);
        }
        csr
    }

    pub(crate) fn view(&self) -> Samples<'_, T> {
        let indptr = Indptr::I64(&self.indptr);
        Samples::Csr(CsrView::new(&self.data, &self.indices, indptr, self.cols).unwrap())
    }
}

/// Fits with the algorithm given; returns the fit and the labels.
pub(crate) fn fit_with<T: Float>(
    x: Samples<T>,
    weights: Option<&[T]>,
    init: &[T],
    algorithm: Algorithm,
    n_threads: usize,
) -> (Fit<T>, Vec<i32>) {
    let n_clusters = init.len() / x.cols();
    let params = Params { n_clusters, max_iter: 30, tol: 0.0, algorithm, n_threads };
    let mut labels = vec![7; x.rows()];
    let control = Control::new();
    let fitted = fit(x, weights, init.to_vec(), &params, &mut labels, &control, None).unwrap();
    (fitted, labels)
}
