"""Shapes, and elements in other places."""

from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._reductions import axes_of, known_ints
from ferrule.flow.compat.v1._shapes import TensorShape
from ferrule.flow.compat.v1._sources import shape_tensor
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, Value, add, pair, to_tensor
from ferrule.flow.compat.v1.errors import InvalidArgumentError


def shape(input: Convertible, name: str | None = None, out_type: Any = _dtypes.int32) -> Tensor:
    """Return the sizes of `input`, a vector of integers."""
    tensor = to_tensor(input)
    kind = _dtypes.as_dtype(out_type)
    result = add("shape_of", [tensor], "Shape", name, dtype=kind.code)
    if tensor.shape.is_fully_defined():
        result.remember(np.asarray(tensor.dims, kind.numpy))
    return result


def size(input: Convertible, name: str | None = None, out_type: Any = _dtypes.int32) -> Tensor:
    """Return the number of elements of `input`."""
    tensor = to_tensor(input)
    kind = _dtypes.as_dtype(out_type)
    result = add("size_of", [tensor], "Size", name, dtype=kind.code)
    count = tensor.shape.num_elements()
    if count is not None:
        result.remember(np.asarray(count, kind.numpy))
    return result


def rank(input: Convertible, name: str | None = None) -> Tensor:
    """Return the number of dimensions of `input`, which must be known before a run."""
    tensor = to_tensor(input)
    known = tensor.shape.ndims
    if known is None:
        raise InvalidArgumentError(f"the rank of {tensor.name!r} must be known before a run")
    return tensor.graph.constant(np.asarray(known, np.int32), name or "Rank")


def shape_n(input: Any, out_type: Any = _dtypes.int32, name: str | None = None) -> list[Tensor]:
    """Return the sizes of each of several tensors."""
    return [shape(each, name, out_type) for each in input]


def reshape(tensor: Convertible, shape: Any, name: str | None = None) -> Tensor:
    """Return the same elements in another shape, of which one size may be -1.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> tf.reshape(tf.zeros([2, 6]), [4, -1]).shape
    TensorShape([4, 3])
    """
    x = to_tensor(tensor)
    sizes = _known_sizes(shape)
    if sizes is None:
        return add("reshape_to", [x, shape_tensor(shape)], "Reshape", name)
    result = add("reshape", [x], "Reshape", name, shape=sizes)
    known = x.known
    if known is not None:
        result.remember(known.reshape(sizes))
    return result


def _known_sizes(shape: Any) -> list[int] | None:
    """Return a shape of ints as a list, or None where a tensor that is not known is part of it."""
    if isinstance(shape, Value):
        known = shape.known
        return None if known is None else [int(each) for each in known.ravel()]
    if isinstance(shape, TensorShape):
        return [-1 if each is None else each for each in shape.as_list()]
    listed = list(shape) if hasattr(shape, "__iter__") else [shape]
    sizes = []
    for each in listed:
        known = each.known if isinstance(each, Value) else each
        if known is None:
            return None
        sizes.append(int(known))
    return sizes


