"""npy, npz, LibSVM and Arrow against NumPy, scikit-learn and polars."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from ferrule.data import convert, read
from ferrule.errors import InvalidArgumentError

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 5))
FINITE = st.floats(-1e300, 1e300)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4", "<f2", "<i8", ">i2", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_type_and_order_are_numpys(tmp_path, dtype, order):
    array = np.asarray(np.arange(24).reshape(6, 4) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", array)
    for name in ("x.npy", "x.npz"):
        source = read(tmp_path / name)
        np.testing.assert_array_equal(source.to_numpy(), array)
        np.testing.assert_array_equal(np.column_stack(source.to_arrow().columns), array)
        np.testing.assert_array_equal(source.select(["3"]).head(2).to_numpy(), array[:2, 3:])
    np.testing.assert_array_equal(read(array).to_numpy(), array)


@given(array=arrays(np.float64, SHAPES, elements=FINITE))
@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "npy"])
def test_every_float_survives_a_round_trip(tmp_path_factory, ending, array):
    path = tmp_path_factory.mktemp("x") / f"x.{ending}"
    convert(pa.table({f"c{i}": array[:, i] for i in range(array.shape[1])}), path)
    got = read(path).to_numpy()
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got.view(np.uint64), array.view(np.uint64))


@pytest.mark.parametrize("zero_based", [True, False])
def test_libsvm_is_what_scikit_learn_reads(tmp_path, zero_based):
    chance = np.random.default_rng(0)
    dense = chance.normal(size=(300, 17)) * (chance.random((300, 17)) < 0.3)
    dense[0, 0] = dense[0, -1] = 1.0
    labels = chance.integers(-1, 3, 300).astype(float)
    path = tmp_path / "x.libsvm"
    dump_svmlight_file(dense, labels, str(path), zero_based=zero_based, comment="made here")
    expected, expected_labels = load_svmlight_file(str(path), zero_based=zero_based)
    source = read(path)
    first = 0 if zero_based else 1
    assert source.columns == ("label", *(str(first + i) for i in range(17)))
    matrix = source.to_numpy()
    np.testing.assert_array_equal(matrix[:, 1:], expected.toarray())
    np.testing.assert_array_equal(matrix[:, 0], expected_labels)
    np.testing.assert_array_equal(
        source.slice(10, 20).select(["3"]).to_numpy()[:, 0], expected.toarray()[10:20, 3 - first]
    )
    assert source.count() == 300
    assert [len(batch) for batch in source.batches(128)] == [128, 128, 44]


def test_libsvm_has_zeros_where_only_other_files_have_columns(tmp_path):
    (tmp_path / "0.libsvm").write_text("1 1:5\n0 2:6\n")
    (tmp_path / "1.libsvm").write_text("1 4:7\n")
    source = read(tmp_path)
    assert source.columns == ("label", "1", "2", "3", "4")
    np.testing.assert_array_equal(
        source.to_numpy(), [[1, 5, 0, 0, 0], [0, 0, 6, 0, 0], [1, 0, 0, 0, 7]]
    )
    one = read(tmp_path / "0.libsvm", columns=["9", "1", "label"])
    np.testing.assert_array_equal(one.to_numpy(), [[0, 5, 1], [0, 0, 0]])
    for name in ("x", "01", "-1", "²"):
        with pytest.raises(InvalidArgumentError, match="has no column"):
            read(tmp_path / "0.libsvm", columns=[name]).to_numpy()


def test_bad_lines_of_libsvm_are_left_out(tmp_path):
    (tmp_path / "x.libsvm").write_text("1 1:2\nx 1:2\n-1 2:3 1:4\n0 qid:7 2:5\n")
    source = read(tmp_path / "x.libsvm", on_error="collect")
    np.testing.assert_array_equal(source.to_numpy(), [[1, 2, 0], [0, 0, 5]])
    assert [(one.row, one.line) for one in source.errors] == [(2, 2), (3, 3)]


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_arrow_of_polars_is_read_with_its_text_types(tmp_path, compression):
    frame = pl.DataFrame({"n": [1.5, 2.5, None], "s": ["a", None, "c"], "i": [1, 2, 3]})
    frame.write_ipc(tmp_path / "x.arrow", compression=compression)
    source = read(tmp_path / "x.arrow")
    assert source.to_arrow().to_pydict() == frame.to_dict(as_series=False)
    np.testing.assert_array_equal(
        source.head(2).select(["i", "n"]).to_numpy(), [[1, 1.5], [2, 2.5]]
    )


def test_columns_are_found_by_name_and_numbers_widen_between_files(tmp_path):
    pq.write_table(
        pa.table({"a": pa.array([1, 2], pa.int32()), "b": [0.5, 1.5]}), tmp_path / "0.parquet"
    )
    pq.write_table(
        pa.table({"b": pa.array([3.0], pa.float32()), "a": [4.5]}), tmp_path / "1.parquet"
    )
    (tmp_path / "2.csv").write_text("b,a\n5,6\n")
    source = read(tmp_path)
    assert [str(kind) for kind in source.schema.types] == ["double", "double"]
    assert source.to_arrow().to_pydict() == {"a": [1, 2, 4.5, 6], "b": [0.5, 1.5, 3, 5]}
    np.testing.assert_array_equal(source.to_numpy(), [[1, 0.5], [2, 1.5], [4.5, 3], [6, 5]])


def test_text_of_numbers_is_numbers_and_of_words_is_not(tmp_path):
    table = pa.table({"a": [" 1.5", "2e1"], "b": ["3", "x"]})
    np.testing.assert_array_equal(read(table).select(["a"]).to_numpy(), [[1.5], [20]])
    with pytest.raises(InvalidArgumentError, match="column `b` has `x` in row 2"):
        read(table).to_numpy()
    np.testing.assert_array_equal(read(table, on_error="skip").to_numpy(), [[1.5, 3]])
