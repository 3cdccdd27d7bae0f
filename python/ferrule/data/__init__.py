"""Data: from files and frames to learners. Names load on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrule.data._stack import FrameStack

__all__ = ["FrameStack"]

_HOMES = {
    "FrameStack": "ferrule.data._stack",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ferrule.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
