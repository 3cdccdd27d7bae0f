"""Rows by number, and the greatest elements."""

from typing import Any

from ferrule.flow.compat.v1 import _array, _dtypes
from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._reductions import known_ints, reduce
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Tensor,
    add,
    default_graph,
    operation,
    to_tensor,
)


def embedding_lookup(
    params: Any,
    ids: Convertible,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: float | None = None,
) -> Tensor:
    """Return the rows of `params` at `ids`.

    Parameters
    ----------
    params : (n, …)
    ids : int32 or int64 of any shape s

    Returns
    -------
    tensor of shape s + (…)
    """
    del partition_strategy, validate_indices
    if isinstance(params, (list, tuple)):
        if len(params) != 1:
            raise NotImplementedError(
                "embeddings in several parts are not in ferrule.flow; use one variable"
            )
        params = params[0]
    if max_norm is not None:
        raise NotImplementedError("max_norm= is not in ferrule.flow; use tf.clip_by_norm")
    return _array.gather(params, ids, name=name or "embedding_lookup")


def top_k(
    input: Convertible, k: int = 1, sorted: bool = True, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return the `k` greatest elements of the last axis, greatest first, and their places.

    Of equal elements the one with the lower place comes first; places are int32.
    """
    del sorted
    x = to_tensor(input)
    outputs = operation("top_k", [x], name or "TopKV2", {"k": known_ints(k, "k")}).outputs
    return outputs[0], outputs[1]


def in_top_k(
    predictions: Convertible, targets: Convertible, k: int, name: str | None = None
) -> Tensor:
    """Return for each row whether fewer than `k` elements are greater than that at its target.

    Parameters
    ----------
    predictions : (n, classes), whose number must be known
    targets : (n,) of int32 or int64
    """
    x = to_tensor(predictions)
    places = to_tensor(targets)
    classes = x.shape[-1].value
    if classes is None:
        raise ValueError(f"the number of classes of {x.name!r} must be known before a run")
    is_target = add("one_hot", [places], "one_hot", None, depth=classes, dtype="BOOL")
    zero = to_tensor(0.0, x.dtype, beside=x)
    picked = add("select", [is_target, x, zero], "Select", None)
    own = reduce("sum", picked, -1, keepdims=True, label="Sum")
    greater = _e.cast(_e.greater(x, own), _dtypes.int32)
    n_greater = reduce("sum", greater, -1, keepdims=False, label="Sum")
    is_in = _e.less(n_greater, known_ints(k, "k"))
    known = reduce("any", is_target, -1, keepdims=False, label="Any")
    finite = reduce("all", _e.is_finite(own), -1, keepdims=False, label="All")
    return _e.logical_and(is_in, _e.logical_and(known, finite), name=name or "InTopK")


def xw_plus_b(
    x: Convertible, weights: Convertible, biases: Convertible, name: str | None = None
) -> Tensor:
    """Return x @ weights + biases, of (n, inputs), (inputs, outputs) and (outputs,)."""
    with default_graph().name_scope(name or "xw_plus_b") as scope:
        return _e.add(_array.matmul(x, weights), biases, name=scope)


def relu_layer(
    x: Convertible, weights: Convertible, biases: Convertible, name: str | None = None
) -> Tensor:
    """Return relu(x @ weights + biases)."""
    return _e.maximum(0, xw_plus_b(x, weights, biases), name=name or "relu_layer")
