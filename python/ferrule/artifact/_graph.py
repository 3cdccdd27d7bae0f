"""Graphs of `ferrule.flow` in artifacts: saved with variables' values, run as a server does."""

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule.artifact._info import TensorSpec, read_signature
from ferrule.artifact._json import as_json
from ferrule.errors import InvalidArgumentError


@runtime_checkable
class GraphSource(Protocol):
    """What can be saved as a graph: a module or function of `ferrule.flow`, a session."""

    def __ferrule_save__(
        self, place: str, inputs: Mapping[str, Any], outputs: Any, facts: str
    ) -> str:
        """Save the graph from `inputs` to `outputs` at `place` and return the digest."""
        ...


def save_graph(
    source: GraphSource,
    place: str,
    inputs: Mapping[str, Any] | None,
    outputs: Any,
    metadata: Mapping[str, Any] | None,
) -> str:
    """Save what `outputs` need from `inputs`; see `ferrule.save`."""
    if not isinstance(inputs, Mapping) or not all(isinstance(name, str) for name in inputs):
        raise InvalidArgumentError(
            f"expected inputs={{name: tensor, ...}} to save a graph, got inputs={inputs!r}"
        )
    facts = {
        "training": {"library": "ferrule.flow"},
        "metadata": as_json({} if metadata is None else metadata, "metadata"),
        "versions": {
            "ferrule": version("ferrule"),
            "numpy": np.__version__,
            "python": ".".join(map(str, sys.version_info[:3])),
        },
    }
    return source.__ferrule_save__(place, inputs, outputs, json.dumps(facts))


class GraphModel:
    """A graph that was saved, run in this process by what serves it.

    `ferrule.load` makes it. It can be called from several threads at a time.

    Attributes
    ----------
    inputs, outputs : tuple of TensorSpec
        Names, dtypes and shapes; -1 is any size.

    Examples
    --------
    >>> import ferrule, tempfile
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [None, 2])
    >>> w = tf.Variable([[1.0], [2.0]])
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/sum.safetensors"
    >>> with tf.Session() as session:
    ...     session.run(w.initializer)
    ...     digest = ferrule.save(session, path, inputs={"x": x}, outputs={"y": tf.matmul(x, w)})
    >>> model = ferrule.load(path)
    >>> model.predict(x=[[1.0, 1.0], [3.0, 4.0]])
    {'y': array([[ 3.],
           [11.]], dtype=float32)}
    >>> model([[1.0, 1.0]])
    array([[3.]], dtype=float32)
    >>> model.inputs[0]
    TensorSpec(name='x', dtype='FP32', shape=(-1, 2), optional=False)
    >>> folder.cleanup()
    """

    def __init__(self, place: str) -> None:
        self._model = _core.ServedModel(place)
        signature = read_signature(json.loads(self._model.manifest))
        self.inputs: tuple[TensorSpec, ...] = signature.inputs
        self.outputs: tuple[TensorSpec, ...] = signature.outputs

    @property
    def digest(self) -> str:
        """The digest of its artifact."""
        return self._model.digest

    def predict(self, **inputs: Any) -> dict[str, NDArray[Any]]:
        """Return every output by name.

        Parameters
        ----------
        **inputs : array-like
            Each of `inputs` by its name.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            Where an input is missing, unknown or of another shape, or an element is refused, such
            as a place outside of a table.
        """
        return dict(self._model.predict(list(inputs.items())))

    def __call__(self, *arrays: Any) -> Any:
        """Return the output, or a tuple of them, for the inputs in the order of `inputs`."""
        if len(arrays) != len(self.inputs):
            names = ", ".join(spec.name for spec in self.inputs)
            raise InvalidArgumentError(f"expected {names}, got {len(arrays)} arrays")
        named = zip((spec.name for spec in self.inputs), arrays, strict=True)
        made = tuple(value for _, value in self._model.predict(list(named)))
        return made[0] if len(made) == 1 else made

    def __repr__(self) -> str:
        ports = ", ".join(str(spec) for spec in (*self.inputs, *self.outputs))
        return f"<GraphModel {ports}>"
