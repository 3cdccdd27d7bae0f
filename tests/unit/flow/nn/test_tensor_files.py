"""Tensors go to files that safetensors reads, and come from those that it writes."""

import numpy as np
import pytest
from safetensors import numpy as safetensors
from safetensors import safe_open

from ferrule import flow
from ferrule.errors import DataLossError, NotFoundError
from ferrule.flow import nn

ARRAYS = {
    name: np.arange(6).reshape(2, 3).astype(name)
    for name in ("float32", "float64", "int32", "int64", "uint8", "bool")
}


def test_safetensors_reads_what_is_written(tmp_path):
    tensors = {name: flow.tensor(array) for name, array in ARRAYS.items()}
    flow.save_file({**tensors, "scalar": 1.5}, tmp_path / "file", {"by": "a test"})
    found = safetensors.load_file(tmp_path / "file")
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert found["scalar"] == 1.5
    with safe_open(tmp_path / "file", "np") as file:
        assert file.metadata() == {"by": "a test"}


def test_what_safetensors_writes_is_read(tmp_path):
    safetensors.save_file({**ARRAYS, "empty": np.zeros((0, 2), np.float32)}, tmp_path / "file")
    found = flow.load_file(str(tmp_path / "file"))
    assert found["empty"].shape == (0, 2)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_module_goes_and_comes(tmp_path):
    model, other = (nn.Sequential(nn.Linear(3, 4), nn.Conv2d(1, 2, 3)) for _ in range(2))
    flow.save_file(model.state_dict(), tmp_path / "file")
    flow.save_file(dict(model.named_parameters()), tmp_path / "file")
    other.load_state_dict(flow.load_file(tmp_path / "file"))
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach(), two.detach().numpy())


def test_mistakes_are_told(tmp_path):
    with pytest.raises(NotFoundError, match="there is no folder"):
        flow.save_file({}, tmp_path / "none" / "file")
    with pytest.raises(FileNotFoundError):
        flow.load_file(tmp_path / "none")
    safetensors.save_file({"x": np.ones(2, np.float16)}, tmp_path / "halves")
    with pytest.raises(DataLossError, match="F16"):
        flow.load_file(tmp_path / "halves")
    (tmp_path / "noise").write_bytes(b"\xff" * 100)
    with pytest.raises(DataLossError, match="is damaged"):
        flow.load_file(tmp_path / "noise")
