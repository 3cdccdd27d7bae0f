import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ferrule import data
from ferrule.data import FrameStack, _quick
from ferrule.errors import (
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    OutOfMemoryError,
)

COLUMNS = ("a", "b", "c")


@pytest.fixture(scope="module")
def frames():
    generator = np.random.default_rng(0)
    return [pd.DataFrame(generator.normal(size=(57, 3)), columns=list(COLUMNS)) for _ in range(5)]


def write(frame, path):
    match path.suffix:
        case ".csv" | ".gz":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
        case ".feather":
            frame.to_feather(path)
        case ".npy":
            np.save(path, frame.to_numpy())


@pytest.fixture
def quick_only(monkeypatch):
    """Fails a test whose files go the general way."""
    monkeypatch.setattr("ferrule.data._stack_read._General", None)


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "parquet", "feather", "npy"])
@pytest.mark.parametrize("dtype", [None, "float16", "float32"])
def test_files_of_every_kind_become_frames(frames, tmp_path, ending, dtype):
    for index, frame in enumerate(frames):
        write(frame, tmp_path / f"{index}.{ending}")
    stack = FrameStack.read(tmp_path, dtype=dtype)
    assert stack.columns == (("0", "1", "2") if ending == "npy" else COLUMNS)
    assert stack.values.ctypes.data % 64 == 0
    expected = np.stack([frame.to_numpy().T for frame in frames]).astype(dtype or "float64")
    np.testing.assert_array_equal(stack.values, expected)


def test_rows_and_columns_can_be_chosen(frames, tmp_path):
    for index, frame in enumerate(frames):
        write(frame.assign(name="text"), tmp_path / f"{index}.{('csv', 'parquet')[index % 2]}")
    expected = np.stack([frame.to_numpy().T[[2, 0], 10:20] for frame in frames])
    stack = FrameStack.read(str(tmp_path), rows=slice(10, 20), columns=["c", "a"])
    np.testing.assert_array_equal(stack.values, expected)
    assert stack.columns == ("c", "a")
    assert FrameStack.read(tmp_path, rows=1000, columns=["c"]).n_rows == 57
    assert FrameStack.read(tmp_path, rows=slice(50, None), columns=["c"]).n_rows == 7
    assert FrameStack.read(tmp_path, rows=3, columns=["b"]).values.shape == (5, 1, 3)


def test_a_source_and_lists_are_taken(frames, tmp_path):
    for index, frame in enumerate(frames[:2]):
        write(frame, tmp_path / f"{index}.csv")
    paths = [tmp_path / "1.csv", tmp_path / "0.csv"]
    for what in (paths, data.read(paths), frames[1::-1]):
        stack = FrameStack.read(what)
        np.testing.assert_array_equal(stack.frame(0), frames[1].to_numpy())
        np.testing.assert_array_equal(stack.frame(1), frames[0].to_numpy())
    chosen = FrameStack.read(data.read(paths).select(["b"]))
    np.testing.assert_array_equal(chosen.frame(1), frames[0][["b"]].to_numpy())


def test_bad_rows_are_left_out_where_the_source_says_so(tmp_path):
    for index in range(2):
        rows = [f"{row},{row}" if row % 4 != index else f"{row},x" for row in range(12)]
        (tmp_path / f"{index}.csv").write_text("\n".join(["a,b", *rows, ""]))
    source = data.read(tmp_path, on_error="skip")
    good = [[row for row in range(12) if row % 4 != index] for index in range(2)]
    np.testing.assert_array_equal(FrameStack.read(source).values[:, 0], good)
    part = FrameStack.read(source, rows=slice(2, 5)).values[:, 1]
    np.testing.assert_array_equal(part, [good[0][2:5], good[1][2:5]])


PARQUET = {
    "defaults": {},
    "plain": {"use_dictionary": False},
    "uncompressed": {"compression": "none"},
    "second version of pages": {"data_page_version": "2.0"},
    "uncompressed second version": {"data_page_version": "2.0", "compression": "none"},
    "byte stream split": {"use_dictionary": False, "use_byte_stream_split": True},
    "small pages": {"data_page_size": 64, "write_batch_size": 10, "write_page_index": True},
    "small plain pages": {"data_page_size": 64, "write_batch_size": 10, "use_dictionary": False},
    "row groups": {"row_group_size": 13},
    "large dictionary": {"dictionary_pagesize_limit": 256},
}


