"""A hundred inputs that are damaged, hostile or not what they say: each one a typed error, told in
one line that names the file and the cause, with nothing left where output would have been."""

import io
import socket
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ferrule.data import FrameStack, convert, read
from ferrule.errors import (
    DataLossError,
    FerruleError,
    InvalidArgumentError,
    NotFoundError,
    OutOfMemoryError,
    UnavailableError,
)

TABLE = pa.table({"a": np.arange(5000.0), "b": np.arange(5000.0) ** 0.5, "s": ["x", "yy"] * 2500})


def as_bytes(write):
    sink = io.BytesIO()
    write(sink)
    return sink.getvalue()


def ipc(table, kind="file", **options):
    def write(sink):
        maker = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with maker(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
            out.write_table(table, max_chunksize=1000)

    return as_bytes(write)


def npz(**members):
    def write(sink):
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("_npy", ".npy"), content)

    return as_bytes(write)


def npy_header(text, version=(1, 0)):
    text = text.encode() + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text


def flipped(raw, at, mask=0xFF):
    raw = bytearray(raw)
    raw[at] ^= mask
    return bytes(raw)


PARQUET = as_bytes(lambda sink: pq.write_table(TABLE, sink, row_group_size=1000))
PLAIN = as_bytes(lambda sink: pq.write_table(TABLE, sink, compression="none", use_dictionary=False))
ARROW, STREAM = ipc(TABLE), ipc(TABLE, "stream")
ZIPPED = ipc(TABLE, compression="zstd")
NPY = as_bytes(lambda sink: np.save(sink, np.zeros((10, 3))))
OBJECTS = as_bytes(lambda sink: np.save(sink, np.array([[{}, []]], object), allow_pickle=True))
HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s, %s), }"
NO = "is not Parquet"
BROKEN = (InvalidArgumentError, DataLossError)

