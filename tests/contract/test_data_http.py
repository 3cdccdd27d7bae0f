"""`http://` against servers on loopback, with and without ranges."""

import socket
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from ferrule.data import read
from ferrule.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
    UnimplementedError,
)

MATRIX = np.random.default_rng(0).normal(size=(500, 3))
TABLE = pa.table({name: MATRIX[:, index] for index, name in enumerate("abc")})


class Whole(SimpleHTTPRequestHandler):
    """Sends files whole, as Python's own server does."""

    def log_message(self, *_):
        pass


class Ranged(Whole):
    """Sends the ranges asked for."""

    def do_GET(self):
        asked = self.headers.get("Range")
        content = Path(self.translate_path(self.path)).read_bytes()
        begin, _, end = asked.removeprefix("bytes=").partition("-") if asked else ("0", "-", "")
        begin, end = int(begin), min(int(end or len(content)) + 1, len(content))
        self.send_response(206 if asked else 200)
        self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        self.wfile.write(content[begin:end])

    def do_HEAD(self):
        size = Path(self.translate_path(self.path)).stat().st_size
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size))
        self.end_headers()


@pytest.fixture(params=[Whole, Ranged])
def address(request, tmp_path):
    pyarrow.csv.write_csv(TABLE, tmp_path / "x.csv")
    pq.write_table(TABLE, tmp_path / "y.parquet", row_group_size=100)
    np.save(tmp_path / "z.npy", MATRIX)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(request.param, directory=tmp_path))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["x.csv", "y.parquet", "z.npy"])
def test_a_file_is_read_whether_its_server_knows_ranges_or_not(address, name):
    source = read(f"{address}/{name}")
    np.testing.assert_array_equal(source.to_numpy(), MATRIX)
    np.testing.assert_array_equal(source.head(7).to_numpy(), MATRIX[:7])
    assert read(f"{address}/{name}?token=1").count() == 500


def test_a_server_that_is_down_and_a_glob_over_http_are_told(address):
    with pytest.raises(InvalidArgumentError, match="over http cannot be listed"):
        read(f"{address}/*.csv")
    with socket.create_server(("127.0.0.1", 0)) as socket_:
        free = socket_.getsockname()[1]
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{free}/x.csv` cannot be reached"):
        read(f"http://127.0.0.1:{free}/x.csv").to_numpy()


@pytest.mark.parametrize("address", [Whole], indirect=True)
def test_a_missing_file_is_told(address):
    with pytest.raises(NotFoundError, match=f"there is no `{address}/none.csv`"):
        read(f"{address}/none.csv").to_numpy()


class Refusing(Whole):
    """Answers with the status that the path names."""

    def do_GET(self):
        self.send_error(int(self.path.strip("/").partition(".")[0]))

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server calls


@pytest.mark.parametrize("address", [Refusing], indirect=True)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, PermissionDeniedError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (410, NotFoundError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_what_a_server_refuses_is_told_by_its_kind(address, status, error):
    with pytest.raises(error, match=f"{status}.csv`"):
        read(f"{address}/{status}.csv").to_numpy()


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:{}/x.csv",
        "s3://k:s@bucket/x.csv?endpoint_override=http://127.0.0.1:{}",
    ],
)
def test_a_server_that_never_answers_is_given_up(monkeypatch, uri):
    monkeypatch.setattr("ferrule.data._remote.SILENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(UnavailableError, match="cannot be reached"):
            read(uri.format(silent.getsockname()[1])).to_numpy()
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("uri", "package"),
    [
        ("http://127.0.0.1:9/x.csv", "fsspec.implementations.http"),
        ("webhdfs://127.0.0.1:9/x.csv", "fsspec.implementations.webhdfs"),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, uri, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnimplementedError, match="needs a package that is not installed") as caught:
        read(uri)
    assert caught.value.__notes__ == ["pip install 'ferrule[data]'"]
