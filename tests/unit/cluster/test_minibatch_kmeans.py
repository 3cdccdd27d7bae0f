"""MiniBatchKMeans: steps as scikit-learn takes them, convergence, streams of batches."""

import math
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans as Reference

from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.errors import InvalidArgumentError, InvalidParameterError

CONTAINERS = {"dense": np.asarray, "csr_array": sp.csr_array, "csr_matrix": sp.csr_matrix}


def perfect(model, truth):
    return len(set(zip(truth, model.labels_, strict=True))) == len(set(truth))


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_of_a_stream_move_centers_as_scikit_learns_do(dtype, container, weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 12)).astype(dtype).clip(0)
    weights = rng.uniform(0.5, 2.0, 600) if weighted else None
    options = {"n_clusters": 5, "init": X[:5], "n_init": 1, "reassignment_ratio": 0}
    ours, theirs = MiniBatchKMeans(**options), Reference(**options)
    for start in range(0, 600, 100):
        rows = slice(start, start + 100)
        batch = container(X[rows])
        weight = None if weights is None else weights[rows]
        ours.partial_fit(batch, sample_weight=weight)
        theirs.partial_fit(batch, sample_weight=weight)
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(
        ours.cluster_centers_, theirs.cluster_centers_, rtol=tolerance, atol=tolerance
    )
    assert ours.cluster_centers_.dtype == dtype
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=tolerance)
    assert np.array_equal(ours.labels_, theirs.labels_)
    assert ours.n_steps_ == theirs.n_steps_ == 6


def test_the_inertia_is_near_that_of_full_batches():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3)) + 6 * rng.integers(4, size=(20_000, 3))
    full = KMeans(8, random_state=0).fit(X).inertia_
    ours = np.mean([MiniBatchKMeans(8, random_state=s).fit(X).inertia_ for s in range(5)])
    theirs = np.mean([Reference(8, random_state=s).fit(X).inertia_ for s in range(5)])
    assert full * 0.999 < ours < theirs * 1.1


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
@pytest.mark.parametrize("init", ["random", "k-means++", "array", "callable"])
def test_every_init_finds_the_clusters(blobs, centers, init, container):
    X, truth = blobs
    given = {"array": centers, "callable": lambda X, k, random_state: centers}.get(init, init)
    n_init = 10 if isinstance(given, str) else 1
    model = MiniBatchKMeans(3, init=given, n_init=n_init, random_state=42)
    assert perfect(model.fit(container(X)), truth)
    streamed = clone(model)
    for _ in range(100):
        streamed.partial_fit(container(X))
    assert perfect(streamed, truth)


