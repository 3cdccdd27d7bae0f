"""In whatever form data comes, the model is the same; what cannot be data gets a clear error."""

import mmap
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from ferrule.cluster import KMeans
from ferrule.errors import InvalidArgumentError, NotFittedError

RNG = np.random.default_rng(11)
X = RNG.normal(size=(300, 4)) + 5 * RNG.integers(3, size=(300, 1))
NAMES = ["a", "b", "c", "d"]
FRAME = pd.DataFrame(X, columns=NAMES)


def fitted(data, **options):
    return KMeans(3, init=X[:3], **options).fit(data)


def same(model, other):
    assert np.array_equal(model.labels_, other.labels_)
    assert np.array_equal(model.cluster_centers_, other.cluster_centers_)
    assert model.inertia_ == other.inertia_


def strided():
    wide = np.full((600, 9), np.nan)
    wide[::2, 1::2] = X
    return wide[::2, 1::2]


def memory_mapped():
    memory = mmap.mmap(-1, X.nbytes)
    view = np.frombuffer(memory, dtype=X.dtype).reshape(X.shape)
    view[:] = X
    return view


def read_only():
    copy = X.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = {
    "F order": np.asfortranarray(X),
    "every other row and column": strided(),
    "rows backwards": np.ascontiguousarray(X[::-1])[::-1],
    "columns backwards": np.ascontiguousarray(X[:, ::-1])[:, ::-1],
    "big-endian": X.astype(">f8"),
    "misaligned": np.frombuffer(b"\0" + X.tobytes(), dtype=np.uint8)[1:]
    .view("f8")
    .reshape(X.shape),
    "a field of records": np.rec.fromarrays([X, X], names="x,y")["x"],
    "memory-mapped": memory_mapped(),
    "read-only": read_only(),
    "a list of lists": X.tolist(),
    "objects": X.astype(object),
    "long doubles": X.astype(np.longdouble),
}


@pytest.mark.parametrize("data", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_gives_the_same_bits(data):
    model = fitted(data)
    same(model, fitted(X))
    assert np.array_equal(model.predict(data), model.labels_)
    assert np.array_equal(model.transform(data), model.transform(X))


FRAMES = {
    "pandas": FRAME,
    "pandas with columns of several types": FRAME.astype({"a": "Float64", "b": "object"}),
    "polars": pl.DataFrame(X, schema=NAMES),
    "pyarrow table": pa.table({name: X[:, i] for i, name in enumerate(NAMES)}),
    "pyarrow table in chunks": pa.concat_tables(
        [pa.Table.from_pandas(FRAME[:100]), pa.Table.from_pandas(FRAME[100:])]
    ).select(NAMES),
    "pyarrow record batch": pa.RecordBatch.from_pandas(FRAME, preserve_index=False),
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES.keys())
def test_data_frames_give_numpys_result_and_their_names(data):
    model = fitted(data)
    same(model, fitted(X))
    assert model.feature_names_in_.tolist() == NAMES
    assert np.array_equal(model.predict(data), model.labels_)


def test_float32_stays_and_other_numbers_become_float64():
    ints = (X * 10).astype(np.int64)
    for data, dtype in [
        (X.astype(np.float32), np.float32),
        (FRAME.astype(np.float32), np.float32),
        (pl.DataFrame(X.astype(np.float32)), np.float32),
        (X.astype(np.float16), np.float64),
        (ints, np.float64),
        (ints.astype(np.int8), np.float64),
        (X > 0, np.float64),
        (pl.DataFrame(ints), np.float64),
        (sp.csr_array(ints), np.float64),
        (sp.csr_array(X.astype(np.float32)), np.float32),
    ]:
        model = KMeans(2, random_state=0).fit(data)
        assert model.cluster_centers_.dtype == dtype
        assert model.transform(data).dtype == dtype


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
def test_every_sparse_format_gives_the_csr_result(form, kind):
    thin = np.where(np.abs(X) < 3, 0, X)
    reference = fitted(sp.csr_array(thin))
    model = fitted(kind(thin).asformat(form))
    same(model, reference)
    assert np.array_equal(model.predict(thin), model.labels_)


def test_csr_with_unsorted_repeated_or_64_bit_indices_is_understood_and_left_alone():
    dense = np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0], [0.0, 9.0, 9.0]])
    parts = ([1.0, 1.0, 2.0, 2.0, 9.0, 9.0], [2, 1, 1, 0, 2, 1], [0, 3, 4, 6])
    matrix = sp.csr_array(parts, shape=(3, 3))
    wide = sp.csr_array(dense)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    reference = KMeans(2, init=dense[:2]).fit(dense)
    for data in (matrix, wide):
        model = KMeans(2, init=dense[:2]).fit(data)
        np.testing.assert_allclose(model.cluster_centers_, reference.cluster_centers_)
    assert matrix.indices.tolist() == parts[1]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fit_changes_neither_data_nor_weights_nor_initial_centers(dtype, order):
    data = np.asarray(X, dtype=dtype, order=order)
    init, weights = data[:3].copy(), RNG.uniform(size=len(X)).astype(dtype)
    before = [array.copy() for array in (data, init, weights)]
    model = KMeans(3, init=init, copy_x=False).fit(data, sample_weight=weights)
    for array, copy in zip((data, init, weights), before, strict=True):
        assert np.array_equal(array, copy)
    assert not np.may_share_memory(model.cluster_centers_, init)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda x: x[::2]])
