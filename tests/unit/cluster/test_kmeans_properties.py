"""What holds for K-Means whatever the data."""

import doctest
import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ferrule.cluster import KMeans

pytestmark = pytest.mark.filterwarnings("ignore:Number of distinct clusters")

ALGORITHMS = st.sampled_from(["auto", "lloyd", "elkan", "hamerly", "spatial"])
# What a byte stands for: small integers, which make ties, or any number. Arrays are drawn as bytes,
# at once: element by element takes longer than the fits.
COORDINATES = np.concatenate([
    np.arange(128) % 7 - 3,
    [0.0, -0.0, 0.1, 1 / 3, 1e-3, -1e-3, 1e-20, -1e-20, 1e-40, -1e-40, 999.0, -999.0],
    np.random.default_rng(0).uniform(-1e3, 1e3, 116),
])  # fmt: skip


@st.composite
def coordinates(draw, dtype, shape):
    size = math.prod(shape)
    drawn = draw(st.binary(min_size=size, max_size=size))
    return COORDINATES[np.frombuffer(drawn, np.uint8)].astype(dtype).reshape(shape)


@st.composite
def problems(draw):
    """Data with many ties and repeats, initial centres from among it or not, maybe weights."""
    n_rows, n_features = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    X = draw(coordinates(dtype, (n_rows, n_features)))
    n_clusters = draw(st.integers(1, n_rows))
    elsewhere = coordinates(dtype, (n_clusters, n_features))
    init = draw(st.one_of(st.just(X[:n_clusters]), elsewhere))
    weights = draw(st.none() | arrays(dtype, n_rows, elements=st.floats(0.125, 8, width=32)))
    algorithm = "lloyd" if n_clusters == 1 else draw(ALGORITHMS)
    return X, weights, {"n_clusters": n_clusters, "init": init, "algorithm": algorithm, "tol": 0}


def squared_distances(X, centers):
    difference = X[:, None, :].astype(np.float64) - centers[None].astype(np.float64)
    return np.square(difference).sum(axis=2)


@settings(deadline=None, max_examples=150)
@given(problems())
def test_each_label_is_of_a_nearest_center(problem):
    X, weights, options = problem
    model = KMeans(**options).fit(X, sample_weight=weights)
    distances = squared_distances(X, model.cluster_centers_)
    chosen = np.take_along_axis(distances, model.labels_[:, None].astype(np.intp), 1)[:, 0]
    scale = 1 + max(np.abs(X).max(), np.abs(model.cluster_centers_).max()) ** 2
    slack = 200 * np.finfo(X.dtype).eps * scale
    assert np.all(chosen <= distances.min(axis=1) + slack)
    assert np.array_equal(model.labels_, model.predict(X))
    weighted = chosen if weights is None else chosen * weights
    assert model.inertia_ == pytest.approx(weighted.sum(), rel=1e-5, abs=float(slack) * len(X) * 8)


@settings(deadline=None, max_examples=100)
@given(problems())
def test_inertia_never_rises(problem):
    X, weights, options = problem
    reports = []
    model = KMeans(callback=lambda *report: reports.append(report), **options)
    model.fit(X, sample_weight=weights)
    inertias = [inertia for _, inertia, _ in reports] + [model.inertia_]
    slack = 1e-4 * (1 + inertias[0]) if X.dtype == np.float32 else 1e-9 * (1 + inertias[0])
    assert all(later <= earlier + slack for earlier, later in itertools.pairwise(inertias))


@settings(deadline=None, max_examples=100)
@given(problems())
def test_centers_are_the_means_of_their_samples(problem):
    X, weights, options = problem
    model = KMeans(max_iter=1000, **options).fit(X, sample_weight=weights)
    weights = np.ones(len(X)) if weights is None else weights.astype(np.float64)
    for label in np.unique(model.labels_):
        mine = model.labels_ == label
        mean = np.average(X[mine].astype(np.float64), axis=0, weights=weights[mine])
        tolerance = 1e-4 if X.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(
            model.cluster_centers_[label], mean, rtol=tolerance, atol=tolerance * 1e3
        )


@settings(deadline=None, max_examples=75)
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter_where_there_are_no_ties(problem, random):
    X, _, options = problem
    rng = np.random.default_rng(random.getrandbits(32))
    X = X.astype(np.float64) + rng.normal(size=X.shape)
    options["init"] = X[: options["n_clusters"]]
    order = rng.permutation(len(X))
    straight = KMeans(**options).fit(X)
    shuffled = KMeans(**options).fit(X[order])
    assert np.array_equal(straight.labels_[order], shuffled.labels_)
    np.testing.assert_allclose(straight.cluster_centers_, shuffled.cluster_centers_, atol=1e-9)


@settings(deadline=None, max_examples=75)
@given(problems())
def test_algorithms_agree_bit_for_bit_on_labels(problem):
    X, weights, options = problem
    options["algorithm"] = "lloyd"
    lloyd = KMeans(**options).fit(X, sample_weight=weights)
    if options["n_clusters"] == 1:
        return
    for algorithm in ("auto", "elkan", "hamerly", "spatial"):
        other = KMeans(**{**options, "algorithm": algorithm}).fit(X, sample_weight=weights)
        assert np.array_equal(other.labels_, lloyd.labels_), algorithm
        # The spatial sums are rounded in another order, which at tol=0 may cost a step.
        slack = 1 if algorithm in {"auto", "spatial"} else 0
        assert abs(other.n_iter_ - lloyd.n_iter_) <= slack, algorithm


@pytest.mark.parametrize("name", ["_kmeans", "_minibatch_kmeans", "_kmeans_plusplus"])
def test_the_examples_in_docstrings_print_what_they_say(name):
    module = importlib.import_module(f"ferrule.cluster.{name}")
    results = doctest.testmod(module)
    assert results.failed == 0
    assert results.attempted > 0