def test_one_seed_gives_one_model_whatever_the_number_of_threads(monkeypatch):
    X = np.random.default_rng(0).normal(size=(20_000, 10))
    models = []
    for threads in ("1", "3"):
        monkeypatch.setenv("FERRULE_NUM_THREADS", threads)
        model = MiniBatchKMeans(30, random_state=1, n_init=3, batch_size=10_000)
        models.append(model.fit(X))
    assert np.array_equal(models[0].cluster_centers_, models[1].cluster_centers_)
    assert models[0].inertia_ == models[1].inertia_
    other = MiniBatchKMeans(30, random_state=2, batch_size=10_000).fit(X)
    assert not np.array_equal(models[0].cluster_centers_, other.cluster_centers_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_labels_and_inertia_are_those_of_predict_and_score(blobs, container, dtype):
    X = container(blobs[0].astype(dtype))
    weights = np.random.default_rng(0).uniform(size=100)
    model = MiniBatchKMeans(4, random_state=0, batch_size=30).fit(X, sample_weight=weights)
    assert np.array_equal(model.labels_, model.predict(X))
    assert model.inertia_ == -model.score(X, sample_weight=weights)
    assert np.array_equal(model.fit_transform(X), model.transform(X))
    assert model.cluster_centers_.dtype == dtype


def test_without_labels_the_inertia_is_estimated(blobs):
    X, _ = blobs
    model = MiniBatchKMeans(3, random_state=0, n_init=3)
    exact = model.fit(X).inertia_
    rough = model.set_params(compute_labels=False).fit(X)
    assert not hasattr(rough, "labels_")
    assert rough.inertia_ == pytest.approx(exact, rel=0.3)
    assert model.set_params(max_iter=1, batch_size=100).fit(X).n_steps_ == 1
    assert np.isfinite(model.inertia_)


def test_steps_and_iterations_are_counted(blobs):
    X, _ = blobs
    model = MiniBatchKMeans(3, batch_size=30, random_state=0).fit(X)
    assert model.n_iter_ == math.ceil(model.n_steps_ * 30 / 100)
    endless = MiniBatchKMeans(3, batch_size=30, max_no_improvement=None, max_iter=10).fit(X)
    assert endless.n_steps_ == 10 * 100 // 30
    assert endless.n_iter_ == 10
    assert type(endless.n_iter_) is type(endless.n_steps_) is int


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tol": 1e-4, "max_no_improvement": None}, "small centers change"),
        ({"tol": 0, "max_no_improvement": 10}, "lack of improvement in inertia"),
    ],
)
def test_both_signs_of_convergence_end_a_fit(blobs, centers, capsys, options, reason):
    X = np.repeat(blobs[0], 10, axis=0)
    model = MiniBatchKMeans(
        3, init=centers, batch_size=200, random_state=0, max_iter=1000, verbose=1, **options
    ).fit(X)
    printed = capsys.readouterr().out
    assert 1 < model.n_steps_ < 5000
    assert f"Converged ({reason}) at step {model.n_steps_}/5000" in printed
    assert re.search(r"Minibatch step 2/5000: mean batch inertia: [0-9.]+, ewa inertia: ", printed)


def test_the_callback_sees_each_step_and_may_end_the_fit(blobs):
    seen = []
    model = MiniBatchKMeans(3, random_state=0, callback=lambda *report: seen.append(report))
    model.fit(blobs[0])
    assert [step for step, _, _ in seen] == list(range(1, model.n_steps_ + 1))
    assert all(inertia > 0 and shift >= 0 for _, inertia, shift in seen)

    def stop(step, inertia, squared_shift):
        raise StopAsyncIteration

    fresh = MiniBatchKMeans(3, callback=stop)
    with pytest.raises(StopAsyncIteration):
        fresh.fit(blobs[0])
    assert not hasattr(fresh, "cluster_centers_")


def test_the_size_of_the_subset_for_initial_centers(blobs):
    X, _ = blobs
    sizes = []

    def make(data, n_clusters, random_state):
        sizes.append(len(data))
        return data[:n_clusters]

    for options in (
        {"batch_size": 5},
        {"batch_size": 1},
        {"batch_size": 5, "init_size": 101},
        {"batch_size": 5, "init_size": 44},
    ):
        MiniBatchKMeans(10, init=make, n_init=1, **options).fit(X)
    assert sizes == [15, 30, 100, 44]
    sizes.clear()
    MiniBatchKMeans(10, init=make).fit(X)
    assert len(sizes) == 3
    with pytest.warns(RuntimeWarning, match="init_size=10 should be larger than n_clusters=20"):
        MiniBatchKMeans(20, init_size=10).fit(X)


def test_an_array_and_several_runs_make_one_run_and_a_warning(blobs, centers):
    with pytest.warns(RuntimeWarning, match="performing only one init in MiniBatchKMeans") as seen:
        MiniBatchKMeans(3, init=centers, n_init=4).fit(blobs[0])
    assert seen[0].filename == __file__


@pytest.mark.parametrize("batch_size", [10, 200])
def test_centers_that_start_on_one_spot_are_spread_by_reassignment(batch_size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2)) + 10 * rng.integers(5, size=(100, 1))
    X[::2] = 0
    model = MiniBatchKMeans(20, batch_size=batch_size, random_state=0, init="random").fit(X)
    assert model.cluster_centers_.any(axis=1).sum() > 9
    streamed = MiniBatchKMeans(20, random_state=0, init="random")
    for _ in range(100):
        streamed.partial_fit(X)
    assert streamed.cluster_centers_.any(axis=1).sum() > 9


