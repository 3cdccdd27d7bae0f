"""Cubes as tensors of other libraries, by DLPack: the same memory, not a copy."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule.errors import FailedPreconditionError


def torch_tensors(arrays: Iterator[NDArray[Any]]) -> Iterator[Any]:
    """Yield each array as a ``torch.Tensor``."""
    torch = _imported("torch", "pip install torch")
    return (torch.from_dlpack(array) for array in arrays)


def tf_tensors(arrays: Iterator[NDArray[Any]]) -> Iterator[Any]:
    """Yield each array as a ``tf.Tensor``; one whose axes were only turned is copied first."""
    tensorflow = _imported("tensorflow", "pip install tensorflow")
    from_dlpack = tensorflow.experimental.dlpack.from_dlpack
    return (from_dlpack(np.ascontiguousarray(array).__dlpack__()) for array in arrays)


def _imported(name: str, advice: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise hinted(
            FailedPreconditionError(f"{name} cannot be imported: {error}"), advice
        ) from None