@pytest.mark.parametrize("options", PARQUET.values(), ids=PARQUET.keys())
@pytest.mark.parametrize("nulls", [0.0, 0.2, 1.0])
@pytest.mark.usefixtures("quick_only")
def test_parquet_is_read_as_pyarrow_reads_it(tmp_path, options, nulls):
    generator = np.random.default_rng(1)
    kinds = ["f8", "f4", "i4", "i8", "i2", "u1"]
    arrays = [
        pa.array(generator.integers(0, 99, 300).astype(kind), mask=generator.random(300) < nulls)
        for kind in kinds
    ]
    table = pa.table(dict(zip(kinds, arrays, strict=True)))
    if "use_byte_stream_split" in options:
        table = table.select(["f8", "f4"])
    pq.write_table(table, tmp_path / "x.parquet", **options)
    expected = np.stack([column.to_numpy().astype("f8") for column in table.columns])
    for rows in (slice(None), slice(10), slice(7, 45), slice(290, 300)):
        stack = FrameStack.read(tmp_path / "x.parquet", rows=rows)
        np.testing.assert_array_equal(stack.values[0], expected[:, rows])


@pytest.mark.usefixtures("quick_only")
def test_required_columns_are_read(tmp_path):
    schema = pa.schema([pa.field("a", pa.float64(), nullable=False)])
    table = pa.table({"a": np.arange(9.0)}, schema)
    for version in ("1.0", "2.0"):
        pq.write_table(table, tmp_path / "x.parquet", data_page_version=version)
        stack = FrameStack.read(tmp_path / "x.parquet", rows=slice(2, 9))
        np.testing.assert_array_equal(stack.values[0, 0], np.arange(2.0, 9.0))


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (pa.array([1.0, None, 3.0]), {"compression": "zstd"}),
        (pa.array([1.0, None, 3.0]), {"compression": "gzip"}),
        (pa.array([1, 2, 3]), {"use_dictionary": False, "column_encoding": "DELTA_BINARY_PACKED"}),
        (pa.array([1, None, 3], pa.uint64()), {}),
        (pa.array([True, None, False]), {}),
        (pa.array([1, 2, 3], pa.float16()), {}),
        (pa.array([1, None, 3]).cast(pa.decimal128(30, 2)), {}),
    ],
)
def test_parquet_of_other_kinds_goes_the_general_way(tmp_path, array, options):
    pq.write_table(pa.table({"a": array}), tmp_path / "x.parquet", **options)
    stack = FrameStack.read(tmp_path / "x.parquet")
    expected = np.array([np.nan if one is None else float(one) for one in array.to_pylist()])
    np.testing.assert_array_equal(stack.values[0, 0], expected)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["x", "y"]),
        pa.array([[1.0], [2.0]]),
        pa.array([1, 2], pa.timestamp("ns")),
        pa.array([1, 2], pa.date32()),
    ],
)
def test_columns_that_are_not_numbers_are_named(tmp_path, array):
    pq.write_table(pa.table({"good": [1.0, 2.0], "bad": array}), tmp_path / "x.parquet")
    with pytest.raises(InvalidArgumentError, match=r"x\.parquet.*`bad`"):
        FrameStack.read(tmp_path / "x.parquet")
    assert FrameStack.read(tmp_path / "x.parquet", columns=["good"]).n_columns == 1


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_a_file_that_differs_is_named_with_what_differs(frames, tmp_path, ending):
    def refusal(other):
        write(frames[0], tmp_path / f"0.{ending}")
        write(other, tmp_path / f"1.{ending}")
        with pytest.raises(InvalidArgumentError) as caught:
            FrameStack.read(tmp_path / f"*.{ending}")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert f"1.{ending}` has 56 rows, `" in refusal(frames[0].iloc[:56])
    assert f"0.{ending}` has 57" in refusal(
        pd.concat([frames[0], frames[1]]).reset_index(drop=True)
    )
    assert f"1.{ending}" in refusal(frames[0].assign(d=1.0))
    assert f"1.{ending}" in refusal(frames[0][["a", "b"]])
    assert "`x`" in refusal(frames[0].rename(columns={"b": "x"}))
    assert f"1.{ending}" in refusal(frames[0].astype({"b": str}).assign(b="text"))