def test_no_float_array_is_copied(layout):
    data = layout(np.random.default_rng(0).normal(size=(200_000, 8)))
    model = KMeans(2, init=data[:2], max_iter=2)
    tracemalloc.start()
    model.fit(data).predict(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < data.nbytes / 4


@pytest.mark.parametrize("position", [(0, 0), (150, 2), (299, 3)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, np.asfortranarray, sp.csr_array])
def test_a_value_that_is_not_finite_is_named_with_its_place(container, dtype, value, position):
    bad = X.astype(dtype)
    bad[position] = value
    kind = "NaN" if np.isnan(value) else "infinity"
    text = rf"Input X contains {kind}.* row {position[0]}, column {position[1]};"
    model = fitted(X.astype(dtype))
    for method in (model.predict, model.transform, model.score, model.fit):
        with pytest.raises(InvalidArgumentError, match=text):
            method(container(bad))


@pytest.mark.parametrize("n_clusters", [1, 3, 20, 100])
@pytest.mark.parametrize("n_features", [1, 2, 7, 8, 9, 16, 33, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predict_finds_what_is_not_finite_at_any_width(dtype, n_features, n_clusters):
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(131, n_features)).astype(dtype)
    model = KMeans(n_clusters, init=clean[:n_clusters], max_iter=1).fit(clean)
    for value in (np.nan, np.inf, -np.inf):
        bad = clean.copy()
        bad[rng.integers(131), rng.integers(n_features)] = value
        with pytest.raises(InvalidArgumentError, match="Input X contains"):
            model.predict(bad)


def test_huge_finite_values_are_data():
    model = fitted(X)
    assert model.predict(np.full((5, 4), 1e200)).shape == (5,)
    assert model.score(np.full((5, 4), 1e200)) == -np.inf


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (np.arange(6.0), ValueError, "Expected 2D array, got 1D array.*Reshape your data"),
        (np.float64(3), ValueError, "Expected 2D array, got scalar array"),
        (np.zeros((2, 2, 2)), ValueError, "Found array with dim 3"),
        (np.zeros((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1"),
        (np.zeros((9, 0)), ValueError, r"0 feature\(s\) \(shape=\(9, 0\)\) while a minimum of 1"),
        (X + 1j, ValueError, "Complex data not supported"),
        (sp.csr_array(X + 1j), ValueError, "Complex data not supported"),
        (sp.csr_matrix(X).todense(), TypeError, "np.matrix is not supported"),
        ([["a", "b"], ["c", "d"]], ValueError, "does not hold numbers only: could not convert"),
        (pd.DataFrame({"a": ["x", "y"]}), ValueError, "does not hold numbers only"),
        (pa.table({"a": ["x", "y"]}), ValueError, "column 'a' has type string; expected numbers"),
        (np.zeros((3, 2), "M8[s]"), ValueError, "dtype datetime64"),
        (pd.DataFrame({"a": [1.0, None, 2, 3]}), ValueError, "Input X contains NaN"),
        (pd.DataFrame({"a": [1, pd.NA, 2, 3]}, dtype="Int64"), ValueError, "Input X contains NaN"),
        (pl.DataFrame({"a": [1, None, 2, 3]}), ValueError, "Input X contains NaN"),
        (np.ma.masked_less(X, 0), ValueError, "Input X contains NaN"),
        (pd.DataFrame(X, columns=["a", "b", 3, 4]), TypeError, "all input features have string"),
        (X[:2], ValueError, "n_samples=2 should be >= n_clusters=3."),
        ([[{"a": 1}]], TypeError, "must be a string or a real number"),
    ],
)  # fmt: skip
def test_what_cannot_be_data_is_refused_in_words(data, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        KMeans(3).fit(data)


def test_weights_may_be_one_number_a_list_or_a_series():
    weights = RNG.uniform(size=len(X))
    model = KMeans(3, init=X[:3])
    reference = model.fit(X, sample_weight=weights).inertia_
    for form in (weights.tolist(), pd.Series(weights), pl.Series(weights), weights[::1]):
        assert model.fit(X, sample_weight=form).inertia_ == reference
    assert model.fit(X, sample_weight=2).inertia_ == pytest.approx(2 * model.fit(X).inertia_)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.ones(299), r"sample_weight.shape == \(299,\), expected \(300,\)!"),
        (np.ones((300, 1)), "Sample weights must be 1D array or scalar, got 2D array"),
        (np.zeros(300), "must contain at least one non-zero number"),
        (np.full(300, np.nan), "sample_weight contains NaN"),
        (np.full(300, np.inf), "sample_weight contains infinity"),
        (-np.ones(300), "Negative values in data passed to sample_weight"),
    ],
)
def test_wrong_weights_are_refused_in_words(weights, text):
    with pytest.raises(InvalidArgumentError, match=text):
        KMeans(3).fit(X, sample_weight=weights)
    with pytest.raises(InvalidArgumentError, match=text):
        fitted(X).score(X, sample_weight=weights)


def test_later_input_must_have_the_features_of_the_fit():
    model = fitted(FRAME)
    message = "The feature names should match those that were passed during fit.\n"
    for columns, tail in [
        (["d", "c", "b", "a"], "Feature names must be in the same order as they were in fit.\n"),
        (["a", "b", "c", "e"], "Feature names unseen at fit time:\n- e\nFeature names seen at"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message + tail):
            model.predict(pd.DataFrame(X, columns=columns))
    with pytest.raises(InvalidArgumentError, match="X has 3 features, but KMeans is expecting 4"):
        fitted(X).predict(X[:, :3])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but KMeans was"):
        model.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but KMeans was fitted without"):
        fitted(X).predict(FRAME)
    assert not hasattr(model.fit(X), "feature_names_in_")


def test_a_model_predicts_in_the_dtype_of_its_centers():
    single = fitted(X.astype(np.float32))
    assert np.array_equal(single.predict(X), single.labels_)
    assert single.transform(X).dtype == np.float32
    double = fitted(X)
    assert np.array_equal(double.predict(X.astype(np.float32)), double.labels_)


@pytest.mark.parametrize("method", ["predict", "transform", "score", "get_feature_names_out"])
def test_an_unfitted_model_says_so(method):
    arguments = () if method == "get_feature_names_out" else (X,)
    with pytest.raises(NotFittedError, match="This KMeans instance is not fitted yet"):
        getattr(KMeans(), method)(*arguments)
