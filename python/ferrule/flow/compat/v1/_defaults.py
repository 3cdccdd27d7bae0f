"""Methods of the default graph, as functions."""

from contextlib import AbstractContextManager
from typing import Any

from ferrule.flow.compat.v1._reductions import known_ints
from ferrule.flow.compat.v1._tensor import Value, default_graph


def control_dependencies(control_inputs: Any) -> AbstractContextManager[None]:
    """Make the operations made within run after `control_inputs`."""
    return default_graph().control_dependencies(control_inputs)


def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """Do nothing: there is one device, the CPU."""
    return default_graph().device(device_name_or_function)


def add_to_collection(name: str, value: Any) -> None:
    """Put `value` into a collection of the default graph."""
    default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Put `value` into several collections of the default graph."""
    default_graph().add_to_collections(names, value)


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """Return a copy of a collection of the default graph."""
    return default_graph().get_collection(key, scope)


def get_collection_ref(key: str) -> list[Any]:
    """Return a collection of the default graph itself."""
    return default_graph().get_collection_ref(key)


def get_static_value(tensor: Any) -> Any:
    """Return the value of a tensor that is known before any run, or None."""
    if not isinstance(tensor, Value):
        return known_ints(tensor, "tensor")
    return tensor.known
