"""`convert` writes what other readers read as the same table, whole or not at all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ferrule.data import convert, read
from ferrule.errors import FerruleError, InvalidArgumentError, NotFoundError, StorageError

REFERENCES = {
    "y.parquet": pd.read_parquet,
    "y.csv": pd.read_csv,
    "y.tsv": lambda path: pd.read_csv(path, sep="\t"),
    "y.csv.gz": pd.read_csv,
    "y.arrow": lambda path: pl.read_ipc(path).to_pandas(),
    "y.feather": lambda path: pyarrow.feather.read_feather(path),
}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def mixed():
    """Numbers, text, missing values."""
    return pa.table(
        {
            "i": pa.array([1, None, 3], pa.int64()),
            "f": pa.array([0.1, 1e300, -0.0]),
            "s": ["plain", 'quo"ted, text', "ü\nline"],
        }
    )


@pytest.mark.parametrize("name", REFERENCES)
def test_other_readers_find_the_same_table(tmp_path, mixed, name):
    (written,) = convert(mixed, tmp_path / name)
    assert (written.name, written.n_rows) == (str(tmp_path / name), 3)
    got = REFERENCES[name](tmp_path / name)
    pd.testing.assert_frame_equal(got, mixed.to_pandas(), check_dtype=False)
    assert read(tmp_path / name).to_arrow().to_pydict() == mixed.to_pydict()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_npy_is_what_numpy_reads(tmp_path, matrix, dtype):
    expected = matrix.astype(dtype)
    convert(expected, tmp_path / "y.npy")
    got = np.load(tmp_path / "y.npy")
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, expected)


def test_a_matrix_without_names_comes_back_from_csv_without_names(tmp_path, matrix):
    convert(matrix, tmp_path / "y.csv")
    assert not read(tmp_path / "y.csv").named
    np.testing.assert_array_equal(read(tmp_path / "y.csv").to_numpy(), matrix)


def test_parquet_has_a_page_index_and_groups_that_a_few_rows_are_read_from(tmp_path):
    wide = np.random.default_rng(0).normal(size=(1000, 400))
    convert(wide, tmp_path / "y.parquet")
    meta = pq.ParquetFile(tmp_path / "y.parquet").metadata
    assert meta.row_group(0).num_rows <= 1000 / 3
    column = meta.row_group(0).column(0)
    assert column.has_offset_index
    assert column.has_column_index
    np.testing.assert_array_equal(read(tmp_path / "y.parquet", rows=100).to_numpy(), wide[:100])


def test_numbers_that_snappy_makes_no_smaller_are_not_compressed(tmp_path):
    table = pa.table(
        {
            "chance": np.random.default_rng(0).random(5000),
            "few": np.arange(5000) % 7,
            "gaps": pa.array([None, *range(4999)]),
            "text": ["x"] * 5000,
        }
    )
    for compression, expected in (
        (None, ["UNCOMPRESSED", "SNAPPY", "SNAPPY", "SNAPPY"]),
        ("snappy", ["SNAPPY"] * 4),
        ("none", ["UNCOMPRESSED"] * 4),
    ):
        convert(table, tmp_path / "y.parquet", compression=compression)
        group = pq.ParquetFile(tmp_path / "y.parquet").metadata.row_group(0)
        assert [group.column(index).compression for index in range(4)] == expected
        assert read(tmp_path / "y.parquet").to_arrow().equals(table)
    nested = pa.table({"a": [[1.0], [2.0, 3.0]]})
    convert(nested, tmp_path / "y.parquet")
    assert pq.read_table(tmp_path / "y.parquet").equals(nested)


def test_narrow_tables_have_few_groups_however_their_batches_come(tmp_path):
    path = tmp_path / "y.parquet"
    column = np.arange(2_500_000.0)
    convert(pa.table({"a": column}), path)
    meta = pq.ParquetFile(path).metadata
    assert [meta.row_group(i).num_rows for i in range(3)] == [
        1 << 20,
        1 << 20,
        2_500_000 - (2 << 20),
    ]
    np.testing.assert_array_equal(read(path).to_numpy()[:, 0], column)


def test_columns_rows_types_and_compression_are_as_asked(tmp_path):
    (tmp_path / "x.csv").write_text("zip,n\n01234,1\n00001,2\n99999,3\n")
    convert(
        tmp_path / "x.csv",
        tmp_path / "y.parquet",
        columns=["n", "zip"],
        rows=2,
        types={"zip": "string"},
        compression="zstd",
    )
    file = pq.ParquetFile(tmp_path / "y.parquet")
    assert file.read().to_pydict() == {"n": [1, 2], "zip": ["01234", "00001"]}
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_each_file_goes_to_one_of_its_name_in_a_folder_alike_or_not(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("y,z\n1,2\n3,4\n")
    written = convert(tmp_path / "*.csv", f"{tmp_path}/out/", format="arrow")
    assert [(Path(one.name).name, one.n_rows) for one in written] == [
        ("a.arrow", 1),
        ("b.arrow", 2),
    ]
    assert read(tmp_path / "out/b.arrow").columns == ("y", "z")
    with pytest.raises(InvalidArgumentError, match=r"b\.csv` has no column `x`"):
        convert(tmp_path / "*.csv", tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()


@pytest.mark.parametrize(
    ("to", "options", "error", "says"),
    [
        ("x.csv", {}, InvalidArgumentError, "is the file being read"),
        ("y.xlsx", {}, InvalidArgumentError, "no kind of data that is written"),
        ("no/y.csv", {}, NotFoundError, "there is no folder"),
        ("out/", {"format": "xlsx"}, InvalidArgumentError, "format is 'xlsx'"),
        ("y.npy", {}, InvalidArgumentError, "column `s` has `a` in row 1, line 2"),
        (
            "y.npy",
            {"compression": "zstd", "columns": ["n"]},
            InvalidArgumentError,
            "not compressed",
        ),
        ("y.parquet", {"compression": "zip"}, FerruleError, "y.parquet"),
        ("http://127.0.0.1:9/y.csv", {}, InvalidArgumentError, "nothing can be written over http"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_left(
    tmp_path, monkeypatch, to, options, error, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("n,s\n1,a\n")
    with pytest.raises(error, match=says):
        convert("x.csv", to, **options)
    assert names(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "n,s\n1,a\n"


def test_two_files_of_one_name_are_not_written_to_one(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text("x\n1\n")
    with pytest.raises(InvalidArgumentError, match="two files would be written to"):
        convert(tmp_path, f"{tmp_path}/out/")


@pytest.mark.parametrize("name", ["y.parquet", "y.csv", "y.arrow", "y.npy", "y.csv.gz"])
def test_a_bad_row_midway_leaves_the_old_file_and_no_litter(tmp_path, name):
    (tmp_path / "x.csv").write_text("a\n" + "1\n" * 500_000 + "1,2\n")
    (tmp_path / name).write_text("old")
    with pytest.raises(InvalidArgumentError, match="row 500001, line 500002 has 2 columns"):
        convert(tmp_path / "x.csv", tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert names(tmp_path) == sorted(["x.csv", name])


FULL = """
import resource, signal, sys
import numpy as np
from ferrule.data import convert
from ferrule.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
matrix = np.random.default_rng(0).normal(size=(20_000, 10))
try:
    convert(matrix, sys.argv[1])
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["y.parquet", "y.csv", "y.arrow", "y.npy", "y.csv.gz"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, name):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"no space left to write `{tmp_path / name}`")
    assert done.stderr == ""
    assert names(tmp_path) == []
    assert issubclass(StorageError, OSError)


