"""Making tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ferrule import _core
from ferrule._core import Tensor

float32 = np.dtype("float32")
float64 = np.dtype("float64")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
uint8 = np.dtype("uint8")
bool_ = np.dtype("bool")


def tensor(
    data: ArrayLike | Tensor, dtype: DTypeLike | None = None, *, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of these elements, copied, without history.

    Parameters
    ----------
    data : number, nested sequence of numbers, array or tensor
    dtype : str or numpy dtype, optional
        Of the data where there is none; Python's floats become float32, its integers int64.
    requires_grad : bool
        Whether gradients are taken by the tensor.

    Raises
    ------
    TypeError
        For elements that are not float32, float64, int32, int64, uint8 or bool.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.tensor([[1.0, 2.0], [3.0, 4.0]]) @ flow.tensor([1.0, 1.0])
    tensor([3., 7.])
    """
    made = _core.tensor_from(data, dtype)
    return made.requires_grad_() if requires_grad else made


def as_tensor(data: ArrayLike | Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Return `data` itself where it is a tensor of that dtype, else a tensor of it."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return _core.tensor_from(data, dtype)


def asarray(data: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Return a tensor of `data`, in its memory where that can be shared.

    Tensors are returned as they are, arrays of NumPy and what exports DLPack are shared as
    `from_numpy` says; anything else, or another dtype, is copied.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule import flow
    >>> array = np.zeros(2)
    >>> shared, copied = flow.asarray(array), flow.tensor(array)
    >>> array[0] = 5
    >>> shared, copied
    (tensor([5., 0.], dtype=float64), tensor([0., 0.], dtype=float64))
    """
    if isinstance(data, Tensor):
        return as_tensor(data, dtype)
    if not isinstance(data, np.ndarray) and hasattr(data, "__dlpack__"):
        data = np.from_dlpack(data)
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype):
        return _core.tensor_shared(data)
    return tensor(data, dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor in the memory of a NumPy array, which it keeps.

    What is written to the array is seen by the tensor, and by gradients of what was computed of it.
    The array is only read: a tensor that is changed in place has memory of its own from then on. It
    must not be written while a function that reads it runs in another thread. Arrays of truth
    values, and those that are not C-contiguous, in the machine's order of bytes and aligned to 8
    bytes, are copied; `tensor` always copies.

    Raises
    ------
    TypeError
        For anything but an array of float32, float64, int32, int64, uint8 or bool.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule import flow
    >>> array = np.arange(3)
    >>> x = flow.from_numpy(array)
    >>> array[0] = 7
    >>> x
    tensor([7, 1, 2])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"from_numpy takes an array, got {type(array).__name__}: use flow.tensor() or asarray()"
        )
    return _core.tensor_shared(array)


def from_dlpack(other: Any) -> Tensor:
    """Return a tensor in the memory of anything that exports DLPack, shared as by `from_numpy`.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule import flow
    >>> flow.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    return _core.tensor_shared(np.from_dlpack(other))


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the sizes that were given one by one or as one sequence."""
    if len(shape) == 1 and isinstance(shape[0], (Sequence, np.ndarray)):
        shape = tuple(shape[0])
    return tuple(int(size) for size in shape)


def _filled(
    shape: tuple[int, ...], value: Any, dtype: DTypeLike | None, *, requires_grad: bool
) -> Tensor:
    return tensor(np.full(shape, value, dtype or float32), requires_grad=requires_grad)


def zeros(*shape: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Return zeros, float32 where no dtype is named.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.zeros(2, 3).shape
    (2, 3)
    """
    return _filled(sizes(shape), 0, dtype, requires_grad=requires_grad)


def ones(*shape: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Return ones, float32 where no dtype is named."""
    return _filled(sizes(shape), 1, dtype, requires_grad=requires_grad)


def full(
    shape: Sequence[int],
    fill_value: Any,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of one number over and over, float32 where no dtype is named."""
    return _filled(tuple(shape), fill_value, dtype, requires_grad=requires_grad)


def zeros_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Return zeros of the shape of `x`, and of its dtype where none is named."""
    return zeros(x.shape, dtype=dtype or x.dtype)


def ones_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Return ones of the shape of `x`, and of its dtype where none is named."""
    return ones(x.shape, dtype=dtype or x.dtype)


def full_like(x: Tensor, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Return one number in the shape of `x`, and in its dtype where none is named."""
    return full(x.shape, fill_value, dtype or x.dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: DTypeLike | None = None) -> Tensor:
    """Return start, start + step, … before stop; from 0 where only one number is given.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.arange(2, 8, 2)
    tensor([2, 4, 6])
    """
    if stop is None:
        start, stop = 0, start
    array = np.arange(start, stop, step)
    if dtype is None and array.dtype == np.float64:
        dtype = float32
    return tensor(array, dtype)


def linspace(start: float, stop: float, num: int, dtype: DTypeLike | None = None) -> Tensor:
    """Return `num` numbers from `start` to `stop`, evenly spaced; float32 by default."""
    return tensor(np.linspace(start, stop, num), dtype or float32)


def eye(n: int, m: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return the matrix of `n` rows and `m` columns with ones on its diagonal."""
    return tensor(np.eye(n, m), dtype or float32)


def rebuild(array: np.ndarray[Any, Any], requires_grad: bool) -> Tensor:
    """Return the tensor that was pickled or copied."""
    return tensor(array, requires_grad=requires_grad)
