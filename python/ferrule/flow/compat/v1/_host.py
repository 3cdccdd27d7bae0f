"""What a session gives that is not of the engine, such as strings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _stack
from ferrule.flow.compat.v1._shapes import TensorShape


class HostValue:
    """A value that Python computes when a session is asked for it; no operation takes it.

    Attributes
    ----------
    name : str
        Such as ``Const:0``.
    """

    def __init__(self, name: str, evaluate: Callable[[Any], Any]) -> None:
        self.name = f"{name}:0"
        self._evaluate = evaluate

    @property
    def shape(self) -> TensorShape:
        """Unknown."""
        return TensorShape(None)

    def evaluate_in(self, session: Any) -> Any:
        """Return the value."""
        return self._evaluate(session)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Return its value in `session`, or in the default one."""
        del feed_dict
        return self._evaluate(session or _stack.default_session())

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.name!r}, computed by Python>"


def string_constant(value: Any, name: str) -> HostValue:
    """Return strings as what a session gives as bytes, as ever in TensorFlow."""
    array = np.asarray(value, dtype=object)
    encoded = np.frompyfunc(_encoded, 1, 1)(array)
    return HostValue(name, lambda session: encoded)


def _encoded(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()
