"""Tuples and dicts of things, such as a row of features and a label."""

from collections.abc import Iterator, Mapping
from typing import Any


def is_nest(value: Any) -> bool:
    """Return whether `value` is a tuple or a dict; a list is an array."""
    return isinstance(value, (tuple, Mapping))


def flat(value: Any) -> list[Any]:
    """Return the leaves of a nest, in order."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if not isinstance(value, tuple):
        return [value]
    return [leaf for each in value for leaf in flat(each)]


def rebuilt(nest: Any, leaves: Iterator[Any]) -> Any:
    """Return a nest as `nest` is, with other leaves."""
    if isinstance(nest, Mapping):
        return {key: rebuilt(each, leaves) for key, each in nest.items()}
    if isinstance(nest, tuple):
        parts = [rebuilt(each, leaves) for each in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts)
    return next(leaves)
