"""What tests of modules and losses share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ferrule import flow


def _slopes(function: Callable[[np.ndarray], float], x: np.ndarray, step: float) -> np.ndarray:
    made = np.empty_like(x)
    for place in np.ndindex(x.shape):
        ahead, back = x.copy(), x.copy()
        ahead[place] += step
        back[place] -= step
        made[place] = (function(ahead) - function(back)) / (2 * step)
    return made


@pytest.fixture
def check_gradient() -> Callable[..., None]:
    """Hold the gradient of a function of one float64 tensor to central differences."""

    def check(function: Callable[[Any], Any], x: np.ndarray, *, step: float = 1e-6) -> None:
        weights = np.random.default_rng(7).normal(size=np.shape(function(flow.tensor(x))))

        def total(x: Any) -> Any:
            return (function(x) * flow.tensor(weights)).sum()

        found = flow.grad(total)(flow.tensor(x)).numpy()
        wanted = _slopes(lambda x: total(flow.tensor(x)).item(), x, step)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)

    return check


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
