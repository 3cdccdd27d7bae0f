"""Mathematics: the functions of ``tf`` and of ``tf.nn`` that have a place here too."""

from typing import Any

from ferrule.flow.compat.v1 import _elementwise, _reductions, nn
from ferrule.flow.compat.v1._missing import missing

_NEWER = {"mod": "floormod"}


def __getattr__(name: str) -> Any:
    for home in (_elementwise, _reductions, nn):
        found = vars(home).get(_NEWER.get(name, name))
        if callable(found) and not name.startswith("_"):
            return found
    raise missing(f"tf.math.{name}", __name__)
