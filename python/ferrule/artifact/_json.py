"""Values that a manifest can hold."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ferrule.errors import InvalidArgumentError

_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**64 - 1
_DEPTH_MAX = 32


def as_json(value: Any, where: str, depth: int = 0) -> Any:
    """Return `value` as JSON holds it, unchanged by writing and reading.

    Parameters
    ----------
    value : None, bool, int, float, str, NumPy scalar, list, tuple or mapping with str keys
        Nested to any depth up to 32.
    where : str
        What it is, for messages.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For anything that would not come back the same.
    """
    if depth > _DEPTH_MAX:
        raise InvalidArgumentError(f"{where} is nested deeper than {_DEPTH_MAX} levels")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {
            _key(key, where): as_json(value[key], f"{where}[{key!r}]", depth + 1) for key in value
        }
    if isinstance(value, list | tuple):
        return [as_json(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if not _is_scalar(value):
        raise InvalidArgumentError(
            f"{where} is {_described(value)}; expected None, a bool, an integer of 64 bits, a"
            " finite float, a str, or lists and dicts of these"
        )
    return value


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return _INTEGER_MIN <= value <= _INTEGER_MAX
    return value is None or (isinstance(value, str) and _is_text(value))


def _is_text(value: str) -> bool:
    """Tell whether UTF-8 can hold it: lone surrogates it cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str) or not _is_text(key):
        raise InvalidArgumentError(f"{where} has the key {key!r}; keys must be str")
    return str(key)


def _described(value: Any) -> str:
    if isinstance(value, int | float | str):
        return ascii(value)[:80]
    return f"of type {type(value).__qualname__}"
