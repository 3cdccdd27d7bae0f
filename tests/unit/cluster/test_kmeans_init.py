"""Where the centres start."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ferrule._validation import as_random_source, as_samples, as_weights
from ferrule.cluster import KMeans, kmeans_plusplus
from ferrule.cluster._initial_centers import Initializer
from ferrule.errors import InvalidArgumentError


def is_row_of(X, centers):
    return all((center == X).all(axis=1).any() for center in centers)


def perfect(model, truth):
    return len({(a, b) for a, b in zip(truth, model.labels_, strict=True)}) == 3


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("init", ["random", "k-means++", "array", "callable"])
def test_every_init_finds_the_clusters(blobs, centers, init, container):
    X, truth = blobs
    given = {"array": centers, "callable": lambda X, k, random_state: centers}.get(init, init)
    model = KMeans(3, init=given, n_init=10 if isinstance(given, str) else 1, random_state=42)
    assert perfect(model.fit(container(X)), truth)


@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_one_seed_gives_one_model_and_other_seeds_others(blobs, init):
    X, _ = blobs
    models = [KMeans(5, init=init, max_iter=1, random_state=s).fit(X) for s in (7, 7, 8)]
    assert np.array_equal(models[0].cluster_centers_, models[1].cluster_centers_)
    assert not np.array_equal(models[0].cluster_centers_, models[2].cluster_centers_)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_random_source_is_advanced_by_each_fit(blobs, make):
    X, _ = blobs
    first, again, source = make(0), make(0), make(0)
    fit = lambda s: KMeans(6, init="random", n_init=1, max_iter=1, random_state=s).fit(X)  # noqa: E731
    assert np.array_equal(fit(first).cluster_centers_, fit(again).cluster_centers_)
    assert not np.array_equal(fit(source).cluster_centers_, fit(source).cluster_centers_)


def test_numpys_global_seed_rules_where_there_is_no_random_state(blobs):
    X, _ = blobs
    results = []
    for _ in range(2):
        np.random.seed(3)  # noqa: NPY002 -- the point of this test
        results.append(KMeans(6, init="random", n_init=1, max_iter=1).fit(X).cluster_centers_)
    assert np.array_equal(*results)


def first_centers(X, init, n_clusters, seed, weights=None):
    """The centres before the first iteration, which an estimator shows only in what they become."""
    samples = as_samples(X, "KMeans")
    initializer = Initializer("KMeans", init, n_clusters, as_random_source(seed), samples.dtype)
    return initializer.centers(samples, as_weights(weights, samples.n_rows, samples.dtype))


@pytest.mark.parametrize("init", ["random", "k-means++"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_of_weight_zero_are_never_chosen(init, dtype):
    X = np.random.default_rng(0).normal(size=(100, 5)).astype(dtype)
    weights = np.where(np.arange(100) % 2, 1.0, 0.0)
    starts = [first_centers(X, init, 10, seed, weights) for seed in range(20)]
    assert all(is_row_of(X[1::2], start) for start in starts)


def test_random_rows_are_distinct_and_each_equally_likely():
    X = np.arange(5.0)[:, None]
    drawn = [first_centers(X, "random", 3, seed).ravel() for seed in range(3000)]
    assert all(len(set(rows)) == 3 for rows in drawn)
    share = np.bincount(np.concatenate(drawn).astype(int)) / len(drawn)
    np.testing.assert_allclose(share, 3 / 5, atol=0.04)  # 4.5 standard deviations
    first = np.bincount([int(rows[0]) for rows in drawn]) / len(drawn)
    np.testing.assert_allclose(first, 1 / 5, atol=0.035)


def test_heavier_samples_are_chosen_more_often():
    X = np.arange(4.0)[:, None]
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    for init in ("random", "k-means++"):
        drawn = [first_centers(X, init, 1, seed, weights).item() for seed in range(3000)]
        share = np.bincount(np.array(drawn, dtype=int), minlength=4) / len(drawn)
        np.testing.assert_allclose(share, weights / 10, atol=0.04)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, sp.csr_array])
def test_plus_plus_takes_distinct_rows_and_says_which(layout, dtype):
    X = np.random.default_rng(1).normal(size=(200, 6)).astype(dtype)
    centers, indices = kmeans_plusplus(layout(X), 12, random_state=5)
    assert centers.dtype == dtype
    assert np.array_equal(centers, X[indices])
    assert len(set(indices)) == 12
    assert np.array_equal(indices, kmeans_plusplus(X, 12, random_state=5)[1])
    weights = np.where(np.arange(200) % 2, 2.5, 0.0)
    assert all(kmeans_plusplus(X, 12, sample_weight=weights)[1] % 2)


def test_plus_plus_gains_by_more_trials():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)) * 0.05 + rng.integers(30, size=(2000, 1)) * [[1.0, 0.7]]

    def mean_inertia(n_local_trials):
        starts = [
            kmeans_plusplus(X, 30, random_state=seed, n_local_trials=n_local_trials)[0]
            for seed in range(20)
        ]
        return np.mean([((X[:, None] - s) ** 2).sum(axis=2).min(axis=1).sum() for s in starts])

    assert mean_inertia(5) < 0.8 * mean_inertia(1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"n_clusters": 0}, "n_clusters is 0; expected an int of at least 1"),
        ({"n_clusters": 2, "n_local_trials": 0}, "n_local_trials is 0; expected an int"),
        ({"n_clusters": 10}, "n_samples=9 should be >= n_clusters=10"),
        ({"n_clusters": 2, "sample_weight": [1.0]}, "sample_weight.shape"),
    ],
)
def test_plus_plus_refuses_in_words(arguments, text):
    with pytest.raises(InvalidArgumentError, match=text):
        kmeans_plusplus(np.eye(9), **arguments)


def test_plus_plus_starts_better_than_random_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)) * 0.05 + rng.integers(30, size=(2000, 1)) * [[1.0, 0.7]]

    def mean_inertia(init):
        starts = [first_centers(X, init, 30, seed) for seed in range(10)]
        distances = [((X[:, None] - start) ** 2).sum(axis=2).min(axis=1).sum() for start in starts]
        return np.mean(distances)

    assert mean_inertia("k-means++") < 0.3 * mean_inertia("random")


@pytest.mark.parametrize(
    ("init", "runs"), [("k-means++", 1), ("random", 10), ("callable", 10), ("array", 1)]
)
def test_n_init_auto_is_ten_where_chance_rules(blobs, centers, init, runs):
    X, _ = blobs
    begun = []

    def make(X, n_clusters, random_state):
        return X[random_state.choice(len(X), n_clusters)]

    def count(iteration, inertia, squared_shift):
        begun.append(iteration == 1)

    given = {"array": centers, "callable": make}.get(init, init)
    KMeans(3, init=given, random_state=0, callback=count).fit(X)
    assert sum(begun) == runs


def test_a_callable_sees_the_data_the_count_and_the_source(blobs):
    X, _ = blobs
    seen = []

    def make(data, n_clusters, random_state):
        seen.append((data, n_clusters, random_state))
        return data[:n_clusters].tolist()

    source = np.random.RandomState(0)
    KMeans(4, init=make, n_init=2, random_state=source).fit(X)
    assert len(seen) == 2
    assert np.shares_memory(seen[0][0], X)
    assert seen[0][1] == 4
    assert seen[0][2] is source


def test_initial_centers_may_be_a_list_a_frame_or_a_numpy_string(blobs, centers):
    X, _ = blobs
    wanted = KMeans(3, init=centers).fit(X).cluster_centers_
    for form in (centers.tolist(), pd.DataFrame(centers), np.asfortranarray(centers)):
        assert np.array_equal(KMeans(3, init=form).fit(X).cluster_centers_, wanted)
    KMeans(3, init=np.str_("k-means++")).fit(X)


def test_an_array_and_several_runs_make_one_run_and_a_warning(blobs, centers):
    X, _ = blobs
    text = "Explicit initial center position passed: performing only one init in KMeans instead of"
    with pytest.warns(RuntimeWarning, match=text) as caught:
        KMeans(3, init=centers, n_init=10).fit(X)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KMeans(3, init=centers, n_init=1).fit(X)


def test_elkan_for_one_cluster_warns(blobs):
    with pytest.warns(RuntimeWarning, match="'elkan' doesn't make sense for a single cluster"):
        KMeans(1, algorithm="elkan").fit(blobs[0])


@pytest.mark.parametrize("as_callable", [False, True], ids=["array", "callable"])
@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((2, 5), r"initial centers \(2, 5\) does not match the number of clusters 8"),
        ((8, 2), r"initial centers \(8, 2\) does not match the number of features of the data 5"),
    ],
)
def test_initial_centers_of_another_shape_are_refused(blobs, shape, text, as_callable):
    X, _ = blobs
    init = np.zeros(shape)
    given = (lambda X, n_clusters, random_state: init) if as_callable else init
    with pytest.raises(InvalidArgumentError, match=text):
        KMeans(8, init=given, n_init=1).fit(X)


def test_initial_centers_that_are_not_finite_are_refused(blobs, centers):
    centers[1, 1] = np.nan
    with pytest.raises(InvalidArgumentError, match="initial centers contain NaN or infinity"):
        KMeans(3, init=centers).fit(blobs[0])


def test_fewer_weighted_samples_than_clusters_are_refused_by_random_rows(blobs):
    weights = np.zeros(100)
    weights[:2] = 1
    with pytest.raises(InvalidArgumentError, match="n_clusters"):
        KMeans(3, init="random").fit(blobs[0], sample_weight=weights)