def test_a_ragged_row_and_text_are_named_with_file_and_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(InvalidArgumentError, match=r"x\.csv.*line 3"):
        FrameStack.read(path)
    path.write_text("a,b\n1,2\n3,four\n")
    with pytest.raises(InvalidArgumentError, match=r"x\.csv.*`b`.*four"):
        FrameStack.read(path)


@pytest.mark.parametrize("size", [0, 3, 8, 200, -200, -1])
def test_a_cut_parquet_file_is_named(frames, tmp_path, size):
    path = tmp_path / "x.parquet"
    write(frames[0], path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises((DataLossError, InvalidArgumentError), match=r"x\.parquet"):
        FrameStack.read(path)


def test_any_changed_byte_gives_the_values_or_an_error(frames, tmp_path):
    path = tmp_path / "x.parquet"
    write(frames[0], path)
    good = path.read_bytes()
    generator = np.random.default_rng(2)
    out = np.empty((3, 57))
    for place in generator.integers(0, len(good), 3000):
        changed = bytearray(good)
        changed[place] ^= 1 << int(generator.integers(8))
        try:
            table = _quick._core.ParquetFile(changed)
            table.read([0, 1, 2], 0, out)
        except (DataLossError, InvalidArgumentError, NotImplementedError):
            pass


def test_no_rows_no_file_and_no_memory_are_said(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n")
    with pytest.raises(InvalidArgumentError, match=r"x\.csv` has no rows"):
        FrameStack.read(tmp_path / "x.csv")
    with pytest.raises(NotFoundError, match=r"no file matches"):
        FrameStack.read(tmp_path / "*.parquet")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidArgumentError, match="`c`"):
        FrameStack.read(tmp_path / "x.csv", columns=["c"])
    with pytest.raises(InvalidArgumentError, match="has no rows from row 5"):
        FrameStack.read(tmp_path / "x.csv", rows=slice(5, 9))


def test_memory_is_asked_for_before_files_are_read(frames, tmp_path, monkeypatch):
    for index, frame in enumerate(frames):
        write(frame, tmp_path / f"{index}.csv")
    monkeypatch.setattr("ferrule.data._memory.available_bytes", lambda: 1000)
    with pytest.raises(OutOfMemoryError, match=r"5 frames of 57 rows x 3 columns.* 6,840 bytes"):
        FrameStack.read(tmp_path)


def test_values_beyond_float32_are_refused(tmp_path):
    for name in ("x.csv", "x.parquet"):
        write(pd.DataFrame({"a": [1.0, 1e39]}), tmp_path / name)
        with pytest.raises(InvalidArgumentError, match="too large for float32"):
            FrameStack.read(tmp_path / name, dtype="float32")


@pytest.mark.usefixtures("quick_only")
def test_csv_numbers_are_those_of_python(tmp_path):
    generator = np.random.default_rng(3)
    bits = generator.integers(0, 2**64, 4000, np.uint64).view("f8")
    texts = [repr(float(x)) for x in bits if np.isfinite(x)]
    texts += [f"{x:.{d}f}" for x, d in zip(generator.normal(size=500), range(500), strict=True)]
    (tmp_path / "x.csv").write_text("a\n" + "\n".join(texts))
    got = FrameStack.read(tmp_path / "x.csv").values[0, 0]
    np.testing.assert_array_equal(got, [float(text) for text in texts])


def test_convert_makes_a_stack_of_files(frames, tmp_path):
    for index, frame in enumerate(frames):
        write(frame, tmp_path / f"{index}.csv")
    target = tmp_path / "s.safetensors"
    (written,) = data.convert(tmp_path / "*.csv", target, columns=["c", "a"], rows=20)
    assert (written.name, written.n_rows) == (str(target), 100)
    stack = FrameStack.open(target)
    np.testing.assert_array_equal(stack.frame(4), frames[4][["c", "a"]].to_numpy()[:20])
    with pytest.raises(InvalidArgumentError, match="not compressed"):
        data.convert(tmp_path / "*.csv", target, compression="zstd")
