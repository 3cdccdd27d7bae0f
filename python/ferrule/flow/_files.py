"""Tensors by name in files that others read too."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrule._core import Tensor
from ferrule.flow import _tensor_file
from ferrule.flow._tensors import as_tensor, tensor


def save_file(
    tensors: Mapping[str, Any],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a safetensors file, whole or not at all.

    Parameters
    ----------
    tensors : mapping of str to tensor or array
        Such as ``model.state_dict()``.
    filename : path-like
        What is there is replaced.
    metadata : mapping of str to str, optional

    Raises
    ------
    ferrule.errors.NotFoundError
        Where the folder is missing.
    ferrule.errors.StorageError
        Where the file cannot be written, such as on a full disk.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     flow.save_file(model.state_dict(), Path(folder) / "model.safetensors")
    ...     keys = other.load_state_dict(flow.load_file(Path(folder) / "model.safetensors"))
    >>> bool((model.weight == other.weight).all())
    True
    """
    arrays = {name: as_tensor(value).detach().numpy() for name, value in tensors.items()}
    _tensor_file.write(Path(filename).expanduser(), arrays, metadata)


def load_file(filename: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ferrule.errors.DataLossError
        Where it is damaged, or has elements that are not float32, float64, int32, int64, uint8 or
        bool.
    """
    arrays, _ = _tensor_file.read(Path(filename).expanduser())
    return {name: tensor(array) for name, array in arrays.items()}
