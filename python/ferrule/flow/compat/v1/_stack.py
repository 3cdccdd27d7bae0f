"""The default graph and the default session of each thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stack(threading.local):
    """What was entered last is the default; below all lies `bottom`, made on first need."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.bottom: Any = None
        self._make = make
        self._entered: list[Any] = []

    def top(self) -> Any:
        """Return the default."""
        if self._entered:
            return self._entered[-1]
        if self.bottom is None:
            self.bottom = self._make()
        return self.bottom

    def push(self, value: Any) -> None:
        """Make `value` the default."""
        self._entered.append(value)

    def remove(self, value: Any) -> None:
        """Take the last `value` off, wherever it lies."""
        for place in reversed(range(len(self._entered))):
            if self._entered[place] is value:
                del self._entered[place]
                return

    def is_nested(self) -> bool:
        """Return whether something was entered and not left."""
        return bool(self._entered)

    @contextmanager
    def entered(self, value: Any) -> Iterator[Any]:
        """Make `value` the default within."""
        self.push(value)
        try:
            yield value
        finally:
            self.remove(value)


def _new_graph() -> Any:
    # The module of graphs builds on this one.
    from ferrule.flow.compat.v1._graph import Graph

    return Graph()


graphs = Stack(_new_graph)
sessions = Stack(lambda: None)


def default_session() -> Any:
    """Return the default session.

    Raises
    ------
    ValueError
        Where there is none.
    """
    session = sessions.top()
    if session is None:
        raise ValueError(
            "there is no default session; use `with tf.Session():`, a tf.InteractiveSession, or "
            "pass session="
        )
    return session