# name of the file, its bytes, the error, what it says
FILES = [
    # Parquet
    ("empty.parquet", b"", InvalidArgumentError, "is empty"),
    ("magic.parquet", b"PAR1", InvalidArgumentError, NO),
    ("text.parquet", b"a,b\n1,2\n" * 50, InvalidArgumentError, NO),
    ("half.parquet", PARQUET[: len(PARQUET) // 2], InvalidArgumentError, NO),
    ("less1.parquet", PARQUET[:-1], InvalidArgumentError, NO),
    ("less8.parquet", PARQUET[:-8], InvalidArgumentError, NO),
    ("tail.parquet", PARQUET[-500:], InvalidArgumentError, NO),
    ("zeros.parquet", bytes(4096), InvalidArgumentError, NO),
    ("footer.parquet", PARQUET[:-8] + b"\xff\xff\xff\x7fPAR1", InvalidArgumentError, NO),
    ("negative.parquet", PARQUET[:-8] + b"\xff\xff\xff\xffPAR1", InvalidArgumentError, NO),
    ("thrift.parquet", PARQUET[:-200] + bytes(192) + PARQUET[-8:], BROKEN, "Parquet"),
    ("page.parquet", PLAIN[:4] + b"\xff" * 64 + PLAIN[68:], DataLossError, "is damaged Parquet"),
    ("snappy.parquet", PARQUET[:60] + b"\xff" * 400 + PARQUET[460:], DataLossError, "is damaged"),
    ("arrow.parquet", ARROW, InvalidArgumentError, NO),
    ("sealed.parquet", PARQUET[:-4] + b"PARE", BROKEN, "Parquet"),
    # Arrow
    ("empty.arrow", b"", InvalidArgumentError, "is empty"),
    ("magic.arrow", b"ARROW1\0\0", InvalidArgumentError, "is not Arrow"),
    ("text.arrow", b"hello, world\n" * 20, InvalidArgumentError, "is not Arrow"),
    ("half.arrow", ARROW[: len(ARROW) // 2], InvalidArgumentError, "is not Arrow"),
    ("less1.arrow", ARROW[:-1], InvalidArgumentError, "is not Arrow"),
    (
        "huge.arrow",
        ARROW[:8] + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + ARROW[16:-1],
        InvalidArgumentError,
        "is not Arrow",
    ),
    (
        "footer.arrow",
        ARROW[:-10] + b"\xff\xff\xff\x7f" + ARROW[-6:],
        InvalidArgumentError,
        "is not Arrow",
    ),
    ("feather1.feather", b"FEA1" + bytes(100) + b"FEA1", InvalidArgumentError, "Feather V1"),
    (
        "metadata.ipc",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(64),
        InvalidArgumentError,
        "is not Arrow",
    ),
    ("half.ipc", STREAM[: len(STREAM) // 2], DataLossError, "is damaged Arrow"),
    ("header.ipc", STREAM[:100], InvalidArgumentError, "is not Arrow"),
    ("zstd.arrow", ZIPPED.replace(b"\x28\xb5\x2f\xfd", b"\0\0\0\0"), DataLossError, "is damaged"),
    (
        "offsets.arrow",
        ARROW.replace(struct.pack("<3i", 0, 1, 3), struct.pack("<3i", 0, 1 << 30, 3)),
        DataLossError,
        "is damaged Arrow",
    ),
    # CSV
    ("empty.csv", b"", InvalidArgumentError, "is empty"),
    ("blank.csv", b"\n\n  \n", InvalidArgumentError, "blank.csv"),
    ("bom.csv", b"\xef\xbb\xbf", InvalidArgumentError, "is empty"),
    ("header.csv", b"a,b\n", InvalidArgumentError, "has no rows"),
    ("long.csv", b"a,b\n1,2\n3,4,5\n", InvalidArgumentError, "row 2, line 3 has 3 columns"),
    ("short.csv", b"a,b\n1,2\n3\n", InvalidArgumentError, "row 2, line 3 has 1 column;"),
    (
        "late.csv",
        b"a,b\n" + b"1,2\n" * 9000 + b"x,2\n",
        InvalidArgumentError,
        "column `a` has `x` in row 9001, line 9002, where a number is expected",
    ),
    ("text.csv", b"a,b\nAda,2\n", InvalidArgumentError, "column `a` has `Ada` in row 1, line 2"),
    ("date.csv", b"a\n2013-01-01\n", InvalidArgumentError, "column `a` has `2013-01-01`"),
    ("hex.csv", b"a\n1\n0x1F\n", InvalidArgumentError, "column `a` has `0x1F` in row 2"),
    ("under.csv", b"a\n1\n1_000\n", InvalidArgumentError, "column `a` has `1_000` in row 2"),
    ("percent.csv", b"a\n1\n5%\n", InvalidArgumentError, "column `a` has `5%` in row 2"),
    ("missing.csv", b"a,b\n1,\n", InvalidArgumentError, "column `b` has no value in row 1, line 2"),
    ("nan.csv", b"a,b\n1,2\nnan,3\n", InvalidArgumentError, "column `a` has no value in row 2"),
    ("inf.csv", b"a,b\n1,2\ninf,3\n", InvalidArgumentError, "column `a` is infinite"),
    ("big.csv", b"a,b\n1,2\n1e999,3\n", InvalidArgumentError, "column `a` is infinite"),
    ("twice.csv", b"a,a\n1,2\n", InvalidArgumentError, "two columns called `a`"),
    ("unnamed.csv", b",a\n1,2\n", InvalidArgumentError, "column 0 of"),
    ("semicolon.csv", b"a;b\n1;2\n", InvalidArgumentError, "separated by `;`"),
    ("pipe.csv", b"a|b\n1|2\n", InvalidArgumentError, "separated by `|`"),
    ("tab.csv", b"a\tb\n1\t2\n", InvalidArgumentError, "separated by tabs"),
    ("comma.tsv", b"a,b\n1,2\n", InvalidArgumentError, "separated by `,`"),
    ("utf16.csv", "a,b\n1,2\n".encode("utf-16"), InvalidArgumentError, "UTF-16"),
    ("latin.csv", "a,stra\xdfe\n1,2\n".encode("latin-1"), InvalidArgumentError, "not CSV in UTF-8"),
    ("latin-late.csv", b"a,b\n1,x\n2,\xff\n", InvalidArgumentError, "latin-late.csv"),
    ("binary.csv", bytes(range(256)) * 8, InvalidArgumentError, "zero bytes"),
    ("nul.csv", b"a,b\n1,2\n\0,3\n", InvalidArgumentError, "zero bytes"),
    (
        "late-nul.csv",
        b"a,b\n" + b"1,2\n" * (5 << 19) + b"1,\0\n",
        InvalidArgumentError,
        "column `b` has",
    ),
    ("mac.csv", b"a,b\r1,2\r3,4\r", InvalidArgumentError, "CR alone"),
    (
        "line.csv",
        b"a,b\n1," + b"2" * (65 << 20),
        InvalidArgumentError,
        "a line of more than 64 MiB",
    ),
    ("quote.csv", b'a,b\n1,"2\n3,4\n', InvalidArgumentError, "quote.csv"),
    ("image.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", InvalidArgumentError, "not CSV in UTF-8"),
    ("plain.csv.gz", b"a,b\n1,2\n", InvalidArgumentError, "plain.csv.gz"),
    ("cut.csv.gz", bytes.fromhex("1f8b0800000000000003"), InvalidArgumentError, "cut.csv.gz"),
    ("noise.csv.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 50, InvalidArgumentError, "noise.csv.zst"),
    ("noise.csv.bz2", b"BZh9" + b"\xff" * 50, InvalidArgumentError, "noise.csv.bz2"),
    # npy
    ("empty.npy", b"", InvalidArgumentError, "is empty"),
    ("text.npy", b"1,2\n", InvalidArgumentError, "is not an npy file"),
    ("magic.npy", b"\x93NUMPY", InvalidArgumentError, "is not an npy file"),
    ("version.npy", b"\x93NUMPY\x09\x00" + bytes(100), InvalidArgumentError, "is not an npy file"),
    ("objects.npy", OBJECTS, InvalidArgumentError, "is not an npy file of plain numbers"),
    ("pickle.npy", b"\x80\x04\x95\x10" + bytes(64), InvalidArgumentError, "is not an npy file"),
    ("half.npy", NPY[: len(NPY) // 2], InvalidArgumentError, "whole"),
    ("less1.npy", NPY[:-1], InvalidArgumentError, "are cut to"),
    (
        "cube.npy",
        as_bytes(lambda sink: np.save(sink, np.zeros((2, 2, 2)))),
        InvalidArgumentError,
        "3 dimensions; 2 are expected",
    ),
    (
        "line.npy",
        as_bytes(lambda sink: np.save(sink, np.zeros(4))),
        InvalidArgumentError,
        "1 dimension; 2 are expected",
    ),
    (
        "words.npy",
        as_bytes(lambda sink: np.save(sink, np.array([["a"]]))),
        InvalidArgumentError,
        "numbers are expected",
    ),
    (
        "complex.npy",
        as_bytes(lambda sink: np.save(sink, np.array([[1j]]))),
        InvalidArgumentError,
        "numbers are expected",
    ),
    (
        "times.npy",
        as_bytes(lambda sink: np.save(sink, np.zeros((1, 1), "M8[s]"))),
        InvalidArgumentError,
        "numbers are expected",
    ),
    (
        "records.npy",
        as_bytes(lambda sink: np.save(sink, np.zeros((1, 1), "f8,i4"))),
        InvalidArgumentError,
        "numbers are expected",
    ),
    ("huge.npy", npy_header(HUGE % (1 << 40, 1 << 10)), InvalidArgumentError, "are cut to 0"),
    ("endless.npy", npy_header(HUGE % (1 << 62, 1 << 62)), InvalidArgumentError, "npy file"),
    ("below.npy", npy_header(HUGE % (-1, 3)), InvalidArgumentError, "npy file"),
    ("code.npy", npy_header("__import__('os').abort()"), InvalidArgumentError, "npy file"),
    ("deep.npy", npy_header("(" * 60_000, (2, 0)), InvalidArgumentError, "npy file"),
    (
        "nan.npy",
        as_bytes(lambda sink: np.save(sink, np.array([[1, np.nan]]))),
        InvalidArgumentError,
        "column `1` has no value in row 1",
    ),
    # npz
    ("text.npz", b"PK, not really", InvalidArgumentError, "is not an npz file"),
    ("none.npz", npz(), InvalidArgumentError, "is not an npz file"),
    ("shapes.npz", npz(a_npy=NPY, b_npy=NPY), InvalidArgumentError, "one matrix is expected"),
    ("objects.npz", npz(a_npy=OBJECTS), InvalidArgumentError, "plain numbers"),
    ("lies.npz", npz(a_npy=npy_header(HUGE % (1 << 30, 8))), InvalidArgumentError, "the zip holds"),
    (
        "crc.npz",
        flipped(as_bytes(lambda sink: np.savez(sink, a=np.ones((99, 9)))), 3000),
        DataLossError,
        "is damaged",
    ),
    ("cut.npz", npz(a_npy=NPY)[:-30], InvalidArgumentError, "is not an npz file"),
    # LibSVM
    ("empty.libsvm", b"", InvalidArgumentError, "is empty"),
    ("words.libsvm", b"1 a:2\n", InvalidArgumentError, "row 1, line 1 is not LibSVM"),
    ("label.libsvm", b"cat 1:2\n", InvalidArgumentError, "`cat` where a number is expected"),
    ("value.libsvm", b"1 1:2\n1 1:x\n", InvalidArgumentError, "row 2, line 2 is not LibSVM"),
    ("order.libsvm", b"1 3:1 2:1\n", InvalidArgumentError, "they are to rise"),
    ("below.libsvm", b"1 -1:1\n", InvalidArgumentError, "index:value is expected"),
    ("far.libsvm", b"1 2000000000:1\n", InvalidArgumentError, "features up to 2,000,000,000"),
    ("longint.libsvm", b"1 " + b"9" * 5000 + b":1\n", InvalidArgumentError, "longint.libsvm"),
    ("binary.libsvm", b"\x80\xff\xfe", InvalidArgumentError, "it is not text"),
    ("comments.libsvm", b"# nothing\n\n", InvalidArgumentError, "has no rows"),
    # names
    ("x.txt", b"a,b\n1,2\n", InvalidArgumentError, "no kind of data"),
    ("x", b"a,b\n1,2\n", InvalidArgumentError, "has no ending"),
    ("x.parquet.gz", PARQUET, InvalidArgumentError, "no kind of data"),
    ("x.pkl", b"\x80\x04.", InvalidArgumentError, "no kind of data"),
]


def one_line(caught, *parts):
    error = caught.value
    assert isinstance(error, FerruleError)
    text = str(error)
    assert "\n" not in text
    assert not text.endswith(".")
    assert len(text) < 500
    for part in parts:
        assert part in text


@pytest.mark.parametrize("case", FILES, ids=lambda case: case[0])
def test_a_bad_file_is_told_and_nothing_is_written(tmp_path, case):
    name, content, error, says = case
    path = tmp_path / name
    path.write_bytes(content)
    typed = name.endswith((".parquet", ".arrow", ".ipc"))
    with pytest.raises(error) as caught:
        _ = read(path).to_arrow() if typed else read(path).to_numpy()
    one_line(caught, name, says)
    with pytest.raises(error) as caught:
        convert(path, tmp_path / ("out.csv" if typed else "out.npy"))
    one_line(caught, name, says)
    assert [one.name for one in tmp_path.iterdir()] == [name]


# Stacks take missing and infinite values as they are, and lines of any length.
TAKEN_BY_STACKS = {"missing.csv", "nan.csv", "inf.csv", "big.csv", "line.csv", "nan.npy"}


@pytest.mark.parametrize("case", FILES, ids=lambda case: case[0])
def test_the_quick_readers_of_stacks_refuse_what_the_general_ones_do(tmp_path, case):
    name, content, *_ = case
    path = tmp_path / name
    path.write_bytes(content)
    if name in TAKEN_BY_STACKS:
        assert FrameStack.read(path).n_frames == 1
        return
    with pytest.raises(FerruleError) as caught:
        FrameStack.read(path).save(tmp_path / "out.safetensors")
    one_line(caught, name)
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["x.parquet", "p.parquet", "x.arrow", "z.arrow", "x.ipc", "x.npz"])
def test_flipped_bits_give_a_table_or_a_typed_error(tmp_path, name):
    raw = {
        "x.parquet": PARQUET,
        "p.parquet": PLAIN,
        "x.arrow": ARROW,
        "z.arrow": ZIPPED,
        "x.ipc": STREAM,
        "x.npz": npz(a_npy=NPY),
    }[name]
    chance = np.random.default_rng(0)
    refused = []
    for _ in range(60):
        # Half of them near the end, where footers are.
        at = int(chance.integers(len(raw)) if chance.random() < 0.5 else -chance.integers(1, 400))
        (tmp_path / name).write_bytes(flipped(raw, at % len(raw), 1 << int(chance.integers(8))))
        try:
            read(tmp_path / name).to_arrow().validate(full=True)
        except FerruleError as error:
            refused.append(str(error))
    assert refused
    assert not any("\n" in said for said in refused)


def test_a_hundred_files_are_tried():
    assert len(FILES) >= 100
    assert len({name for name, *_ in FILES}) == len(FILES)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv"])
def test_ten_thousand_columns_are_read_and_one_of_them_is_named(tmp_path, kind):
    wide = np.arange(20_000.0).reshape(2, 10_000)
    wide[1, 7777] = np.nan
    path = tmp_path / f"x.{kind}"
    convert(pa.table({f"c{i}": wide[:, i] for i in range(10_000)}), path)
    with pytest.raises(InvalidArgumentError) as caught:
        read(path).to_numpy()
    one_line(caught, f"x.{kind}", "column `c7777` has no value in row 2")
    np.testing.assert_array_equal(read(path, missing="nan").to_numpy(), wide)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": pa.array(["x"])}, "column `a` has `x` in row 1"),
        ({"a": pa.array([[1.0]])}, "column `a` holds list"),
        ({"a": pa.array([{"b": 1}])}, "column `a` holds struct"),
        ({"a": pa.array([None], pa.float64())}, "column `a` has no value in row 1"),
        ({"a": pa.array([b"x"])}, "column `a` holds binary"),
        ({"a": pa.array([0], pa.timestamp("s"))}, "column `a` holds timestamp"),
        ({"a": pa.array(["x"]).dictionary_encode()}, "column `a` has `x`"),
    ],
)
def test_columns_that_hold_no_numbers_are_named(tmp_path, columns, says):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(InvalidArgumentError) as caught:
        read(tmp_path / "x.parquet").to_numpy()
    one_line(caught, "x.parquet", says)


def test_files_that_drift_apart_are_named_with_their_column(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    for text, says in (
        ("x\n1\n", "b.csv` has no column `y`"),
        ("x,y,z\n1,2,3\n", "b.csv` has also `z`"),
        ("x,y\n1,two\n", "b.csv`: column `y` holds string; it holds int64 in"),
        ("1,2\n", "has no names of columns"),
    ):
        (tmp_path / "b.csv").write_text(text)
        with pytest.raises(InvalidArgumentError) as caught:
            read(tmp_path / "*.csv").to_arrow()
        one_line(caught, "a.csv", says)


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("uri", "error", "says"),
    [
        (
            "s3://k:s@bucket/x.csv?endpoint_override=http://127.0.0.1:{port}",
            UnavailableError,
            "reached",
        ),
        (
            "gs://bucket/x.csv?endpoint_override=http://127.0.0.1:{port}&anonymous=true",
            UnavailableError,
            "reached",
        ),
        ("hdfs://127.0.0.1:{port}/x.csv", UnavailableError, "reached"),
        ("webhdfs://127.0.0.1:{port}/x.csv", UnavailableError, "reached"),
        ("http://127.0.0.1:{port}/x.csv", UnavailableError, "reached"),
        ("https://127.0.0.1:{port}/x.csv", UnavailableError, "reached"),
        ("ftp://127.0.0.1/x.csv", InvalidArgumentError, "`ftp` is no scheme"),
        ("s3:///x.csv", InvalidArgumentError, "names no host or bucket"),
        ("file:///none/x.csv", NotFoundError, "/none"),
    ],
)
def test_places_that_are_down_or_nowhere_are_named(uri, error, says, monkeypatch):
    monkeypatch.setattr("ferrule.data._remote.GCS_SECONDS", 0.5)
    uri = uri.format(port=unused_port())
    with pytest.raises(error) as caught:
        read(uri).to_numpy()
    one_line(caught, says)


def test_more_than_fits_in_memory_is_refused_before_it_is_taken(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros((1000, 10), np.float32))
    convert(tmp_path / "x.npy", tmp_path / "x.parquet")
    monkeypatch.setattr("ferrule.data._memory.available_bytes", lambda: 79_999)
    with pytest.raises(OutOfMemoryError) as caught:
        read(tmp_path / "x.parquet", dtype="float64").to_numpy()
    one_line(caught, "x.parquet", "needs 80,000 bytes; 79,999 are available")
    assert read(tmp_path / "x.parquet").to_numpy().shape == (1000, 10)
