//! A fit on data whose answer is known by hand.

use ferrule_learn::kmeans::{Algorithm, Params, Samples, fit, predict};
use ferrule_tensor::{Control, MatrixView};

#[test]
fn two_clear_groups_are_found_and_predict_agrees() {
    let data = [0.0, 0.0, 0.0, 2.0, 10.0, 0.0, 10.0, 2.0];
    let x = Samples::Dense(MatrixView::contiguous(&data, 4, 2).unwrap());
    let params =
        Params { n_clusters: 2, max_iter: 10, tol: 0.0, algorithm: Algorithm::Auto, n_threads: 2 };
    let mut labels = [0; 4];
    let control = Control::new();
    let fitted =
        fit(x, None, vec![0.0, 0.0, 1.0, 0.0], &params, &mut labels, &control, None).unwrap();
    assert_eq!(labels, [0, 0, 1, 1]);
    assert_eq!(fitted.centers, [0.0, 1.0, 10.0, 1.0]);
    assert_eq!((fitted.inertia, fitted.strict_convergence), (4.0, true));
    let mut predicted = [9; 4];
    let inertia = predict(x, &fitted.centers, &mut predicted, None, 1, &control).unwrap();
    assert_eq!((predicted, inertia), (labels, 4.0));
}
