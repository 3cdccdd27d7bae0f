"""`s3://` against moto's server: S3's own protocol, over loopback."""

import socket
import time
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

import ferrule
from ferrule.cli._run import run
from ferrule.data import convert, read, split
from ferrule.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)

MATRIX = np.random.default_rng(0).normal(size=(500, 3))
TABLE = pa.table({name: MATRIX[:, index] for index, name in enumerate("abc")})


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    urlopen(Request(f"{address}/bucket", method="PUT")).close()
    yield address
    server.stop()


@pytest.fixture
def s3(endpoint, monkeypatch):
    """The file system of a bucket with some objects in it; the environment leads to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    system = fs.S3FileSystem(
        access_key="key", secret_key="secret", endpoint_override=endpoint, region="us-east-1"
    )
    for name in ("x", "deep/y"):
        with system.open_output_stream(f"bucket/data/{name}.csv") as out:
            pa.csv.write_csv(TABLE, out)
    pq.write_table(TABLE, "bucket/data/z.parquet", filesystem=system, row_group_size=100)
    return system


@pytest.mark.parametrize("name", ["x.csv", "z.parquet"])
def test_an_object_is_read(s3, name):
    source = read(f"s3://bucket/data/{name}")
    np.testing.assert_array_equal(source.to_numpy(), MATRIX)
    np.testing.assert_array_equal(source.head(7).select(["c"]).to_numpy(), MATRIX[:7, 2:])


def test_prefixes_and_globs_are_listed_in_order(s3):
    assert read("s3://bucket/data/*.csv").count() == 500
    assert read("s3://bucket/data/**/*.csv").count() == 1000
    source = read("s3://bucket/data/")
    assert [part.name for part in source.parts] == [
        "s3://bucket/data/deep/y.csv",
        "s3://bucket/data/x.csv",
        "s3://bucket/data/z.parquet",
    ]
    np.testing.assert_array_equal(source.to_numpy(), np.concatenate([MATRIX] * 3))


def test_the_uri_may_say_keys_and_endpoint_and_its_secret_is_never_shown(s3, endpoint, monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    folder = f"s3://key:hunter2@bucket/shown/?endpoint_override={endpoint}"
    made = [*split(MATRIX, folder), *convert(read(MATRIX), folder)]
    assert [one.name.partition("?")[0] for one in made] == [
        f"s3://…@bucket/shown/{name}.parquet" for name in ("train", "test", "part-00000")
    ]
    uri = "s3://key:hunter2@bucket/{}?endpoint_override=" + endpoint
    assert read(uri.format("data/x.csv")).count() == 500
    with pytest.raises(NotFoundError) as caught:
        read(uri.format("none.csv"))
    assert "hunter2" not in str(caught.value)
    assert "none.csv" in str(caught.value)
    assert "hunter2" not in repr(read(uri.format("data/x.csv")))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/none.csv",
        "s3://nobucket/x.csv",
        "s3://bucket/*.npy",
        "s3://bucket/none/*.csv",
    ],
)
def test_what_is_not_there_is_named(s3, uri):
    with pytest.raises(NotFoundError) as caught:
        read(uri).to_numpy()
    assert f"`{uri}`" in str(caught.value)


def test_a_store_that_is_down_is_told_soon():
    with socket.create_server(("127.0.0.1", 0)) as socket_:
        free = socket_.getsockname()[1]
    uri = f"s3://k:s@bucket/x.csv?endpoint_override=http://127.0.0.1:{free}"
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="cannot be reached: Could not connect"):
        read(uri).to_numpy()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", ["new.parquet", "new.csv", "new.arrow", "new.npy"])
def test_an_object_is_written(s3, name):
    convert(MATRIX, f"s3://bucket/out/{name}")
    np.testing.assert_array_equal(read(f"s3://bucket/out/{name}").to_numpy(), MATRIX)


def test_many_objects_are_converted_and_split(s3):
    convert("s3://bucket/data/**/*.csv", "s3://bucket/converted/")
    assert [part.name for part in read("s3://bucket/converted").parts] == [
        "s3://bucket/converted/x.parquet",
        "s3://bucket/converted/y.parquet",
    ]
    split("s3://bucket/converted/*", "s3://bucket/parts", train=0.9)
    assert read("s3://bucket/parts/train.parquet").n_rows == 900
    assert read("s3://bucket/parts/test.parquet").n_rows == 100


def test_commands_take_uris(s3, endpoint, tmp_path, capsys):
    uri = f"s3://key:hunter2@bucket/data/x.csv?endpoint_override={endpoint}"
    model, labels = str(tmp_path / "m.safetensors"), str(tmp_path / "labels.npy")
    assert run(["train", "kmeans", uri, "--k", "3", "-o", model]) == 0
    assert run(["predict", model, "s3://bucket/data/*.csv", "-o", labels]) == 0
    assert np.load(labels).shape == (500,)
    assert run(["predict", model, "s3://bucket/none.csv"]) == 1
    out = capsys.readouterr()
    assert "error: there is no `s3://bucket/none.csv`" in out.err
    assert "hunter2" not in out.err + out.out
    assert b"hunter2" not in (tmp_path / "m.safetensors").read_bytes()
    assert ferrule.inspect(model).metadata["data"] == "x.csv"


def test_a_table_that_breaks_midway_makes_no_object_and_own_input_is_refused(s3, tmp_path):
    (tmp_path / "bad.csv").write_text("a\n1\n2,3\n")
    with pytest.raises(InvalidArgumentError, match="row 2, line 3"):
        convert(tmp_path / "bad.csv", "s3://bucket/broken/x.parquet")
    with pytest.raises(NotFoundError):
        read("s3://bucket/broken/x.parquet")
    with pytest.raises(InvalidArgumentError, match="is the file being read"):
        convert("s3://bucket/data/x.csv", "s3://bucket/data/x.csv")
    with pytest.raises(NotFoundError, match=r"s3://nobucket/x\.csv"):
        convert(MATRIX, "s3://nobucket/x.csv")


def test_an_object_that_is_not_ours_is_told_as_such(endpoint):
    urlopen(Request(f"{endpoint}/bucket/private.csv", data=b"a\n1\n", method="PUT")).close()
    with pytest.raises(PermissionDeniedError, match=r"no permission for `s3://bucket/private\.csv"):
        read(f"s3://bucket/private.csv?anonymous=true&endpoint_override={endpoint}").to_numpy()
