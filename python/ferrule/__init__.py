"""Ferrule: from a Python ``fit`` to a native service.

Names load on first use, so that ``import ferrule`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferrule import artifact, cluster, data, errors, flow, lm, serving
    from ferrule.artifact import inspect, load, save
    from ferrule.serving import Server, serve

__all__ = [
    "Server",
    "__version__",
    "artifact",
    "cluster",
    "data",
    "errors",
    "flow",
    "inspect",
    "lm",
    "load",
    "save",
    "serve",
    "serving",
]

_MODULES = {"artifact", "cluster", "data", "errors", "flow", "lm", "serving"}
_HOMES = {
    "Server": "ferrule.serving",
    "inspect": "ferrule.artifact",
    "load": "ferrule.artifact",
    "save": "ferrule.artifact",
    "serve": "ferrule.serving",
    "__version__": "ferrule._core",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"ferrule.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ferrule' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
