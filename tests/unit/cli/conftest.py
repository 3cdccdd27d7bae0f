import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ferrule.cli._run import run

CENTERS = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 9.0], [9.0, 9.0]])


@pytest.fixture(scope="session")
def points():
    """400 rows around four well-parted centres."""
    generator = np.random.default_rng(3)
    x = CENTERS[generator.integers(4, size=400)] + generator.normal(scale=0.7, size=(400, 2))
    x.flags.writeable = False
    return x


@pytest.fixture
def data(points, tmp_path, monkeypatch):
    """A folder, made the current one, with the points in points.parquet: columns height, weight."""
    monkeypatch.chdir(tmp_path)
    table = pa.table({"height": points[:, 0], "weight": points[:, 1]})
    pq.write_table(table, "points.parquet")
    return tmp_path


class Ferrule:
    """Runs commands in this process."""

    def __init__(self, capsys):
        self._capsys = capsys

    def __call__(self, *arguments):
        """Run, and return (exit code, stdout, stderr)."""
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def json(self, *arguments):
        """Run a command that must succeed, and return what it prints as JSON."""
        code, out, err = self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def ferrule(capsys):
    return Ferrule(capsys)


@pytest.fixture
def model(data, ferrule):
    """A model of four clusters, in four.safetensors."""
    code, _, err = ferrule("train", "kmeans", "points.parquet", "--k", 4, "-o", "four.safetensors")
    assert code == 0, err
    return data / "four.safetensors"
