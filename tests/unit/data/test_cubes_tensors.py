"""Cubes as tensors of other libraries.

torch and TensorFlow are stood in for by what the adapters use of them, a function that takes
DLPack; torch itself is tried where it is installed.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ferrule.data import Cubes
from ferrule.errors import FailedPreconditionError


@pytest.fixture
def cubes():
    return Cubes(np.random.default_rng(0).random((3, 20, 15)), (3, 5, 7), total=10)


class Capsule:
    """What `numpy.from_dlpack` takes, made of a capsule as TensorFlow takes it."""

    def __init__(self, capsule):
        self._capsule = capsule

    def __dlpack__(self, **_options):
        return self._capsule

    def __dlpack_device__(self):
        return (1, 0)


@pytest.fixture
def stand_ins(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_dlpack=np.from_dlpack))
    dlpack = SimpleNamespace(from_dlpack=lambda capsule: np.from_dlpack(Capsule(capsule)))
    tensorflow = SimpleNamespace(experimental=SimpleNamespace(dlpack=dlpack))
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)


@pytest.mark.parametrize("method", ["to_torch", "to_tf"])
def test_tensors_have_the_cubes_values_in_the_cubes_memory(cubes, stand_ins, method):
    singles = [tensor.copy() for tensor in getattr(cubes, method)()]
    assert np.array_equal(singles, cubes.batch(0, 10))
    tensors = getattr(cubes, method)(4)
    shapes, places = [], set()
    for tensor in tensors:
        shapes.append(tensor.shape)
        places.add(tensor.ctypes.data)
    assert shapes == [(4, 3, 5, 7), (4, 3, 5, 7), (2, 3, 5, 7)]
    assert len(places) == 3


@pytest.mark.parametrize("method", ["to_torch", "to_tf"])
def test_a_turned_layout_keeps_its_values(stand_ins, method):
    stack = np.random.default_rng(0).random((3, 20, 15))
    cubes = Cubes(stack, (3, 5, 7), layout="col,row,frame", total=4)
    for i, tensor in enumerate(getattr(cubes, method)()):
        assert np.array_equal(tensor, cubes[i])


@pytest.mark.parametrize(("method", "name"), [("to_torch", "torch"), ("to_tf", "tensorflow")])
def test_a_library_that_is_missing_is_named(cubes, monkeypatch, method, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FailedPreconditionError, match=f"{name} cannot be imported") as caught:
        getattr(cubes, method)()
    assert caught.value.__notes__ == [f"pip install {name}"]


def test_torch_itself_takes_cubes(cubes):
    torch = pytest.importorskip("torch")
    for i, tensor in enumerate(cubes.to_torch()):
        assert torch.equal(tensor, torch.from_numpy(cubes[i]))
    loader = torch.utils.data.DataLoader(cubes, batch_size=5)
    assert torch.equal(next(iter(loader)), torch.from_numpy(cubes[:5]))
