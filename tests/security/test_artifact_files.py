"""What a damaged disk, a full one, or an old habit with pickles meets."""

import ast
import os
import pickle
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans
from ferrule.errors import (
    DataLossError,
    FerruleError,
    InvalidArgumentError,
    NotFoundError,
    StorageError,
)

PACKAGE = Path(ferrule.__file__).parent


@pytest.fixture(name="model")
def a_model():
    X = np.random.default_rng(0).normal(size=(50, 2))
    return KMeans(n_clusters=2, init=X[:2], n_init=1).fit(X)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_every_flipped_bit_of_a_file_is_found(model, path):
    ferrule.save(model, path)
    whole = path.read_bytes()
    for index in range(len(whole)):
        damaged = bytearray(whole)
        damaged[index] ^= 1 << (index % 8)
        path.write_bytes(damaged)
        with pytest.raises(FerruleError, match=re.escape(str(path))):
            ferrule.load(path)


def test_a_pickle_is_refused_by_name_and_never_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "pwned",)

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(Bomb(), protocol=protocol))
        with pytest.raises(
            InvalidArgumentError, match=r"is a pickle.*use ferrule\.save\(estimator"
        ):
            ferrule.load(path)
    assert not (tmp_path / "pwned").exists()


def test_nothing_in_the_package_can_read_a_pickle_or_run_text():
    banned_modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    banned_calls = {"eval", "exec", "compile", "__import__"}
    for source in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.split(".")[0] for alias in node.names}
                names |= {(getattr(node, "module", None) or "").split(".")[0]}
                assert not names & banned_modules, source
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in banned_calls, source
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), source
                assert node.value.value is False, source


def test_a_missing_file_is_named(path):
    with pytest.raises(NotFoundError, match=f"{re.escape(str(path))}: no such file"):
        ferrule.load(path)
    with pytest.raises(FileNotFoundError):
        ferrule.inspect(path)


def test_a_saved_file_has_the_mode_that_the_umask_gives(model, path):
    before = os.umask(0o027)
    try:
        ferrule.save(model, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_save_that_outgrows_the_disk_keeps_the_old_file(model, path):
    ferrule.save(model, path)
    before = path.read_bytes()
    script = """
import resource, signal, sys, numpy as np, ferrule
from ferrule.cluster import KMeans
X = np.random.default_rng(0).normal(size=(5000, 2))
model = KMeans(n_clusters=4000, init=X[:4000], n_init=1, max_iter=1).fit(X)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    ferrule.save(model, sys.argv[1])
except ferrule.errors.StorageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith(f"{path}: cannot write: ")
    assert "free some space" in done.stdout
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("", InvalidArgumentError, "does not end in"),
        ("folder.safetensors", InvalidArgumentError, "is a folder"),
        ("missing/model.safetensors", NotFoundError, "make its folder first"),
        ("x" * 300 + ".safetensors", StorageError, "choose a shorter name"),
        ("a\0b.safetensors", (StorageError, ValueError), "nul|null"),
    ],
)
def test_a_path_that_cannot_be_is_named_with_what_to_do(model, tmp_path, name, error, message):
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    with pytest.raises(error, match=f"(?i){message}"):
        ferrule.save(model, f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_file_says_cannot_move_the_cursor(model, path):
    model.feature_names_in_ = np.array(["\x1b[2J", "\x9b31m"], dtype=object)
    ferrule.save(model, path, metadata={"note": "\x1b]0;title\x07\x7f\u202e"})
    lines = repr(ferrule.inspect(path)).split("\n")
    assert all(line.isprintable() for line in lines)


def test_a_file_cut_short_is_said_to_be(model, path):
    ferrule.save(model, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataLossError, match="truncated"):
        ferrule.load(path)
