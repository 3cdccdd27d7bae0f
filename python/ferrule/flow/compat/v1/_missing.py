"""Errors for what TensorFlow 1 has and this face has not."""

from collections.abc import Callable
from typing import Any, NoReturn

from ferrule.errors import UnimplementedError
from ferrule.flow.compat.v1 import _dtypes

_CONTROL = "tf.while_loop, or Python's loops while the graph is built"
_RAGGED = "tensors of known shape; do what depends on values with NumPy, before feeding"
_RECURRENT = "tf.matmul and tf.tanh in a Python loop over the steps"
# By name, or by the start of the name up to a dot: what to use instead.
_INSTEAD = {
    "tf.map_fn": _CONTROL,
    "tf.scan": _CONTROL,
    "tf.foldl": _CONTROL,
    "tf.foldr": _CONTROL,
    "tf.boolean_mask": _RAGGED,
    "tf.unique": _RAGGED,
    "tf.dynamic_partition": _RAGGED,
    "tf.dynamic_stitch": _RAGGED,
    "tf.SparseTensor": "dense tensors",
    "tf.sparse": "dense tensors",
    "tf.sparse_placeholder": "tf.placeholder with dense arrays",
    "tf.gfile": "pathlib",
    "tf.keras": "tf.layers and tf.train",
    "tf.estimator": "a tf.Session loop, or the estimators of ferrule",
    "tf.contrib": "tf.layers, tf.nn and tf.initializers (xavier is tf.glorot_uniform_initializer)",
    "tf.summary": "session.run and your own log",
    "tf.saved_model": "tf.train.Saver",
    "tf.image": "NumPy, before feeding",
    "tf.io": "ferrule.data.read",
    "tf.strings": "Python, before feeding",
    "tf.string_to_number": "Python, before feeding",
    "tf.einsum": "tf.tensordot, tf.matmul and tf.reduce_sum",
    "tf.Print": "session.run of the tensor",
    "tf.nn.rnn_cell": _RECURRENT,
    "tf.nn.dynamic_rnn": _RECURRENT,
    "tf.nn.static_rnn": _RECURRENT,
    "tf.nn.conv2d_transpose": "tf.gradients of tf.nn.conv2d",
    "tf.train.Coordinator": "feed_dict, or tf.data",
    "tf.train.start_queue_runners": "feed_dict, or tf.data",
    "tf.train.MonitoredTrainingSession": "tf.Session with a tf.train.Saver",
    "tf.train.AdadeltaOptimizer": "tf.train.AdamOptimizer",
    "tf.layers.batch_normalization": "tf.nn.moments and tf.nn.batch_normalization",
}


class MissingError(UnimplementedError, AttributeError):
    """A name of TensorFlow's that is not here."""


def missing(name: str, module: str) -> AttributeError:
    """Return the error for a name such as ``tf.while_loop``, asked of the module `module`."""
    short = name.rpartition(".")[2]
    if short.startswith("__"):
        return AttributeError(f"module {module!r} has no attribute {short!r}")
    if name == f"tf.{short}" and _dtypes.is_lacking(short):
        return MissingError(str(_dtypes.lacking(short)))
    instead = _INSTEAD.get(name)
    advice = f"; use {instead}" if instead else "; see dir() of the module for what is"
    return MissingError(f"{name} is not in ferrule.flow.compat.v1{advice}")


def raiser(public: str, module: str) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for the module `module`, which users call `public`."""

    def __getattr__(name: str) -> NoReturn:  # noqa: N807
        raise missing(f"{public}.{name}", module)

    return __getattr__
