"""The file of a stack is plain safetensors: the format's own library reads and writes it."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ferrule.data import FrameStack


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_library_opens_our_file(tmp_path, dtype):
    stack = FrameStack(np.random.default_rng(0).random((3, 2, 5)).astype(dtype), ["x", "y"])
    path = tmp_path / "s.safetensors"
    stack.save(path)
    np.testing.assert_array_equal(load_file(path)["frames"], stack.values)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        assert list(file.keys()) == ["frames"]
        np.testing.assert_array_equal(file.get_slice("frames")[1:2], stack.values[1:2])
    assert json.loads(metadata["columns"]) == ["x", "y"]
    assert (metadata["format"], metadata["format_version"]) == ("ferrule.frames", "1")


def test_we_open_the_librarys_file(tmp_path):
    values = np.random.default_rng(0).random((3, 2, 5))
    metadata = {"format": "ferrule.frames", "format_version": "1", "columns": '["x", "y"]'}
    path = tmp_path / "s.safetensors"
    save_file({"frames": values}, path, metadata)
    stack = FrameStack.open(path)
    np.testing.assert_array_equal(stack.values, values)
    assert stack.columns == ("x", "y")
