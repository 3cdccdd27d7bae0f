"""Tensors that a module trains."""

from typing import Any

from numpy.typing import DTypeLike

from ferrule._core import Tensor
from ferrule.flow._tensors import tensor


def Parameter(  # noqa: N802
    data: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = True
) -> Tensor:
    """Return a leaf tensor of these elements, copied, that gradients are taken by.

    Assigned to an attribute of a `Module` it is one of its parameters; so is any other leaf tensor
    that requires gradients.

    Parameters
    ----------
    data : number, nested sequence of numbers, array or tensor
        Floats.
    dtype : str or numpy dtype, optional
    requires_grad : bool
        False for one that stays as it is; see `Module.register_parameter`.

    Examples
    --------
    >>> from ferrule.flow import nn
    >>> nn.Parameter([1.0, 2.0])
    tensor([1., 2.], requires_grad=True)
    """
    made = tensor(data, dtype)
    return made.detach().requires_grad_(requires_grad)