def test_reassignment_is_told_and_can_be_turned_off(blobs, centers, capsys):
    X, _ = blobs
    eager = MiniBatchKMeans(3, init=centers, reassignment_ratio=1, verbose=1, random_state=0)
    eager.partial_fit(X)
    assert "[MiniBatchKMeans] Reassigning 2 cluster centers." in capsys.readouterr().out
    calm = MiniBatchKMeans(3, init=centers, reassignment_ratio=0).partial_fit(X)
    assert calm.inertia_ < eager.inertia_
    MiniBatchKMeans(100, batch_size=10, init_size=100, random_state=42).fit(X)


def test_a_stream_may_follow_a_fit_and_survives_pickling(blobs):
    X, _ = blobs
    model = MiniBatchKMeans(3, random_state=0).fit(X)
    steps, before = model.n_steps_, model.cluster_centers_.copy()
    twin = pickle.loads(pickle.dumps(model))
    for each in (model, twin):
        each.partial_fit(X[:50] + 1).partial_fit(X[50:] + 1)
    assert model.n_steps_ == steps + 2
    assert not np.array_equal(model.cluster_centers_, before)
    assert np.array_equal(model.cluster_centers_, twin.cluster_centers_)


def test_a_stream_keeps_the_dtype_and_features_of_its_first_batch(blobs):
    frame = pd.DataFrame(blobs[0].astype(np.float32)).add_prefix("f")
    model = MiniBatchKMeans(3, random_state=0).partial_fit(frame)
    model.partial_fit(frame.astype(np.float64))
    assert model.cluster_centers_.dtype == np.float32
    with pytest.raises(InvalidArgumentError, match="Feature names must be in the same order"):
        model.partial_fit(frame[frame.columns[::-1]])
    with pytest.raises(InvalidArgumentError, match="X has 2 features, but MiniBatchKMeans is exp"):
        MiniBatchKMeans(3).partial_fit(blobs[0]).partial_fit(blobs[0][:, :2])


def test_a_batch_that_is_refused_leaves_the_model_as_it_was(blobs):
    X, _ = blobs
    model = MiniBatchKMeans(3, random_state=0).partial_fit(X)
    before = pickle.dumps(model)
    bad = X.copy()
    bad[7, 2] = np.nan
    for wrong in (bad, X[:, :2], X[:0]):
        with pytest.raises(InvalidArgumentError):
            model.partial_fit(wrong)
    assert pickle.dumps(model) == before
    model.partial_fit(X[:1])
    with pytest.raises(InvalidArgumentError, match="n_samples=2 should be >= n_clusters=3"):
        MiniBatchKMeans(3).partial_fit(X[:2])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 0), ("compute_labels", "yes"), ("max_no_improvement", -1), ("init_size", 0),
     ("reassignment_ratio", -0.1), ("n_clusters", 0), ("tol", -1)],
)  # fmt: skip
def test_a_parameter_out_of_range_is_refused(name, value, method):
    model = MiniBatchKMeans(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of MiniBatchKMeans"):
        getattr(model, method)(np.eye(9))


def test_parameters_are_scikit_learns_with_its_defaults():
    ours = MiniBatchKMeans().get_params()
    assert ours.pop("callback") is None
    assert ours == Reference().get_params()


def test_heavier_samples_pull_harder():
    X = np.repeat([[0.0], [1.0]], 500, axis=0)
    weights = np.repeat([1.0, 3.0], 500)
    model = MiniBatchKMeans(1, random_state=0, batch_size=500).fit(X, sample_weight=weights)
    assert model.cluster_centers_.item() == pytest.approx(0.75, abs=0.03)
    ignored = np.repeat([1.0, 0.0], 500)
    model.fit(X, sample_weight=ignored)
    assert model.cluster_centers_.item() == 0.0
