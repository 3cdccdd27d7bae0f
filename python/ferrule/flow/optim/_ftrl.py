"""FTRL: McMahan et al. (2013), "Ad click prediction: a view from the trenches"."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._operations import where
from ferrule.flow._tensors import full_like, zeros_like
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer, at_least_zero


class Ftrl(Optimizer):
    """Follows the regularised leader: weights that L1 would make small are 0.

    ::

        total = accumulator + g²
        linear += g - (total^-power - accumulator^-power) / lr * p
        p = (sign(linear) * l1 - linear) / (total^-power / lr + 2 * l2), or 0 where |linear| <= l1
        accumulator = total

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
        Above 0.
    lr_power : float
        At most 0; the rate falls as the total of squares to that power.
    initial_accumulator_value : float
        What the total of squares begins with.
    l1, l2 : float
        Strengths of the regularisation.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        at_least_zero(initial_accumulator_value=initial_accumulator_value, l1=l1, l2=l2)
        if not lr_power <= 0:
            raise ValueError(f"lr_power must be at most 0, got {lr_power}")
        if not lr > 0:
            raise ValueError(f"lr must be above 0, since FTRL divides by it; got {lr}")
        defaults = {
            "lr": lr,
            "lr_power": lr_power,
            "initial_accumulator_value": initial_accumulator_value,
            "l1": l1,
            "l2": l2,
        }
        super().__init__(params, defaults)

    def _slots(self, param: Tensor, group: ParamGroup) -> dict[str, Tensor]:
        start = full_like(param, group["initial_accumulator_value"])
        return {"accumulator": start, "linear": zeros_like(param)}

    def _update(
        self,
        param: Tensor,
        grad: Tensor,
        slots: dict[str, Tensor],
        group: ParamGroup,
        *scalars: Tensor,
    ) -> None:
        (lr,), power = scalars, group["lr_power"]
        accumulator, linear = slots["accumulator"], slots["linear"]
        total = accumulator + grad.square()
        fallen = _fall(total, power)
        linear.copy_(linear + grad - (fallen - _fall(accumulator, power)) / lr * param)
        shrunk = (group["l1"] * linear.sign() - linear) / (fallen / lr + 2.0 * group["l2"])
        param.copy_(where(linear.abs() > group["l1"], shrunk, 0.0))
        accumulator.copy_(total)


def _fall(total: Tensor, power: float) -> Tensor:
    return total.sqrt() if power == -0.5 else total**-power
