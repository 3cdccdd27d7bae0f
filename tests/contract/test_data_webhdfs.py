"""`webhdfs://` against a stand-in for a NameNode and a DataNode; see webhdfs_server."""

import socket
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from webhdfs_server import WebHdfs

from ferrule.data import convert, read
from ferrule.errors import FerruleError, NotFoundError, PermissionDeniedError, UnavailableError

MATRIX = np.random.default_rng(0).normal(size=(500, 3))
TABLE = pa.table({name: MATRIX[:, index] for index, name in enumerate("abc")})


@pytest.fixture
def hdfs(tmp_path):
    (tmp_path / "data/deep").mkdir(parents=True)
    pyarrow.csv.write_csv(TABLE, tmp_path / "data/x.csv")
    pq.write_table(TABLE, tmp_path / "data/y.parquet", row_group_size=100)
    pyarrow.csv.write_csv(TABLE, tmp_path / "data/deep/z.csv")
    server = WebHdfs(tmp_path)
    yield server
    server.stop()


@pytest.mark.parametrize("name", ["x.csv", "y.parquet"])
def test_a_file_is_read_from_the_datanode_that_the_namenode_names(hdfs, name):
    source = read(f"{hdfs.uri}/data/{name}")
    np.testing.assert_array_equal(source.to_numpy(), MATRIX)
    np.testing.assert_array_equal(source.head(7).select(["c"]).to_numpy(), MATRIX[:7, 2:])
    opened = [role for role, op, _ in hdfs.log if op == "OPEN"]
    assert opened.count("data") == opened.count("name") > 0


def test_folders_and_globs_are_listed(hdfs):
    assert read(f"{hdfs.uri}/data/*.csv").count() == 500
    assert read(f"{hdfs.uri}/data/**/*.csv").count() == 1000
    assert read(f"{hdfs.uri}/data").count() == 1500


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("data/none.csv", NotFoundError),
        ("data/*.npy", NotFoundError),
        ("none/*.csv", NotFoundError),
        ("locked/x.csv", PermissionDeniedError),
    ],
)
def test_what_is_not_there_or_not_ours_is_named(hdfs, path, error):
    with pytest.raises(error) as caught:
        read(f"{hdfs.uri}/{path}").to_numpy()
    assert f"{hdfs.uri}/{path}" in str(caught.value)


def test_a_namenode_that_is_down_is_told_at_once(hdfs):
    hdfs.stop()
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=f"{hdfs.uri}/data/x.csv` cannot be reached"):
        read(f"{hdfs.uri}/data/x.csv").to_numpy()
    assert time.monotonic() - started < 5


def test_a_namenode_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("ferrule.data._remote.SILENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(UnavailableError, match="cannot be reached"):
            read(f"webhdfs://127.0.0.1:{silent.getsockname()[1]}/x.csv").to_numpy()
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["new.parquet", "new.csv.gz", "deep/more/new.npy"])
def test_a_file_is_written_beside_its_place_and_renamed(hdfs, tmp_path, name):
    (written,) = convert(MATRIX, f"{hdfs.uri}/data/{name}")
    assert (written.name, written.n_rows) == (f"{hdfs.uri}/data/{name}", 500)
    np.testing.assert_array_equal(read(tmp_path / "data" / name).to_numpy(), MATRIX)
    touched = [path for role, op, path in hdfs.log if op in ("CREATE", "APPEND")]
    assert touched
    assert f"/data/{name}" not in touched
    convert(MATRIX[:9], f"{hdfs.uri}/data/{name}")
    assert read(tmp_path / "data" / name).count() == 9


def test_a_file_that_cannot_be_sent_leaves_the_old_one(hdfs, tmp_path, monkeypatch):
    before = (tmp_path / "data/y.parquet").read_bytes()
    monkeypatch.setattr("webhdfs_server._DataNode._append", lambda self, *_: self._answer(500))
    with pytest.raises(FerruleError, match=r"y\.parquet"):
        convert(MATRIX, f"{hdfs.uri}/data/y.parquet")
    assert (tmp_path / "data/y.parquet").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "deep",
        "x.csv",
        "y.parquet",
    ]
    with pytest.raises(PermissionDeniedError):
        convert(MATRIX, f"{hdfs.uri}/locked/x.csv")
