"""Operations on tensors: as functions, and those of several tensors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ferrule._core import Tensor
from ferrule.flow._core_ops import CORE_DTYPES, operation
from ferrule.flow._random import uniform
from ferrule.flow._tensors import as_tensor, tensor


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Return tensors one after the other along a dimension.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.cat([flow.ones(2), flow.zeros(1)])
    tensor([1., 1., 0.])
    """
    made: Tensor = operation("concat", axis=dim)(*_several(tensors, "cat"))
    return made


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Return tensors of one shape side by side along a new dimension."""
    return cat([x.unsqueeze(dim) for x in _several(tensors, "stack")], dim)


def _several(tensors: Sequence[Any], name: str) -> list[Tensor]:
    if not len(tensors):
        raise ValueError(f"{name} takes at least one tensor")
    return [as_tensor(one) for one in tensors]


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """Return elements of `x` where `condition` is true, else of `y`; all of them broadcast.

    Examples
    --------
    >>> from ferrule import flow
    >>> x = flow.tensor([-1.0, 2.0])
    >>> flow.where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    x, y = _pair(x, y)
    made: Tensor = operation("select")(as_tensor(condition), x, y)
    return made


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors, a Python number in the dtype of the other."""
    if isinstance(x, Tensor) and isinstance(y, (int, float)):
        return x, tensor(y, x.dtype)
    if isinstance(y, Tensor) and isinstance(x, (int, float)):
        return tensor(x, y.dtype), y
    return as_tensor(x), as_tensor(y)


def maximum(x: Any, y: Any) -> Tensor:
    """Return the greater of each pair of elements."""
    left, right = _pair(x, y)
    return left.maximum(right)


def minimum(x: Any, y: Any) -> Tensor:
    """Return the lesser of each pair of elements."""
    left, right = _pair(x, y)
    return left.minimum(right)


def matmul(a: Any, b: Any) -> Tensor:
    """Return the matrix product over the last two dimensions; those before broadcast."""
    made: Tensor = as_tensor(a) @ as_tensor(b)
    return made


def split(x: Tensor, sizes: int | Sequence[int], dim: int = 0) -> list[Tensor]:
    """Return pieces of these sizes along a dimension; of one size, the last may be smaller.

    Raises
    ------
    ValueError
        Where the sizes do not sum up to that of the dimension.
    """
    size = x.size(dim)
    if isinstance(sizes, int):
        if sizes < 1:
            raise ValueError(f"pieces have at least one element, not {sizes}")
        sizes = [min(sizes, size - at) for at in range(0, size, sizes)]
    if sum(sizes) != size or min(sizes, default=0) < 0:
        raise ValueError(
            f"sizes {list(sizes)} do not sum up to {size}, the size of dimension {dim}"
        )
    ends = np.cumsum(sizes).tolist()
    before = (slice(None),) * (dim % x.ndim)
    pairs = zip(sizes, ends, strict=True)
    return [x[(*before, slice(end - part, end))] for part, end in pairs]


def chunk(x: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    """Return so many equal pieces along a dimension; the last may be smaller."""
    if chunks < 1:
        raise ValueError(f"chunk makes at least one piece, not {chunks}")
    return split(x, max(1, -(-x.size(dim) // chunks)), dim)


def unbind(x: Tensor, dim: int = 0) -> list[Tensor]:
    """Return the slices along a dimension, without it."""
    before = (slice(None),) * (dim % x.ndim)
    return [x[(*before, index)] for index in range(x.size(dim))]


def index_select(x: Tensor, dim: int, index: Any) -> Tensor:
    """Return the slices at places along a dimension.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For a place outside of the dimension.
    """
    made: Tensor = operation("gather", axis=dim)(x, as_tensor(index))
    return made


def embedding(weight: Tensor, index: Any) -> Tensor:
    """Return the rows of `weight` at places of any shape.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.embedding(flow.tensor([[1.0, 2.0], [3.0, 4.0]]), [1, 1, 0]).shape
    (3, 2)
    """
    return index_select(weight, 0, index)


def one_hot(index: Any, num_classes: int, dtype: str = "float32") -> Tensor:
    """Return 1 at each place along a new last dimension, else 0."""
    op = operation("one_hot", depth=num_classes, dtype=CORE_DTYPES[np.dtype(dtype).name])
    made: Tensor = op(as_tensor(index))
    return made


def pad(
    x: Tensor, padding: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0
) -> Tensor:
    """Return `x` with elements before and after each dimension.

    Parameters
    ----------
    padding : sequence of (before, after)
        One pair a dimension.
    mode : {"constant", "reflect", "symmetric"}
        A value, or the elements mirrored, without or with the edge.
    """
    before, after = zip(*padding, strict=True)
    how = {"constant": float(value)} if mode == "constant" else mode
    op = operation("pad", before=list(before), after=list(after), mode=how)
    made: Tensor = op(x)
    return made


def conv2d(
    x: Tensor, filters: Tensor, stride: int | tuple[int, int] = 1, padding: str = "valid"
) -> Tensor:
    """Return images convolved with filters, channels last.

    Parameters
    ----------
    x : tensor [n, height, width, channels]
    filters : tensor [filter height, filter width, channels, output channels]
    stride : int or (int, int)
    padding : {"valid", "same"}
        Nothing around the images, or zeros so that the output has ceil(size / stride) rows.
    """
    op = operation("conv2d", strides=_two(stride), padding=padding)
    made: Tensor = op(x, filters)
    return made


def max_pool2d(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> Tensor:
    """Return the greatest element of each window of images [n, height, width, channels]."""
    return _pooled(x, "max", kernel_size, stride, padding)


def avg_pool2d(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> Tensor:
    """Return the mean of each window of images [n, height, width, channels], without padding."""
    return _pooled(x, "mean", kernel_size, stride, padding)


def _pooled(x: Tensor, f: str, size: Any, stride: Any, padding: str) -> Tensor:
    window = {"strides": _two(size if stride is None else stride), "padding": padding}
    made: Tensor = operation("pool", f=f, size=_two(size), window=window)(x)
    return made


def _two(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def logsumexp(x: Tensor, dim: int = -1, *, keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(x))) along a dimension, without overflow."""
    top = x.detach().amax(dim, keepdim=True)
    # Of nothing but -inf the maximum is -inf, and -inf - -inf would be NaN.
    top = where(top.isfinite(), top, 0.0)
    made: Tensor = (x - top).exp().sum(dim, keepdim=True).log() + top
    return made if keepdim else made.squeeze(dim)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Return x times the chance that a standard Gaussian is below x; or its form by tanh."""
    if approximate == "tanh":
        inner = (0.7978845608028654 * (x + 0.044715 * (x * x * x))).tanh()
    else:
        inner = (x * 0.7071067811865476).erf()
    made: Tensor = 0.5 * x * (1.0 + inner)
    return made


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x, times `negative_slope` where it is negative."""
    return where(x > 0, x, x * negative_slope)


