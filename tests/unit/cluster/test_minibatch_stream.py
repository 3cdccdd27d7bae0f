"""`MiniBatchKMeans.fit` on a source that is never held whole."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from ferrule._validation import Samples
from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.cluster._minibatch_kmeans import _State
from ferrule.cluster._stream import Stream, mixed
from ferrule.data import convert, read
from ferrule.errors import InvalidArgumentError


@pytest.fixture(scope="module")
def blobs():
    generator = np.random.default_rng(7)
    centers = generator.uniform(-10, 10, size=(6, 3))
    return centers[generator.integers(6, size=30_000)] + generator.normal(size=(30_000, 3))


@pytest.fixture
def files(blobs, tmp_path):
    """The rows of the blobs in three Parquet files and a CSV."""
    for index, rows in enumerate(np.array_split(blobs, [5_000, 5_001, 21_000])):
        table = pa.table({name: rows[:, column] for column, name in enumerate("abc")})
        convert(table, tmp_path / f"{index}.{'csv' if index == 1 else 'parquet'}")
    return tmp_path


def fitted(source, **options):
    return MiniBatchKMeans(6, random_state=3, **options).fit(source)


def test_the_clusters_are_about_as_good_as_those_of_the_array(blobs, files):
    exact = KMeans(6, random_state=3, n_init=5).fit(blobs)
    array = fitted(blobs, n_init=5, init="random")
    stream = fitted(read(files), n_init=5, init="random")
    assert stream.inertia_ < max(1.1 * exact.inertia_, 1.05 * array.inertia_)
    assert stream.inertia_ == pytest.approx(-stream.score(read(files)), rel=1e-9)
    np.testing.assert_array_equal(stream.labels_, stream.predict(read(files)))
    np.testing.assert_array_equal(stream.labels_, stream.predict(read(files).to_arrow()))
    assert stream.feature_names_in_.tolist() == ["a", "b", "c"]
    assert stream.n_iter_ >= 1


@pytest.mark.parametrize("options", [{}, {"init": "random"}, {"n_init": 3}, {"init_size": 40_000}])
def test_initial_centres_are_those_of_the_array(blobs, options):
    def initial(rows):
        model = MiniBatchKMeans(6, random_state=3, **options)
        source = np.random.RandomState(3)
        state = _State.begin(6, 1024, rows, source)
        return model._initial_centers(rows, None, source, state)

    expected = initial(Samples(blobs, None))
    np.testing.assert_array_equal(initial(Stream.of(read(blobs))), expected)


def test_the_same_rows_and_seed_give_the_same_model_however_they_lie_in_files(blobs, files):
    one = fitted(read(files))
    other = fitted(read(blobs))
    np.testing.assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    assert one.inertia_ == pytest.approx(other.inertia_, rel=1e-12)
    assert not np.array_equal(
        one.cluster_centers_, MiniBatchKMeans(6, random_state=4).fit(read(files)).cluster_centers_
    )


def test_rows_ordered_by_their_cluster_are_mixed_within_the_pool(blobs):
    labels = KMeans(6, random_state=3, n_init=5).fit(blobs).labels_
    ordered = blobs[np.argsort(labels, kind="stable")]
    model = fitted(read(ordered), init="random", n_init=5)
    assert model.inertia_ < 1.2 * fitted(read(blobs), init="random", n_init=5).inertia_


@pytest.mark.parametrize("pool", [1, 10, 64, 1000])
def test_mixing_keeps_every_row_once(pool):
    rows = np.arange(500.0)[:, None]
    blocks = iter(np.array_split(rows, 9))
    out = np.concatenate(list(mixed(blocks, pool, np.random.default_rng(0))))
    assert sorted(out[:, 0]) == rows[:, 0].tolist()
    assert not np.array_equal(out, rows)


def test_float32_stays_float32(blobs):
    model = fitted(read(blobs.astype(np.float32)))
    assert model.cluster_centers_.dtype == np.float32


def test_memory_stays_bounded(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(400_000, 8))
    convert(rows, tmp_path / "x.npy")
    del rows
    monkeypatch.setattr("ferrule.cluster._stream.POOL_BYTES", 1 << 20)
    source = read(tmp_path / "x.npy")
    tracemalloc.start()
    MiniBatchKMeans(4, random_state=0, compute_labels=False, max_iter=2).fit(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000 * 8 * 8 / 2


def test_what_a_source_cannot_give_is_told(blobs):
    bad = blobs.copy()
    bad[1234, 1] = np.nan
    with pytest.raises(InvalidArgumentError, match="column `1` has no value in row 1235"):
        fitted(read(bad))
    assert len(fitted(read(bad, on_error="skip")).labels_) == 29_999
    with pytest.raises(InvalidArgumentError, match="n_samples=5 should be >= n_clusters=6"):
        fitted(read(blobs, rows=5))
    with pytest.raises(InvalidArgumentError, match="which takes none"):
        MiniBatchKMeans(6).fit(read(blobs), sample_weight=np.ones(30_000))


def test_other_estimators_take_a_source_as_the_matrix_it_holds(blobs, files):
    one = KMeans(6, random_state=3).fit(read(files))
    other = KMeans(6, random_state=3).fit(blobs)
    np.testing.assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    np.testing.assert_array_equal(one.predict(read(files)), other.labels_)
    np.testing.assert_array_equal(one.transform(read(files, rows=9)), other.transform(blobs[:9]))
    with pytest.raises(InvalidArgumentError, match="2 features"):
        other.predict(read(blobs).select(["0", "1"]))