def expand_dims(
    input: Convertible, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """Return `input` with a dimension of 1 before `axis`."""
    place = known_ints(axis if dim is None else dim, "axis")
    if place is None:
        raise ValueError("expand_dims() needs an axis")
    return add("expand_dims", [to_tensor(input)], "ExpandDims", name, axis=place)


def squeeze(
    input: Convertible, axis: Any = None, name: str | None = None, squeeze_dims: Any = None
) -> Tensor:
    """Return `input` without dimensions of 1: those of `axis`, by default all."""
    axes = axes_of(axis if squeeze_dims is None else squeeze_dims) or None
    return add("squeeze", [to_tensor(input)], "Squeeze", name, axes=axes)


def transpose(
    a: Convertible, perm: Any = None, name: str = "transpose", conjugate: bool = False
) -> Tensor:
    """Return `a` with its axes in the order `perm`, by default reversed."""
    del conjugate
    x = to_tensor(a)
    order = axes_of(perm)
    if order is not None and x.shape.ndims is not None:
        order = [axis % max(x.shape.ndims, 1) for axis in order]
    return add("transpose", [x], "transpose", name, perm=order)


def matrix_transpose(
    a: Convertible, name: str = "matrix_transpose", conjugate: bool = False
) -> Tensor:
    """Return `a` with its last two axes swapped."""
    x = to_tensor(a)
    n = x.shape.ndims
    if n is None or n < 2:
        raise ValueError(f"matrix_transpose() expects a known rank of at least 2, got {x.shape}")
    return transpose(x, [*range(n - 2), n - 1, n - 2], name, conjugate)


def broadcast_to(input: Convertible, shape: Any, name: str | None = None) -> Tensor:
    """Return `input` repeated to `shape`, by NumPy's rules."""
    inputs = [to_tensor(input), shape_tensor(shape)]
    return add("broadcast_to", inputs, "BroadcastTo", name)


def concat(values: Any, axis: int, name: str = "concat") -> Tensor:
    """Return tensors one after the other along `axis`."""
    tensors = _of_one_dtype(values if isinstance(values, (list, tuple)) else [values])
    return add("concat", tensors, "concat", name, axis=known_ints(axis, "axis"))


def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Return tensors of one shape as one, with a new axis."""
    if isinstance(values, Value):
        values = unstack(values)
    tensors = _of_one_dtype(values)
    known = [each.known for each in tensors]
    with tensors[0].graph.name_scope(name) as scope:
        rows = [add("expand_dims", [each], "ExpandDims", None, axis=axis) for each in tensors]
        result = add("concat", rows, "stack", scope, axis=axis)
    if all(each is not None for each in known):
        result.remember(np.stack(known, axis))  # type: ignore[arg-type]
    return result


def _of_one_dtype(values: Any) -> list[Tensor]:
    if not len(values):
        raise ValueError("expected at least one tensor, got an empty list")
    first = next((each for each in values if isinstance(each, Value)), None)
    start = to_tensor(values[0]) if first is None else first.as_tensor()
    return [to_tensor(each, start.dtype, beside=start) for each in values]


def unstack(
    value: Convertible, num: int | None = None, axis: int = 0, name: str = "unstack"
) -> list[Tensor]:
    """Return the slices of a tensor along `axis`, whose size must be known."""
    x = to_tensor(value)
    n = num if num is not None else _size_of(x, axis)
    if n is None:
        raise ValueError(f"cannot infer num from shape {x.shape}; pass num=")
    with x.graph.name_scope(name):
        parts = [_part(x, axis, i, i + 1) for i in range(n)]
        return [add("squeeze", [part], "Squeeze", None, axes=[axis]) for part in parts]


unpack = unstack
pack = stack


def split(
    value: Convertible,
    num_or_size_splits: Any,
    axis: int = 0,
    num: int | None = None,
    name: str = "split",
) -> list[Tensor]:
    """Return a tensor in parts along `axis`: so many of one size, or of the sizes in a list."""
    del num
    x = to_tensor(value)
    whole = _size_of(x, axis)
    sizes = known_ints(num_or_size_splits, "num_or_size_splits")
    if isinstance(sizes, int):
        if whole is None or sizes < 1 or whole % sizes:
            raise ValueError(
                f"cannot split {x.name!r} of shape {x.shape} in {sizes} equal parts along axis "
                f"{axis}"
            )
        sizes = [whole // sizes] * sizes
    elif -1 in sizes and whole is not None:
        sizes[sizes.index(-1)] = whole - sum(sizes) - 1
    if whole is not None and sum(sizes) != whole:
        raise ValueError(
            f"sizes {sizes} do not add up to {whole}, the size of axis {axis} of {x.name!r}"
        )
    ends = np.cumsum(sizes).tolist()
    return [_part(x, axis, end - part, end, name) for part, end in zip(sizes, ends, strict=True)]


def _size_of(x: Tensor, axis: int) -> int | None:
    dims = x.dims
    if dims is None:
        return None
    if not -len(dims) <= axis < len(dims):
        raise ValueError(f"axis {axis} is not in [{-len(dims)}, {len(dims)})")
    return dims[axis]


def _part(x: Tensor, axis: int, start: int, stop: int, name: str | None = None) -> Tensor:
    n = x.shape.ndims
    if axis < 0:
        if n is None:
            raise ValueError(f"a negative axis needs a known rank of {x.name!r}")
        axis += n
    attributes: dict[str, Any] = {
        "starts": [*[None] * axis, start],
        "stops": [*[None] * axis, stop],
        "strides": [1] * (axis + 1),
    }
    return add("slice", [x], "split", name, **attributes)


def slice(input_: Convertible, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """Return `size` elements of each axis from `begin` on; -1 is all the rest.

    `begin` and `size` must be known before a run.
    """
    starts = known_ints(begin, "begin")
    sizes = known_ints(size, "size")
    stops = [
        None if count == -1 else start + count for start, count in zip(starts, sizes, strict=True)
    ]
    x = to_tensor(input_)
    for axis, (stop, whole) in enumerate(zip(stops, x.dims or (), strict=False)):
        if stop is not None and whole is not None and stop > whole:
            raise InvalidArgumentError(
                f"expected begin + size of at most {whole} for axis {axis} of {x.name!r}, got "
                f"{starts[axis]} + {sizes[axis]}"
            )
    attributes = {"starts": starts, "stops": stops, "strides": [1] * len(starts)}
    return add("slice", [x], "Slice", name, **attributes)


def strided_slice(
    input_: Convertible, begin: Any, end: Any, strides: Any = None, name: str | None = None
) -> Tensor:
    """Return ``input_[begin[0]:end[0]:strides[0], …]``; all must be known before a run."""
    starts, stops = known_ints(begin, "begin"), known_ints(end, "end")
    steps = [1] * len(starts) if strides is None else known_ints(strides, "strides")
    attributes = {"starts": starts, "stops": stops, "strides": steps}
    return add("slice", [to_tensor(input_)], "strided_slice", name, **attributes)


def gather(
    params: Convertible,
    indices: Convertible,
    validate_indices: bool | None = None,
    name: str | None = None,
    axis: int = 0,
) -> Tensor:
    """Return the elements of `params` at `indices` (int32 or int64, of any shape) along `axis`."""
    del validate_indices
    x = to_tensor(params)
    places = to_tensor(indices, beside=x)
    return add("gather", [x, places], "GatherV2", name, axis=known_ints(axis, "axis"))


def pad(
    tensor: Convertible,
    paddings: Any,
    mode: str = "CONSTANT",
    name: str | None = None,
    constant_values: float = 0,
) -> Tensor:
    """Return `tensor` with elements around it.

    Parameters
    ----------
    tensor : tensor
    paddings : list of [before, after] for each axis
    mode : {"CONSTANT", "REFLECT", "SYMMETRIC"}
    """
    x = to_tensor(tensor)
    around = known_ints(paddings, "paddings")
    modes: dict[str, Any] = {
        "CONSTANT": {"constant": float(constant_values)},
        "REFLECT": "reflect",
        "SYMMETRIC": "symmetric",
    }
    if mode.upper() not in modes:
        raise ValueError(f"unknown padding mode {mode!r}; expected one of {', '.join(modes)}")
    before, after = ([row[side] for row in around] for side in (0, 1))
    attributes = {"before": before, "after": after, "mode": modes[mode.upper()]}
    return add("pad", [x], "Pad", name, **attributes)


def tile(input: Convertible, multiples: Any, name: str | None = None) -> Tensor:
    """Return `input` repeated whole, so often along each axis; known before a run."""
    times = known_ints(multiples, "multiples")
    return add("tile", [to_tensor(input)], "Tile", name, multiples=times)


def one_hot(
    indices: Convertible,
    depth: int,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return a new axis of `depth`, by default the last, with `on_value` at `indices`.

    Places below 0 or from `depth` on have `off_value` only.
    """
    given = [each for each in (on_value, off_value) if isinstance(each, Value)]
    kind = given[0].dtype if given and dtype is None else _dtypes.as_dtype(dtype or "float32")
    places = to_tensor(indices)
    n = known_ints(depth, "depth")
    if on_value is None and off_value is None:
        result = add("one_hot", [places], "one_hot", name, depth=n, dtype=kind.code)
    else:
        hot = add("one_hot", [places], "one_hot", None, depth=n, dtype=_dtypes.bool.code)
        on = to_tensor(1 if on_value is None else on_value, kind)
        off = to_tensor(0 if off_value is None else off_value, kind)
        result = add("select", [hot, on, off], "one_hot", name)
    return result if axis in {None, -1} else _moved_last(result, int(axis or 0))


def _moved_last(x: Tensor, axis: int) -> Tensor:
    """Return `x` with its last axis at `axis`."""
    n = x.shape.ndims
    if n is None:
        raise ValueError(f"axis {axis} needs a known rank of {x.name!r}")
    order = list(range(n - 1))
    order.insert(axis, n - 1)
    return transpose(x, order)


def reverse(tensor: Convertible, axis: Any, name: str | None = None) -> Tensor:
    """Return the elements in reverse order along axes."""
    return add("reverse", [to_tensor(tensor)], "ReverseV2", name, axes=axes_of(axis) or [])


reverse_v2 = reverse


def matmul(
    a: Convertible,
    b: Convertible,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the product of matrices over the last two axes.

    Parameters
    ----------
    a : (…, m, k), or (…, k, m) with `transpose_a`
    b : (…, k, n), or (…, n, k) with `transpose_b`

    Returns
    -------
    tensor of (…, m, n)
    """
    del a_is_sparse, b_is_sparse
    left, right = pair(a, b)
    flags = {"transpose_a": transpose_a or adjoint_a, "transpose_b": transpose_b or adjoint_b}
    return add("mat_mul", [left, right], "MatMul", name, **flags)


batch_matmul = matmul


def tensordot(a: Convertible, b: Convertible, axes: Any, name: str | None = None) -> Tensor:
    """Return sums of products over axes: the last of `a` with the first of `b`, or a pair of lists.

    Shapes must be known.
    """
    left, right = pair(a, b)
    n, m = len(left.shape), len(right.shape)
    if isinstance(axes, int):
        of_a, of_b = list(range(n - axes, n)), list(range(axes))
    else:
        of_a, of_b = (axes_of(each) or [] for each in axes)
    of_a, of_b = [axis % n for axis in of_a], [axis % m for axis in of_b]
    free_a = [axis for axis in range(n) if axis not in of_a]
    free_b = [axis for axis in range(m) if axis not in of_b]
    sizes = [left.shape.as_list()[axis] for axis in free_a]
    sizes += [right.shape.as_list()[axis] for axis in free_b]
    inner = int(np.prod([int(left.shape[axis]) for axis in of_a], dtype=np.int64))
    x = reshape(transpose(left, free_a + of_a), [-1, inner])
    y = reshape(transpose(right, of_b + free_b), [inner, -1])
    if sizes.count(None) > 1:
        raise ValueError("tensordot() takes one unknown dimension at most")
    result = [-1 if each is None else each for each in sizes]
    return reshape(matmul(x, y), result, name or "Tensordot")
