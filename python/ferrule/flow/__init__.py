"""Numerical computation: graphs of tensors, and their gradients.

`ferrule.flow.compat.v1` has the API of TensorFlow 1.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrule.flow import compat

__all__ = ["compat"]


def __getattr__(name: str) -> Any:
    if name == "compat":
        return import_module("ferrule.flow.compat")
    raise AttributeError(f"module 'ferrule.flow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
