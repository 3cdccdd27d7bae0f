"""Layers of neurons."""

from collections.abc import Callable
from typing import Any

from ferrule.flow.compat.v1 import _array
from ferrule.flow.compat.v1._scopes import get_variable, variable_scope
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, Value, add, binary, to_tensor
from ferrule.flow.compat.v1.initializers import Zeros
from ferrule.flow.compat.v1.nn import dropout as _dropout

Activation = Callable[[Tensor], Tensor]


def dense(
    inputs: Convertible,
    units: int,
    activation: Activation | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = Zeros,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """Return activation(inputs @ kernel + bias), with variables ``kernel`` and ``bias``.

    Parameters
    ----------
    inputs : (…, n), whose n must be known
    units : int
        How many outputs.
    activation : function, optional
    kernel_initializer, bias_initializer : initializer, optional
        By default Glorot's uniform one, and zeros.

    Returns
    -------
    tensor of (…, units)

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [None, 4])
    >>> tf.layers.dense(x, 3, tf.nn.relu).shape
    TensorShape([None, 3])
    """
    _check_no(activity_regularizer, "activity_regularizer")
    x = to_tensor(inputs)
    width = x.shape[-1].value if x.shape.ndims else None
    if width is None:
        raise ValueError(
            f"the last dimension of the inputs to dense must be known, got shape {x.shape}"
        )
    with variable_scope(name, default_name="dense", reuse=reuse):
        kernel = get_variable(
            "kernel",
            [width, int(units)],
            x.dtype,
            kernel_initializer,
            kernel_regularizer,
            trainable,
            constraint=kernel_constraint,
        )
        result = _array.matmul(x, kernel)
        if use_bias:
            bias = get_variable(
                "bias",
                [int(units)],
                x.dtype,
                bias_initializer,
                bias_regularizer,
                trainable,
                constraint=bias_constraint,
            )
            result = binary("add", result, bias.as_tensor(), "BiasAdd", None)
        return result if activation is None else activation(result)


def flatten(inputs: Convertible, name: str | None = None) -> Tensor:
    """Return (n, …) as (n, the product of the rest)."""
    x = to_tensor(inputs)
    dims = x.dims
    if dims is None or len(dims) < 1:
        raise ValueError(f"flatten() expects a known rank of at least 1, got shape {x.shape}")
    rest = x.shape[1:].num_elements()
    if rest is not None:
        sizes = [-1 if dims[0] is None else dims[0], rest]
        return _array.reshape(x, sizes, name or "flatten/Reshape")
    return _array.reshape(x, [_array.shape(x)[0], -1], name or "flatten/Reshape")


def dropout(
    inputs: Convertible,
    rate: Convertible = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Tensor:
    """Return `inputs` while not `training`; else as ``tf.nn.dropout(rate=rate)``.

    `training` is a bool, or a scalar tensor of bool that a run may be fed.
    """
    x = to_tensor(inputs)
    if not isinstance(training, Value):
        return (
            _dropout(x, rate=rate, seed=seed, noise_shape=noise_shape, name=name) if training else x
        )
    dropped = _dropout(x, rate=rate, seed=seed, noise_shape=noise_shape)
    return add("select", [to_tensor(training, bool), dropped, x], "dropout", name)


def _check_no(value: Any, name: str) -> None:
    if value is not None:
        raise NotImplementedError(f"{name}= is not in ferrule.flow")
