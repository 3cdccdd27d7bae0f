"""What becomes a matrix, and what is refused, with its place."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ferrule.data import read as source_of
from ferrule.errors import InvalidArgumentError


def read(path, features=None, dtype="float64", rows=1 << 16):
    return np.concatenate(list(source_of(path, columns=features).matrices(rows, dtype)))


@pytest.mark.parametrize("name", ["x.parquet", "x.npy", "x.csv", "x.arrow"])
@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_batches_are_bounded_contiguous_and_in_order(tmp_path, name, rows):
    x = np.arange(40.0).reshape(10, 4)
    path = tmp_path / name
    table = pa.table({str(i): x[:, i] for i in range(4)})
    if name == "x.npy":
        np.save(path, x)
    elif name == "x.csv":
        np.savetxt(path, x, delimiter=",")
    elif name == "x.arrow":
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=4)
    else:
        pq.write_table(table, path)
    batches = list(source_of(path).matrices(rows, "float32"))
    assert all(1 <= len(batch) <= rows for batch in batches)
    assert all(batch.flags.c_contiguous and batch.dtype == np.float32 for batch in batches)
    np.testing.assert_array_equal(np.concatenate(batches), x)
    np.testing.assert_array_equal(
        np.concatenate(list(source_of(path).select(["3", "0"]).matrices(rows))),
        x[:, [3, 0]],
    )


def test_integers_booleans_and_decimals_are_numbers(tmp_path):
    table = pa.table(
        {
            "i": pa.array([1, -2], pa.int8()),
            "b": [True, False],
            "d": pa.array([1, 2]).cast(pa.decimal128(30, 3)),
            "f": pa.array([0.5, 1.5], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    expected = [[1, 1, 1, 0.5], [-2, 0, 2, 1.5]]
    np.testing.assert_array_equal(read(tmp_path / "x.parquet"), expected)


def test_quoted_names_and_numbers_are_read(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('\ufeff"a, left","b"\r\n"1.5", 2\r\n3,4e1\r\n', encoding="utf-8")
    assert source_of(path).columns == ("a, left", "b")
    np.testing.assert_array_equal(read(path), [[1.5, 2], [3, 40]])


def test_the_row_of_a_fault_is_counted_over_batches(tmp_path):
    x = np.zeros((50, 2))
    x[37, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InvalidArgumentError, match="column `1` has no value in row 38"):
        read(tmp_path / "x.npy", rows=8)


def test_a_value_too_large_for_float32_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0], [1e300]]))
    with (
        np.errstate(over="ignore"),
        pytest.raises(InvalidArgumentError, match="too large for float32, in row 2"),
    ):
        read(tmp_path / "x.npy", dtype="float32")


def test_large_finite_values_are_not_taken_for_infinity(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 1), 1.5e308))
    assert len(read(tmp_path / "x.npy")) == 4


def test_float32_columns_are_known_as_such(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2), np.float32))
    assert source_of(tmp_path / "x.npy").to_numpy().dtype == np.float32
    np.save(tmp_path / "x.npy", np.zeros((2, 2), np.int64))
    assert source_of(tmp_path / "x.npy").to_numpy().dtype == np.float64


def test_a_column_without_a_name_is_refused_as_an_index_may_be(tmp_path):
    path = tmp_path / "indexed.csv"
    path.write_text(",x,y\n0,1,2\n1,3,4\n")
    with pytest.raises(InvalidArgumentError, match=r"column 0 of .* has no name") as caught:
        read(path)
    assert "x,y" in caught.value.__notes__[0]
