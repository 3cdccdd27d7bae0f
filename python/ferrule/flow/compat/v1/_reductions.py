"""Many elements that become one."""

from collections.abc import Callable
from typing import Any

from ferrule.flow.compat.v1 import _dtypes, _elementwise
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1.errors import InvalidArgumentError


def _reduction(name: str, f: str, label: str, what: str) -> Callable[..., Tensor]:
    def function(
        input_tensor: Convertible,
        axis: Any = None,
        keepdims: bool | None = None,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Tensor:
        axes = axis if reduction_indices is None else reduction_indices
        kept = bool(keepdims if keep_dims is None else keep_dims)
        dtype = _dtypes.bool if f in {"any", "all"} else None
        return reduce(f, to_tensor(input_tensor, dtype), axes, kept, label, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return {what} along axes.

    Parameters
    ----------
    input_tensor : tensor
    axis : int or list of int, optional
        Negative ones count from the end; by default all axes.
    keepdims : bool
        Keep the axes, with one element each.
    """
    return function


reduce_sum = _reduction("reduce_sum", "sum", "Sum", "the sum")
reduce_mean = _reduction("reduce_mean", "mean", "Mean", "the mean")
reduce_prod = _reduction("reduce_prod", "prod", "Prod", "the product")
reduce_max = _reduction("reduce_max", "max", "Max", "the greatest element")
reduce_min = _reduction("reduce_min", "min", "Min", "the least element")
reduce_any = _reduction("reduce_any", "any", "Any", "whether any is true")
reduce_all = _reduction("reduce_all", "all", "All", "whether all are true")


def reduce(
    f: str, x: Tensor, axis: Any, keepdims: bool, label: str, name: str | None = None
) -> Tensor:
    """Return a reduction of the engine's along `axis`."""
    axes = axes_of(axis)
    if f == "mean" and not x.dtype.is_floating:
        # As TensorFlow: the sum, divided and truncated, in the integers' dtype.
        return _elementwise.cast(reduce(f, _as_double(x), axis, keepdims, label), x.dtype, name)
    return add("reduce", [x], label, name, f=f, axes=axes, keepdims=keepdims)


def axes_of(axis: Any) -> list[int] | None:
    """Return axes given as None, an int, a list, an array or a tensor of known value."""
    if axis is None:
        return None
    known = known_ints(axis, "axis")
    return known if isinstance(known, list) else [known]


def known_ints(value: Any, name: str) -> Any:
    """Return an int, or a list of them, that must be known before any run.

    Raises
    ------
    InvalidArgumentError
        For a tensor whose value is not, or for what are no integers.
    """
    if isinstance(value, (int, type(None))):
        return value
    tensor = to_tensor(value, _dtypes.int32 if value == [] else None)
    known = tensor.known
    if known is None:
        raise InvalidArgumentError(
            f"{name} must be known before a run, got tensor {tensor.name!r}; pass ints"
        )
    if known.dtype.kind not in "iu":
        raise InvalidArgumentError(f"{name} must be integers, got {known.dtype}")
    return known.tolist()


def _as_double(x: Tensor) -> Tensor:
    return _elementwise.cast(x, _dtypes.float64)


def reduce_logsumexp(
    input_tensor: Convertible,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return log(sum(exp(x))) along axes, without overflow."""
    x = to_tensor(input_tensor)
    axes = axis if reduction_indices is None else reduction_indices
    with x.graph.name_scope(name or "ReduceLogSumExp") as scope:
        greatest = reduce("max", x, axes, keepdims=True, label="Max")
        finite = _elementwise.is_finite(greatest)
        zero = to_tensor(0.0, x.dtype, "zero", x)
        shift = add("select", [finite, greatest, zero], "Select", None)
        shift = _elementwise.stop_gradient(shift)
        exps = _elementwise.exp(x - shift)
        total = _elementwise.log(reduce("sum", exps, axes, keepdims=True, label="Sum")) + shift
        if keepdims or keep_dims:
            return _elementwise.identity(total, scope)
        return add("squeeze", [total], "Squeeze", scope, axes=axes_of(axes) or _all(x))


def _all(x: Tensor) -> list[int] | None:
    rank = x.shape.ndims
    return None if rank is None else list(range(rank))


def argmax(
    input: Convertible,
    axis: int | None = None,
    name: str | None = None,
    dimension: int | None = None,
    output_type: Any = _dtypes.int64,
) -> Tensor:
    """Return the place of the first greatest element along `axis`, by default the first."""
    return _arg("arg_max", input, axis if dimension is None else dimension, output_type, name)


def argmin(
    input: Convertible,
    axis: int | None = None,
    name: str | None = None,
    dimension: int | None = None,
    output_type: Any = _dtypes.int64,
) -> Tensor:
    """Return the place of the first least element along `axis`, by default the first."""
    return _arg("arg_min", input, axis if dimension is None else dimension, output_type, name)


def _arg(kind: str, input: Any, axis: int | None, output_type: Any, name: str | None) -> Tensor:
    label = "ArgMax" if kind == "arg_max" else "ArgMin"
    place = 0 if axis is None else known_ints(axis, "axis")
    if _dtypes.as_dtype(output_type) == _dtypes.int64:
        return add(kind, [to_tensor(input)], label, name, axis=place)
    found = add(kind, [to_tensor(input)], label, None, axis=place)
    return _elementwise.cast(found, output_type, name)


arg_max = argmax
arg_min = argmin


def cumsum(
    x: Convertible,
    axis: int = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return running sums along `axis`; exclusive ones leave their own element out."""
    attributes = {"axis": known_ints(axis, "axis"), "exclusive": exclusive, "reverse": reverse}
    return add("cum_sum", [to_tensor(x)], "Cumsum", name, **attributes)


def count_nonzero(
    input_tensor: Convertible,
    axis: Any = None,
    keepdims: bool | None = None,
    dtype: Any = _dtypes.int64,
    name: str | None = None,
) -> Tensor:
    """Return how many elements are not 0 along axes."""
    x = to_tensor(input_tensor)
    nonzero = _elementwise.not_equal(x, to_tensor(0, x.dtype, beside=x))
    ones = _elementwise.cast(nonzero, dtype)
    return reduce("sum", ones, axis, bool(keepdims), "count_nonzero", name)


def norm(
    tensor: Convertible,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
) -> Tensor:
    """Return the norm along axes: ``"euclidean"`` (or 2), 1 or infinity."""
    x = to_tensor(tensor)
    kept = bool(keepdims)
    if ord in {"euclidean", 2, "fro"}:
        total = reduce("sum", _elementwise.square(x), axis, kept, "Sum")
        return _elementwise.sqrt(total, name=name or "norm")
    if ord in {1, float("inf")}:
        f = "sum" if ord == 1 else "max"
        return reduce(f, _elementwise.abs(x), axis, kept, "norm", name)
    raise InvalidArgumentError(f"ord must be 'euclidean', 1, 2 or inf, got {ord!r}")


def clip_by_norm(
    t: Convertible, clip_norm: Convertible, axes: Any = None, name: str | None = None
) -> Tensor:
    """Return `t`, made smaller to the norm `clip_norm` where its norm is greater."""
    x = to_tensor(t)
    with x.graph.name_scope(name or "clip_by_norm") as scope:
        limit = to_tensor(clip_norm, x.dtype, beside=x)
        total = reduce("sum", x * x, axes, keepdims=True, label="Sum")
        is_some = total > 0.0
        one = to_tensor(1.0, x.dtype, "one", x)
        safe = add("select", [is_some, total, one], "Select", None)
        length = add("select", [is_some, _elementwise.sqrt(safe), total], "Select", None)
        scaled = x * limit / _elementwise.maximum(length, limit)
        return _elementwise.identity(scaled, scope)


def global_norm(t_list: Any, name: str | None = None) -> Tensor:
    """Return the root of the sum of squares of all elements of all tensors in `t_list`."""
    tensors = [to_tensor(each) for each in t_list if each is not None]
    halves = [
        reduce("sum", each * each, None, keepdims=False, label="Sum") * 0.5 for each in tensors
    ]
    return _elementwise.sqrt(_elementwise.add_n(halves) * 2.0, name=name or "global_norm")


def clip_by_global_norm(
    t_list: Any, clip_norm: Convertible, use_norm: Any = None, name: str | None = None
) -> tuple[list[Tensor | None], Tensor]:
    """Return tensors made smaller together, so that their global norm is at most `clip_norm`.

    Returns
    -------
    (list of tensors, the norm before)
    """
    length = global_norm(t_list, name) if use_norm is None else to_tensor(use_norm)
    one = to_tensor(1.0, length.dtype, "one", length)
    limit = to_tensor(clip_norm, length.dtype, beside=length)
    scale = limit * _elementwise.minimum(1.0 / length, one / limit)
    return [None if each is None else to_tensor(each) * scale for each in t_list], length
