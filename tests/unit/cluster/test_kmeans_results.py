"""KMeans finds what scikit-learn's finds, from the same initial centres."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans as Reference
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances

from ferrule.cluster import KMeans

ALGORITHMS = ["auto", "lloyd", "elkan", "hamerly", "spatial"]
CONTAINERS = {"dense": np.asarray, "csr_array": sp.csr_array, "csr_matrix": sp.csr_matrix}


def inertia_in_float64(X, centers, labels, weights=None):
    dense = X.toarray() if sp.issparse(X) else X
    difference = dense.astype(np.float64) - centers.astype(np.float64)[labels]
    return np.average(np.square(difference).sum(axis=1), weights=weights) * (
        len(dense) if weights is None else np.sum(weights, dtype=np.float64)
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_four_weighted_points_give_the_result_computed_by_hand(dtype, container, algorithm):
    X = container(np.array([[0, 0], [0.5, 0], [0.5, 1], [1, 1]], dtype=dtype))
    model = KMeans(2, init=[[0, 0], [1, 1]], algorithm=algorithm).fit(X, sample_weight=[3, 1, 1, 3])
    assert model.labels_.tolist() == [0, 0, 1, 1]
    assert model.labels_.dtype == np.int32
    np.testing.assert_allclose(model.cluster_centers_, [[0.125, 0], [0.875, 1]])
    assert model.cluster_centers_.dtype == dtype
    assert model.inertia_ == pytest.approx(0.375)
    assert model.n_iter_ == 2


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n_rows", "n_features", "n_clusters"),
    [(1, 1, 1), (7, 3, 7), (2000, 1, 5), (5000, 2, 3), (3000, 3, 40), (2000, 8, 17),
     (2000, 9, 16), (1500, 33, 65), (300, 200, 10)],
)  # fmt: skip
def test_after_equal_iterations_the_inertia_is_scikit_learns(
    n_rows, n_features, n_clusters, dtype, algorithm, weighted
):
    rng = np.random.default_rng(n_rows + n_features)
    X = rng.normal(3.0, size=(n_rows, n_features)).astype(dtype)
    init = X[rng.choice(n_rows, n_clusters, replace=False)]
    weights = rng.uniform(0.1, 4.0, n_rows) if weighted else None
    options = {"n_clusters": n_clusters, "init": init, "n_init": 1, "max_iter": 7, "tol": 0}
    ours = KMeans(algorithm="lloyd" if n_clusters == 1 else algorithm, **options)
    ours.fit(X, sample_weight=weights)
    theirs = Reference(**options).fit(X, sample_weight=weights)
    # With a sample a centre, whether it has moved at all is a question of rounding.
    assert ours.n_iter_ == theirs.n_iter_ or n_clusters == n_rows
    of_ours = inertia_in_float64(X, ours.cluster_centers_, ours.labels_, weights)
    of_theirs = inertia_in_float64(X, theirs.cluster_centers_, theirs.labels_, weights)
    assert of_ours == pytest.approx(of_theirs, rel=1e-6, abs=1e-9)
    assert ours.inertia_ == pytest.approx(
        of_ours, rel=1e-4 if dtype == np.float32 else 1e-9, abs=1e-9
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_sparse_data_gives_what_its_dense_form_and_scikit_learn_give(dtype, weighted, algorithm):
    rng = np.random.default_rng(5)
    X = sp.random_array((800, 40), density=0.2, format="csr", rng=rng, dtype=np.float64)
    X = X.astype(dtype)
    weights = rng.uniform(0.1, 4.0, 800) if weighted else None
    options = {"n_clusters": 6, "init": X[:6].toarray(), "n_init": 1, "max_iter": 9, "tol": 0}
    sparse = KMeans(algorithm=algorithm, **options).fit(X, sample_weight=weights)
    dense = KMeans(algorithm=algorithm, **options).fit(X.toarray(), sample_weight=weights)
    theirs = Reference(**options).fit(X, sample_weight=weights)
    assert np.array_equal(sparse.labels_, dense.labels_)
    np.testing.assert_allclose(
        sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-4, atol=1e-6
    )
    found, wanted = (
        inertia_in_float64(X, model.cluster_centers_, model.labels_, weights)
        for model in (sparse, theirs)
    )
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-8, 0])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_convergence_is_declared_where_scikit_learn_declares_it(algorithm, tol):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(3000, 4)) + 6 * rng.integers(3, size=(3000, 1))
    options = {"n_clusters": 5, "init": X[:5], "n_init": 1, "tol": tol}
    ours = KMeans(algorithm=algorithm, **options).fit(X)
    theirs = Reference(**options).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert np.array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9)


@pytest.mark.parametrize("algorithm", ["lloyd", "elkan", "hamerly", "spatial"])
@pytest.mark.parametrize("tol", [1e-2, 1e-8, 0])
def test_every_algorithm_gives_lloyds_model(algorithm, tol):
    X = np.random.default_rng(3).normal(size=(4000, 3)).clip(0)
    options = {"n_clusters": 6, "random_state": 3, "init": "random", "n_init": 1, "tol": tol}
    ours = KMeans(algorithm=algorithm, **options).fit(X)
    lloyd = KMeans(algorithm="lloyd", **options).fit(X)
    assert ours.n_iter_ == lloyd.n_iter_
    assert np.array_equal(ours.labels_, lloyd.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, lloyd.cluster_centers_)
    assert ours.inertia_ == pytest.approx(lloyd.inertia_, rel=1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_one_iteration_is_assign_move_assign(container, algorithm):
    X = np.random.default_rng(0).uniform(size=(100, 5))
    labels = pairwise_distances(X, X[:5]).argmin(axis=1)
    moved = np.array([X[labels == label].mean(axis=0) for label in range(5)])
    model = KMeans(5, init=X[:5], max_iter=1, algorithm=algorithm).fit(container(X))
    np.testing.assert_allclose(model.cluster_centers_, moved)
    assert np.array_equal(model.labels_, pairwise_distances(X, moved).argmin(axis=1))
    assert model.n_iter_ == 1


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_empty_cluster_takes_the_farthest_sample(algorithm, container):
    X = container(np.array([[0, 0], [0.5, 0], [0.5, 1], [1, 1]]))
    model = KMeans(2, init=[[0.5, 0.5], [3, 3]], algorithm=algorithm).fit(X)
    assert model.n_iter_ == 3
    assert model.inertia_ == pytest.approx(0.25)
    assert sorted(model.cluster_centers_.tolist()) == [[0.25, 0], [0.75, 1]]


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_empty_cluster_is_relocated_under_weights(algorithm, container):
    X = container(np.array([[-1.0], [1.0]]))
    model = KMeans(2, init=[[-1], [10]], algorithm=algorithm).fit(X, sample_weight=[1.9, 0.1])
    np.testing.assert_allclose(model.cluster_centers_, [[-1], [1]])
    assert set(model.labels_) == {0, 1}


@pytest.mark.parametrize("n_features", [1, 2, 5, 12])
def test_many_relocations_end_where_scikit_learns_do(n_features):
    rng = np.random.default_rng(n_features)
    X = rng.normal(size=(500, n_features))
    init = np.repeat(X[:1], 20, axis=0)
    options = {"n_clusters": 20, "init": init, "n_init": 1, "tol": 0}
    ours, theirs = KMeans(**options).fit(X), Reference(**options).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_more_centers_than_distinct_samples_stops_at_once_with_a_warning(algorithm, container):
    X = np.array([[0, 0], [1, 1], [1, 1], [1, 0], [0, 1]])
    model = KMeans(5, init=X, algorithm=algorithm)
    with pytest.warns(
        ConvergenceWarning, match=r"clusters \(4\) found smaller than n_clusters \(5"
    ):
        model.fit(container(X))
    assert model.n_iter_ == 1


def test_fewer_distinct_samples_than_clusters_warns_and_labels_the_distinct_ones():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 0]])
    model = KMeans(4, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"Number of distinct clusters \(3\)"):
        model.fit(X)
    assert len(set(model.labels_)) == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_zero_tolerance_still_converges(algorithm):
    X = np.random.default_rng(1).normal(size=(5000, 10))
    assert KMeans(5, random_state=1, tol=0, algorithm=algorithm).fit(X).n_iter_ < 300


def test_a_local_optimum_is_a_fixed_point(blobs):
    X, _ = blobs
    first = KMeans(3, random_state=0).fit(X)
    again = KMeans(3, init=first.cluster_centers_).fit(X)
    np.testing.assert_allclose(first.cluster_centers_, again.cluster_centers_)


def test_an_integer_weight_is_a_repetition(blobs, centers):
    X, _ = blobs
    weights = np.random.default_rng(0).integers(1, 5, len(X))
    weighted = KMeans(3, init=centers).fit(X, sample_weight=weights)
    repeated = KMeans(3, init=centers).fit(np.repeat(X, weights, axis=0))
    assert np.array_equal(np.repeat(weighted.labels_, weights), repeated.labels_)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_)
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_)


def test_samples_of_weight_zero_do_not_move_centers(centers, blobs):
    X, _ = blobs
    weights = np.ones(len(X))
    weights[::3] = 0
    some = KMeans(3, init=centers).fit(X, sample_weight=weights)
    kept = KMeans(3, init=centers).fit(X[weights > 0])
    np.testing.assert_allclose(some.cluster_centers_, kept.cluster_centers_)
    assert some.inertia_ == pytest.approx(kept.inertia_)


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_unit_weights_are_no_weights_and_scale_does_not_matter(blobs, container):
    X, _ = blobs
    model = KMeans(3, random_state=0)
    plain = model.fit(container(X)).labels_
    assert np.array_equal(model.fit(container(X), sample_weight=np.ones(len(X))).labels_, plain)
    weights = np.random.default_rng(0).uniform(size=len(X))
    whole = model.fit(container(X), sample_weight=weights).labels_
    assert np.array_equal(model.fit(container(X), sample_weight=0.5 * weights).labels_, whole)


def test_single_and_double_precision_agree(blobs):
    X, _ = blobs
    double, single = (KMeans(3, random_state=0).fit(X.astype(t)) for t in (np.float64, np.float32))
    assert np.array_equal(double.labels_, single.labels_)
    np.testing.assert_allclose(
        single.cluster_centers_, double.cluster_centers_, rtol=1e-4, atol=1e-4
    )
    assert single.inertia_ == pytest.approx(double.inertia_, rel=1e-4)


def test_data_far_from_the_origin_loses_no_clusters():
    rng = np.random.default_rng(2)
    for n_features in (2, 20):
        X = rng.normal(size=(400, n_features)) + 8 * rng.integers(2, size=(400, 1))
        near = KMeans(2, init=X[:2]).fit(X)
        far = KMeans(2, init=X[:2] + 1e6).fit(X + 1e6)
        assert np.array_equal(near.labels_, far.labels_)
        assert far.inertia_ == pytest.approx(near.inertia_, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_iter", [2, 100])
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_labels_are_what_predict_says(container, max_iter, dtype):
    rng = np.random.default_rng(0)
    X = container((rng.normal(size=(200, 10)) + 5 * rng.integers(4, size=(200, 1))).astype(dtype))
    model = KMeans(10, init="random", n_init=3, max_iter=max_iter, random_state=0)
    labels = model.fit_predict(X)
    assert np.array_equal(labels, model.labels_)
    assert np.array_equal(labels, model.predict(X))
    assert np.array_equal(model.predict(model.cluster_centers_), np.arange(10))


def test_transform_gives_distances_and_fit_transform_the_same(blobs):
    X, _ = blobs
    model = KMeans(3, random_state=0)
    distances = model.fit_transform(X)
    np.testing.assert_allclose(distances, pairwise_distances(X, model.cluster_centers_))
    assert np.array_equal(distances, model.transform(X))
    between = model.transform(model.cluster_centers_)
    assert np.array_equal(np.diag(between), np.zeros(3))


def test_score_is_minus_the_inertia(blobs):
    X, _ = blobs
    weights = np.random.default_rng(0).uniform(size=len(X))
    model = KMeans(3, random_state=0).fit(X, sample_weight=weights)
    assert model.score(X, sample_weight=weights) == pytest.approx(-model.inertia_)
    assert model.score(X) == pytest.approx(
        -inertia_in_float64(X, model.cluster_centers_, model.labels_)
    )


@pytest.mark.parametrize("n_features", [2, 20])
def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch, n_features):
    X = np.random.default_rng(4).normal(size=(60_000, n_features))  # enough for several threads
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("FERRULE_NUM_THREADS", threads)
        results.append(KMeans(40, random_state=0, max_iter=5).fit(X))
    first = results[0]
    for other in results[1:]:
        assert np.array_equal(first.cluster_centers_, other.cluster_centers_)
        assert np.array_equal(first.labels_, other.labels_)
        assert first.inertia_ == other.inertia_


def test_more_iterations_and_more_runs_are_no_worse(blobs):
    X = np.random.default_rng(0).normal(size=(100, 10))
    scores = [KMeans(random_state=0, max_iter=n, tol=0).fit(X).score(X) for n in (1, 10)]
    assert scores[1] > scores[0]
    inertias = [
        KMeans(3, init="random", n_init=n, random_state=0, max_iter=1).fit(X).inertia_
        for n in (1, 5, 10)
    ]
    assert inertias == sorted(inertias, reverse=True)