@pytest.mark.parametrize("name", ["y.parquet", "y.csv", "y.arrow"])
def test_text_and_categories_of_polars_and_pandas_go_everywhere(tmp_path, name):
    frame = pl.DataFrame(
        {
            "s": ["x", None, "ü"],
            "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
            "e": pl.Series(["v", "u", None], dtype=pl.Enum(["u", "v"])),
        }
    )
    expected = frame.to_dict(as_series=False)
    convert(frame, tmp_path / name)
    if name == "y.csv":
        expected["s"][1] = expected["e"][2] = ""
    assert read(tmp_path / name).to_arrow().to_pydict() == expected
    convert(pd.DataFrame({"c": pd.Categorical(["a", "b", "a"])}), tmp_path / name)
    assert read(tmp_path / name).to_arrow().to_pydict() == {"c": ["a", "b", "a"]}


def test_a_missing_value_of_an_only_column_stays_a_row_of_csv(tmp_path):
    convert(pa.table({"a": [1.5, None, 3.0]}), tmp_path / "y.csv")
    assert read(tmp_path / "y.csv").to_arrow().to_pydict() == {"a": [1.5, None, 3.0]}
    assert pd.read_csv(tmp_path / "y.csv")["a"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([b"x"]), pa.array([{"x": 1}])])
def test_columns_that_csv_cannot_hold_are_named(tmp_path, column):
    with pytest.raises(InvalidArgumentError, match="CSV cannot hold column `deep`"):
        convert(pa.table({"deep": column}), tmp_path / "y.csv")
    assert names(tmp_path) == []


def test_the_index_of_a_pandas_frame_is_no_column(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=[5, 7])
    frame.to_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").columns == ("a",)
    assert read(frame).columns == ("a",)