def dropout(x: Tensor, p: float = 0.5, *, training: bool = True, generator: Any = None) -> Tensor:
    """Return `x` with each element 0 by chance `p`, and the others divided by 1 - p.

    Raises
    ------
    ValueError
        For a `p` that is not from 0 to 1.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is a chance, from 0 to 1; got {p}")
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0.0
    kept = uniform(x.shape, dtype=x.dtype, generator=generator) >= p
    return where(kept, x * (1.0 / (1.0 - p)), 0.0)


def registered_op(name: str, version: int = 1, **attributes: Any) -> Callable[..., Any]:
    """Return an operation written in Rust that was registered in this process.

    A build of the engine that links a crate with operations registers them; see the guide. It joins
    gradients, traced functions and saved models. An artifact names it, and is refused by a process
    that has no operation of its name and version.

    Parameters
    ----------
    name : str
    version : int
    **attributes : bool, int, float, str, or list of float
        What the operation is told beside its inputs.

    Returns
    -------
    callable
        Of tensors, to its one output or a tuple of several. Where no such operation is registered,
        calling it raises `ferrule.errors.UnimplementedError`.

    Examples
    --------
    >>> from ferrule import flow
    >>> swish = flow.registered_op("example.swish", beta=1.5)
    >>> swish(flow.ones(3))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ...
    ferrule.errors.UnimplementedError: ...
    """
    made = operation("registered", name=name, version=version, attributes=attributes)
    return lambda *inputs: made(*[as_tensor(one) for one in inputs])


def relu(x: Any) -> Tensor:
    """Return max(x, 0)."""
    return as_tensor(x).relu()


def exp(x: Any) -> Tensor:
    """Return e to the power of each element."""
    return as_tensor(x).exp()


def log(x: Any) -> Tensor:
    """Return the natural logarithm of each element."""
    return as_tensor(x).log()


def sqrt(x: Any) -> Tensor:
    """Return the square root of each element."""
    return as_tensor(x).sqrt()


def sin(x: Any) -> Tensor:
    """Return the sine of each element."""
    return as_tensor(x).sin()


def cos(x: Any) -> Tensor:
    """Return the cosine of each element."""
    return as_tensor(x).cos()


def tanh(x: Any) -> Tensor:
    """Return the hyperbolic tangent of each element."""
    return as_tensor(x).tanh()


def sigmoid(x: Any) -> Tensor:
    """Return 1 / (1 + exp(-x)) of each element."""
    return as_tensor(x).sigmoid()


def softmax(x: Any, dim: int = -1) -> Tensor:
    """Return exp(x) / sum(exp(x)) along a dimension."""
    return as_tensor(x).softmax(dim)


def log_softmax(x: Any, dim: int = -1) -> Tensor:
    """Return log(softmax(x)) along a dimension."""
    return as_tensor(x).log_softmax(dim)


def solve(a: Tensor, b: Tensor) -> Tensor:
    """Return x of a x = b, for square matrices `a` [..., n, n] and `b` [..., n, m]."""
    made: Tensor = operation("solve", transpose=False)(a, b)
    return made


def cholesky(a: Tensor) -> Tensor:
    """Return the lower triangle L of a = L Lᵀ, for a symmetric positive definite matrix [n, n].

    Only the lower triangle of `a` is read; its gradient is that of a symmetric matrix.
    """
    made: Tensor = operation("cholesky")(a)
    return made
