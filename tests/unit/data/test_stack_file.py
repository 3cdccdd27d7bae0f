import json
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ferrule.data import FrameStack
from ferrule.errors import (
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)


@pytest.fixture(params=["float16", "float32", "float64"])
def stack(request):
    values = np.random.default_rng(0).random((5, 3, 4)).astype(request.param)
    return FrameStack(values, ["a", "ü\ud800", '"<c>'])


def test_open_gives_back_what_was_saved(stack, tmp_path):
    path = tmp_path / "s.safetensors"
    stack.save(path)
    again = FrameStack.open(path)
    assert again.columns == stack.columns
    assert again.dtype == stack.dtype
    assert not again.values.flags.writeable
    assert again.values.ctypes.data % 64 == 0
    np.testing.assert_array_equal(again.values, stack.values)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.safetensors"]


def test_a_stack_of_a_file_pickles_by_its_path(stack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack.save("s.safetensors")
    opened = FrameStack.open("s.safetensors")
    for given in (opened, opened[1:4], opened[1:4][1:2]):
        data = pickle.dumps(given)
        assert len(data) < 300
        monkeypatch.chdir("/")
        np.testing.assert_array_equal(pickle.loads(data).values, given.values)


def test_a_file_is_mapped_and_not_read(tmp_path):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((1, 1, 8))).save(path)
    header, data = head(path)
    # 64 GB, of which the disk holds only what is not zero.
    header["frames"] = {"dtype": "F64", "shape": [8, 1, 1 << 30], "data_offsets": [0, 64 << 30]}
    rewrite(path, header, data)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - len(data) + (64 << 30))
    start = time.perf_counter()
    stack = FrameStack.open(path)
    assert time.perf_counter() - start < 0.5
    assert stack.nbytes == 64 << 30
    assert (stack.values[0, 0, :9].tolist(), stack.values[7, 0, -1]) == ([1.0] * 8 + [0.0], 0.0)


def test_the_pages_of_a_file_are_shared_and_not_private(tmp_path):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((8, 100, 1000))).save(path)
    stack = FrameStack.open(path)
    assert stack.values.sum() == 800_000
    maps = Path("/proc/self/smaps").read_text().split(str(path), 1)[1]
    sizes = dict(re.findall(r"^(\w+): +(\d+) kB$", maps, re.MULTILINE)[:20][::-1])
    assert int(sizes["Rss"]) >= 6000
    assert int(sizes["Private_Dirty"]) == 0


def test_home_is_expanded(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    stack.save("~/s.safetensors")
    assert FrameStack.open("~/s.safetensors").n_frames == 5


def test_an_open_stack_outlives_its_replacement(stack, tmp_path):
    path = tmp_path / "s.safetensors"
    stack.save(path)
    opened = FrameStack.open(path)
    FrameStack(stack.values[:1] * 0, stack.columns).save(path)
    np.testing.assert_array_equal(opened.values, stack.values)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("s.npy", InvalidArgumentError),
        ("none/s.safetensors", NotFoundError),
        ("folder.safetensors", InvalidArgumentError),
    ],
)
def test_places_that_cannot_be_written_are_named(stack, tmp_path, path, kind):
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(kind):
        stack.save(tmp_path / path)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((1, 1, 1))).save(path)
    before = path.read_bytes()
    # A limit on the size of files fails a write as a full disk does, in a process of its own.
    code = (
        "import resource, signal, sys, numpy as np; from ferrule.data import FrameStack;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16));"
        "FrameStack(np.ones((1, 100, 1000))).save(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert f"StorageError: could not write `{path}`: file too large" in done.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def head(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def rewrite(path, header, data):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda h: h["__metadata__"].pop("format"), InvalidArgumentError, "not a stack of frames"),
        (lambda h: h.pop("__metadata__"), InvalidArgumentError, "not a stack of frames"),
        (
            lambda h: h["__metadata__"].update(format_version="2"),
            UnimplementedError,
            "format version 2",
        ),
        (lambda h: h["__metadata__"].update(columns="[1]"), DataLossError, "no list of columns"),
        (lambda h: h["__metadata__"].update(columns="{"), DataLossError, "no list of columns"),
        (lambda h: h["__metadata__"].update(columns='["a"]'), DataLossError, "1 names of columns"),
        (lambda h: h["frames"].update(dtype="I64"), DataLossError, "holds I64"),
        (lambda h: h["frames"].update(shape=[15, 4]), DataLossError, "shape"),
        (lambda h: h["frames"].update(shape=[5, 3, 5]), DataLossError, "damaged"),
        (lambda h: h.update(other=h.pop("frames")), DataLossError, "no tensor `frames`"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, change, kind, message):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((5, 3, 4))).save(path)
    header, data = head(path)
    change(header)
    rewrite(path, header, data)
    with pytest.raises(kind, match=message) as caught:
        FrameStack.open(path)
    assert str(path) in str(caught.value)


def test_data_that_cannot_be_mapped_is_refused(tmp_path):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((5, 3, 4))).save(path)
    header, data = head(path)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8 + 1)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    with pytest.raises(DataLossError, match="cannot be mapped"):
        FrameStack.open(path)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 100, 200, -1])
def test_a_cut_file_is_refused(tmp_path, size):
    path = tmp_path / "s.safetensors"
    FrameStack(np.ones((5, 3, 4))).save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataLossError, match=r"s\.safetensors"):
        FrameStack.open(path)


def test_no_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"no file `.*none\.safetensors`"):
        FrameStack.open(tmp_path / "none.safetensors")
