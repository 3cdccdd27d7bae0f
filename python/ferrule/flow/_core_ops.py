"""The operations of the engine's that tensors are given to, each made once."""

import json
import math
from functools import lru_cache
from typing import Any

from ferrule import _core

# What the engine calls NumPy's dtypes.
CORE_DTYPES = {
    "float32": "FP32",
    "float64": "FP64",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "bool": "BOOL",
}


def encoded(op: str, attributes: dict[str, Any]) -> str:
    """Return an operation as the engine reads it: JSON, with infinities and NaN as text."""
    try:
        return json.dumps({"op": op, **attributes}, allow_nan=False)
    except ValueError:
        return json.dumps(_finite({"op": op, **attributes}))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _made(op: str, **attributes: Any) -> _core.TensorOp:
    return _core.TensorOp(encoded(op, attributes))


_cached = lru_cache(maxsize=1024, typed=True)(_made)
_cached_by_text = lru_cache(maxsize=1024)(_core.TensorOp)


def operation(op: str, **attributes: Any) -> _core.TensorOp:
    """Return the operation called `op` with these attributes."""
    try:
        return _cached(op, **attributes)
    except TypeError:  # a list or a dict among them
        return _cached_by_text(encoded(op, attributes))
