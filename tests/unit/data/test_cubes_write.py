"""Cubes in folders of files: what other readers see, what is resumed, what is refused."""

import json
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pyarrow.parquet as pq
import pytest

from ferrule.data import Cubes
from ferrule.errors import (
    AlreadyExistsError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)

TOTAL = 50  # chunks of 4, the last of 2


@pytest.fixture(autouse=True)
def few_chunks(monkeypatch):
    monkeypatch.setattr("ferrule.data._parts._CHUNKS_MIN", 16)


@pytest.fixture(scope="module")
def stack():
    return np.random.default_rng(0).random((3, 20, 15), dtype=np.float32)


@pytest.fixture
def cubes(stack):
    return Cubes(stack, (3, 5, 7), seed=2, total=TOTAL)


def read(folder, form, shape=(3, 5, 7)):
    """All cubes of a folder, by readers that are not ours."""
    if form == "npy":
        return np.concatenate([np.load(path) for path in sorted(folder.glob("*.npy"))])
    if form == "zarr":
        meta = json.loads((folder / "zarr.json").read_text())
        chunk = meta["chunk_grid"]["configuration"]["chunk_shape"]
        count = -(-meta["shape"][0] // chunk[0])
        parts = [np.fromfile(folder / f"c/{i}/0/0/0", meta["data_type"]) for i in range(count)]
        return np.concatenate(parts).reshape(-1, *shape)[: meta["shape"][0]]
    table = pq.read_table(sorted(folder.glob("*.parquet")))
    assert table["cube"].to_pylist() == list(range(TOTAL))
    assert json.loads(table.schema.metadata[b"shape"]) == list(shape)
    return np.stack(table["values"].to_numpy()).reshape(-1, *shape)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("form", ["npy", "zarr", "parquet"])
def test_other_readers_see_the_cubes(cubes, tmp_path, form):
    done = cubes.write(tmp_path / "out", format=form)
    assert (done.made, done.missing, done.start, done.stop) == (TOTAL, 0, 0, TOTAL)
    assert read(tmp_path / "out", form).tobytes() == cubes.batch(0, TOTAL).tobytes()


def test_a_layout_is_kept(stack, tmp_path):
    cubes = Cubes(stack, (3, 5, 7), layout="row,col,frame", total=20)
    for form in ("npy", "zarr"):
        cubes.write(tmp_path / form, format=form)
        assert np.array_equal(read(tmp_path / form, form, (5, 7, 3)), cubes.batch(0, 20))


@pytest.mark.parametrize("form", ["npy", "zarr", "parquet"])
def test_parts_by_many_at_once_give_the_same_files(cubes, tmp_path, form):
    cubes.write(tmp_path / "whole", format=form)
    failures = []

    def make(k):
        try:
            cubes.part(k % 8, 8).write(tmp_path / "parts", format=form)
        except Exception as error:
            failures.append(error)

    # Each part by two threads, which must not hurt.
    threads = [threading.Thread(target=make, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_what_is_missing_is_told_and_made(cubes, tmp_path):
    first = cubes.part(1, 4).write(tmp_path / "out")
    assert (first.made, first.missing) == (len(cubes.part(1, 4)), TOTAL - len(cubes.part(1, 4)))
    assert cubes.part(1, 4).write(tmp_path / "out").made == 0
    ticks = []
    rest = cubes.write(tmp_path / "out", progress=lambda done, all_: ticks.append((done, all_)))
    assert (rest.made, rest.missing) == (TOTAL - first.made, 0)
    assert ticks[0] == (first.made, TOTAL)
    assert ticks[-1] == (TOTAL, TOTAL)


def test_an_interrupted_run_goes_on(cubes, tmp_path):
    def interrupt(done, _all):
        if done >= 10:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        cubes.write(tmp_path / "out", progress=interrupt)
    assert threading.active_count() == before
    assert cubes.write(tmp_path / "out").made == TOTAL - 12
    assert read(tmp_path / "out", "npy").tobytes() == cubes.batch(0, TOTAL).tobytes()
    assert not [name for name in contents(tmp_path / "out") if "tmp" in name]


def test_a_stream_without_a_total_is_told_how_many(stack, tmp_path):
    endless = Cubes(stack, (3, 5, 7))
    assert endless.write(tmp_path / "out", 10).made == 10
    with pytest.raises(FailedPreconditionError, match="no end to write to"):
        endless.write(tmp_path / "more")
    with pytest.raises(InvalidArgumentError, match="total is 5; the stream has 10"):
        Cubes(stack, (3, 5, 7), total=10).write(tmp_path / "more", 5)


def test_a_folder_of_something_else_is_refused_and_kept(stack, cubes, tmp_path):
    cubes.write(tmp_path / "out")
    before = contents(tmp_path / "out")
    for other, form, what in [
        (Cubes(stack, (3, 5, 7), seed=3, total=TOTAL), "npy", "its seed is 2, here it is 3"),
        (Cubes(stack, (3, 5, 7), seed=2, total=9), "npy", "its chunk is 4, here it is 1"),
        (cubes, "zarr", "its files is 'npy', here it is 'zarr'"),
    ]:
        with pytest.raises(FailedPreconditionError, match=what):
            other.write(tmp_path / "out", format=form)
    with pytest.raises(AlreadyExistsError, match="holds cubes"):
        cubes.write(tmp_path / "out", resume=False)
    assert contents(tmp_path / "out") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(AlreadyExistsError, match="holds other files"):
        cubes.write(tmp_path / "mine")
    with pytest.raises(InvalidArgumentError, match="is a file"):
        cubes.write(tmp_path / "mine" / "letter.txt")
    with pytest.raises(NotFoundError, match="there is no folder"):
        cubes.write(tmp_path / "none" / "out")
    with pytest.raises(UnimplementedError, match="no local folder"):
        cubes.write("s3://bucket/cubes")
    with pytest.raises(InvalidArgumentError, match="'npy', 'zarr' or 'parquet', got 'csv'"):
        cubes.write(tmp_path / "csv", format="csv")
    (tmp_path / "out" / "cubes.json").write_text("{")
    with pytest.raises(DataLossError, match="is damaged"):
        cubes.write(tmp_path / "out")


@pytest.mark.parametrize("form", ["npy", "zarr", "parquet"])
def test_a_full_disk_is_told_and_leaves_only_whole_chunks(tmp_path, form):
    code = (
        "import sys, numpy as np\n"
        "from ferrule.data import Cubes\n"
        "from ferrule.errors import StorageError\n"
        "stack = np.random.default_rng(0).random((3, 20, 15), dtype=np.float32)\n"
        "try:\n"
        f"    Cubes(stack, (3, 15, 20), total=10_000).write(sys.argv[1], format={form!r})\n"
        "except StorageError as error:\n"
        "    print(error)\n"
    )

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        check=False,
    )
    assert done.stdout.startswith("could not write "), done.stderr
    assert "file too large" in done.stdout
    left = set(contents(tmp_path / "out"))
    assert left == ({"cubes.json", "zarr.json"} if form == "zarr" else {"cubes.json"})
