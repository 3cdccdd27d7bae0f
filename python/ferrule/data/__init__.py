"""Tables of numbers, from wherever they lie, to learners.

Names load on first use, so that ``import ferrule.data`` loads neither NumPy nor pyarrow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrule.data._convert import Written, convert
    from ferrule.data._cubes import Cubes
    from ferrule.data._read import read
    from ferrule.data._sample import sample
    from ferrule.data._source import Source
    from ferrule.data._split import split
    from ferrule.data._stack import FrameStack

__all__ = ["Cubes", "FrameStack", "Source", "Written", "convert", "read", "sample", "split"]

_HOMES = {
    "Cubes": "ferrule.data._cubes",
    "FrameStack": "ferrule.data._stack",
    "Source": "ferrule.data._source",
    "Written": "ferrule.data._convert",
    "convert": "ferrule.data._convert",
    "read": "ferrule.data._read",
    "sample": "ferrule.data._sample",
    "split": "ferrule.data._split",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ferrule.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
