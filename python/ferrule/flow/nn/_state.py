"""Giving tensors that have names the values of others by these names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ferrule._core import Tensor
from ferrule._words import listed, nearest
from ferrule.flow._autograd import no_grad
from ferrule.flow._tensors import as_tensor


class IncompatibleKeys(NamedTuple):
    """The names that only one side had."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(
    own: Mapping[str, Tensor], given: Mapping[str, Any], *, owner: str, strict: bool = True
) -> IncompatibleKeys:
    """Copy values into the tensors of `own`, all of them or none.

    Raises
    ------
    ValueError
        Where a shape differs, or with `strict` a name; all that is wrong is told at once.
    """
    missing = [name for name in own if name not in given]
    unexpected = [name for name in given if name not in own]
    wrong = _misshapen(own, given)
    if strict and missing:
        wrong.append(f"missing: {listed(missing)}")
    if strict and unexpected:
        wrong.append(f"unexpected: {', '.join(_named(name, missing) for name in unexpected[:12])}")
    if wrong:
        raise ValueError(f"the state does not fit {owner}: {'; '.join(wrong)}")
    with no_grad():
        for name, tensor in own.items():
            if name in given:
                tensor.copy_(as_tensor(given[name]).to(tensor.dtype))
    return IncompatibleKeys(missing, unexpected)


def _misshapen(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> list[str]:
    pairs = ((name, own[name].shape, np.shape(given[name])) for name in own if name in given)
    return [
        f"`{name}` has shape {found}, and {wanted} is expected"
        for name, wanted, found in pairs
        if wanted != found
    ]


def _named(name: str, candidates: list[str]) -> str:
    near = nearest(name, candidates)
    return f"`{name}` (is it `{near}`?)" if near else f"`{name}`"
