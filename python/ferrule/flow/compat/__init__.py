"""The APIs of others, on Ferrule's engine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrule.flow.compat import v1

__all__ = ["v1"]


def __getattr__(name: str) -> Any:
    if name == "v1":
        return import_module("ferrule.flow.compat.v1")
    raise AttributeError(f"module 'ferrule.flow.compat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
