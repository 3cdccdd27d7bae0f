"""A `Source` gives the same table whatever holds it, and reads no more than is asked for."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ferrule.data import Source, read
from ferrule.data._formats.csv import Csv
from ferrule.errors import InvalidArgumentError, NotFoundError

KINDS = [
    "x.csv",
    "x.tsv",
    "x.csv.gz",
    "x.parquet",
    "x.arrow",
    "x.ipc",
    "x.feather",
    "x.npy",
    "x.npz",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_matrix(tmp_path, write, kind, table, matrix):
    write(tmp_path / kind, table)
    source = read(tmp_path / kind)
    np.testing.assert_array_equal(source.to_numpy(), matrix)
    np.testing.assert_array_equal(np.column_stack(source.to_arrow().columns), matrix)
    assert source.count() == 40
    assert source.n_rows in (40, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (3, 9), (38, 90), (7, 7), (40, None), (6, None)]
)
def test_ranges_of_rows_and_chosen_columns_are_those_of_the_matrix(
    tmp_path, write, kind, table, matrix, start, stop
):
    write(tmp_path / kind, table)
    source = read(tmp_path / kind, rows=slice(start, stop))
    names = [source.columns[3], source.columns[1]]
    expected = matrix[start:stop][:, [3, 1]]
    batches = source.select(names).batches(2)
    got = pa.Table.from_batches(batches, source.select(names).schema)
    assert got.column_names == names
    assert got.num_rows == len(expected)
    if len(expected):
        np.testing.assert_array_equal(np.column_stack(got.columns), expected)
        np.testing.assert_array_equal(source.select(names).to_numpy(), expected)


@pytest.mark.parametrize("n_files", [1, 2, 9])
@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_many_files_are_one_table_in_the_order_of_their_names(
    tmp_path, write, kind, n_files, table, matrix
):
    for index in range(n_files):
        write(tmp_path / f"{index}.{kind}", table.slice(index, 20))
    expected = np.concatenate([matrix[i : i + 20] for i in range(n_files)])
    source = read(f"{tmp_path}/*.{kind}", memory_budget=1)
    np.testing.assert_array_equal(source.to_numpy(), expected)
    np.testing.assert_array_equal(read(tmp_path).to_numpy(), expected)
    np.testing.assert_array_equal(source.slice(15, 33).to_numpy(), expected[15:33])
    np.testing.assert_array_equal(read(list(tmp_path.iterdir())[:1]).to_numpy().shape, (20, 4))
    parts = [file.to_numpy() for file in source.slice(5, 25).files()]
    np.testing.assert_array_equal(np.concatenate(parts), expected[5:25])


@pytest.mark.parametrize("kind", ["csv", "libsvm"])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 3), (2, 9), (4, 5), (5, None), (9, 99), (15, None), (7, 7)]
)
def test_bad_rows_count_in_ranges_over_files(tmp_path, kind, start, stop):
    for index in range(3):
        rows = range(5 * index, 5 * index + 5)
        bad = {"csv": "1,2,3", "libsvm": "x 1:1"}[kind]
        good = {"csv": "{0},{0}", "libsvm": "{0} 1:{0}"}[kind]
        lines = [bad if row % 5 in (1, 4) else good.format(row) for row in rows]
        head = ["a,b"] if kind == "csv" else []
        (tmp_path / f"{index}.{kind}").write_text("\n".join([*head, *lines, ""]))
    source = read(tmp_path, rows=slice(start, stop), on_error="skip")
    expected = [row for row in range(15)[start:stop] if row % 5 not in (1, 4)]
    found = (
        [row for matrix in source.matrices() for row in matrix[:, 0].tolist()] if expected else []
    )
    assert found == expected
    assert source.count() == len(range(15)[start:stop])


def test_no_more_of_many_csvs_is_read_than_the_rows_wanted(tmp_path, monkeypatch):
    for index in range(3):
        (tmp_path / f"{index}.csv").write_text("a,b\n" + "1,2\n" * 200_000)
    lines = []
    understand = Csv._understand
    monkeypatch.setattr(
        Csv,
        "_understand",
        lambda part, block, *rest: (
            lines.append(block.count(b"\n")) or understand(part, block, *rest)
        ),
    )
    assert read(tmp_path, rows=100).to_numpy().shape == (100, 2)
    assert sum(lines) < 100_000
    assert read(tmp_path, rows=100).count() == 100


def test_times_texts_and_unsigned_numbers_widen_between_files(tmp_path):
    pq.write_table(
        pa.table(
            {
                "t": pa.array([1], pa.timestamp("s")),
                "s": pa.array(["x"]),
                "u": pa.array([2**63], pa.uint64()),
                "d": pa.array([0], pa.date32()),
            }
        ),
        tmp_path / "0.parquet",
    )
    frame = pl.DataFrame({"t": [0], "s": ["y"], "u": [1], "d": [0]})
    times = frame["t"].cast(pl.Datetime("us")), frame["d"].cast(pl.Datetime("ms"))
    frame.with_columns(times[0], times[1], pl.col("u").cast(pl.UInt8)).write_ipc(
        tmp_path / "1.arrow", compat_level=pl.CompatLevel.oldest()
    )
    table = read(tmp_path).to_arrow()
    assert [str(kind) for kind in table.schema.types] == [
        "timestamp[us]",
        "large_string",
        "uint64",
        "timestamp[ms]",
    ]
    assert table["u"].to_pylist() == [2**63, 1]


def test_a_value_that_does_not_fit_the_common_type_is_named(tmp_path):
    pq.write_table(pa.table({"a": pa.array([2**53 + 1])}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": [0.5]}), tmp_path / "1.parquet")
    with pytest.raises(
        InvalidArgumentError, match=r"0\.parquet`: column `a` holds int64"
    ) as caught:
        read(tmp_path).to_arrow()
    assert "9007199254740993" in str(caught.value)
    with pytest.raises(
        InvalidArgumentError, match="column `a` holds double, which does not all go"
    ):
        read(tmp_path / "1.parquet", types={"a": "int64"}).to_arrow()


def test_globs_reach_into_folders_and_skip_hidden_files(tmp_path, write, table):
    for name in ("a/x.csv", "a/b/y.csv", "a/.z.csv", "a/_tmp/z.csv", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, table) if name.endswith(".csv") else (tmp_path / name).touch()
    assert read(f"{tmp_path}/a/*.csv").count() == 40
    assert read(f"{tmp_path}/**/[xy].csv").count() == 80
    assert read(tmp_path / "a").count() == 80
    assert read(f"file://{tmp_path}/a/x.csv").count() == 40
    with pytest.raises(NotFoundError, match="no file matches"):
        read(f"{tmp_path}/*.parquet")


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: pa.table({str(i): x[:, i] for i in range(4)}),
        lambda x: pa.record_batch({str(i): x[:, i] for i in range(4)}),
        lambda x: pd.DataFrame(x, columns=list("0123")),
        lambda x: pl.DataFrame(x, schema=list("0123")),
        lambda x: pa.table({str(i): x[:, i] for i in range(4)}).to_reader(),
    ],
    ids=["numpy", "table", "batch", "pandas", "polars", "reader"],
)
def test_tables_in_memory_are_sources(matrix, make):
    source = read(make(matrix), columns=["2", "0"], rows=range(3, 11))
    np.testing.assert_array_equal(source.to_numpy(), matrix[3:11][:, [2, 0]])
    np.testing.assert_array_equal(source.to_numpy(), matrix[3:11][:, [2, 0]])
    assert source.n_rows == 8


def test_what_is_in_memory_is_not_copied(matrix):
    assert np.shares_memory(read(matrix).to_numpy(), matrix)
    assert np.shares_memory(read(matrix, rows=7).to_numpy(), matrix)
    frame = pl.DataFrame({"a": matrix[:, 0].copy(), "b": matrix[:, 1].copy()})
    before = frame["a"].to_numpy()
    numbers = matrix[:, 0].copy()
    (batch,) = read(pd.DataFrame({"a": numbers}, copy=False)).batches()
    assert np.shares_memory(batch.column("a").to_numpy(), numbers)
    (batch,) = read(frame).batches()
    assert np.shares_memory(batch.column("a").to_numpy(), before)


def test_a_source_goes_where_arrow_goes(table):
    source = read(table)
    assert pa.table(source).equals(table)
    assert pl.DataFrame(source).shape == (40, 4)
    assert (
        pd.DataFrame.from_arrow(source).shape == (40, 4)
        if hasattr(pd.DataFrame, "from_arrow")
        else True
    )
    assert "<td>a</td>" in source._repr_html_()
    assert "pyarrow.Table" in repr(source)


def test_only_the_rows_wanted_of_a_csv_are_read(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * 100_000 + "broken\n")
    assert read(path, rows=100).to_numpy().shape == (100, 2)
    with pytest.raises(InvalidArgumentError, match="row 100001, line 100002 has 1 column"):
        read(path).to_numpy()


def test_only_the_row_groups_and_columns_wanted_of_parquet_are_read(tmp_path, write, table):
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=10, compression="none", use_dictionary=False)
    meta = pq.ParquetFile(path).metadata
    raw = bytearray(path.read_bytes())
    for group in range(1, 4):
        for column in range(4):
            chunk = meta.row_group(group).column(column)
            raw[chunk.data_page_offset : chunk.data_page_offset + 8] = b"\xff" * 8
    path.write_bytes(raw)
    np.testing.assert_array_equal(read(path, rows=10).to_arrow()["c"], table["c"][:10])
    with pytest.raises(ValueError, match="is damaged Parquet"):
        read(path).to_arrow()


def test_importing_the_package_loads_neither_numpy_nor_pyarrow():
    code = "import sys, ferrule.data; print(*{'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rows": -1}, "rows is -1"),
        ({"rows": slice(0, 9, 2)}, "without step"),
        ({"rows": slice("a", 3)}, "rows is slice"),
        ({"rows": slice(0, 2.5)}, "rows is slice"),
        ({"types": {"z": "int8"}}, "has no column `z`"),
        ({"types": {"a": "number"}}, "which is no type"),
        ({"dtype": "int32"}, "float16, float32 or float64 is expected"),
        ({"on_error": "ignore"}, "'raise', 'skip', 'collect'"),
        ({"missing": "zero"}, "'raise', 'nan'"),
        ({"columns": ["a", "a"]}, "given twice"),
        ({"columns": ["z"]}, "has no column `z`"),
        ({"columns": []}, "no columns are chosen"),
        ({"columns": "a"}, "a list of names"),
    ],
)
def test_wrong_arguments_are_refused(table, options, says):
    with pytest.raises(InvalidArgumentError, match=says):
        read(table, **options).to_numpy()


def test_what_is_no_table_is_refused():
    with pytest.raises(InvalidArgumentError, match="a dict is no table"):
        read({"a": 1})
    with pytest.raises(InvalidArgumentError, match="has no columns"):
        read(np.empty((3, 0))).to_numpy()
    with pytest.raises(InvalidArgumentError, match="the list is empty"):
        read([])
    assert isinstance(read(read(np.eye(2))), Source)


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize("n_files", [1, 3])
def test_batches_of_wide_rows_keep_to_the_memory_budget(tmp_path, write, kind, n_files):
    wide = pa.table({f"c{i}": np.arange(500.0) for i in range(100)})
    for index in range(n_files):
        write(tmp_path / f"{index}.{kind}", wide)
    source = read(tmp_path, memory_budget=40_000)
    assert max(batch.nbytes for batch in source.batches()) <= 44_000  # with their bitmaps
    assert max(matrix.nbytes for matrix in source.matrices()) <= 40_000
    assert source.to_numpy().shape == (500 * n_files, 100)
