"""Gradients are clipped as one vector, or one by one."""

import math

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    made = [nn.Parameter(rng.normal(size=shape), "float64") for shape in [(3, 2), (4,)]]
    for param in made:
        param.grad = flow.tensor(rng.normal(size=param.shape))
    return made


def joined(params):
    return np.concatenate([param.grad.numpy().ravel() for param in params])


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
def test_a_norm_that_is_too_great_is_scaled_down(params, norm_type):
    before = joined(params)
    norm = np.linalg.norm(before, norm_type)
    found = optim.clip_grad_norm_(iter(params), norm / 4, norm_type)
    assert found.item() == pytest.approx(norm, rel=1e-12)
    np.testing.assert_allclose(joined(params), before / 4, rtol=1e-5)
    assert np.linalg.norm(joined(params), norm_type) <= norm / 4


def test_a_norm_that_is_small_enough_stays_to_the_bit(params):
    before = joined(params)
    optim.clip_grad_norm_(params, np.linalg.norm(before) * 1.01)
    np.testing.assert_array_equal(joined(params), before)


def test_elements_are_bounded(params):
    before = joined(params)
    optim.clip_grad_value_(params, 0.25)
    np.testing.assert_array_equal(joined(params), before.clip(-0.25, 0.25))


def test_parameters_without_gradients_are_passed_over(params):
    params[0].grad = None
    wanted = np.linalg.norm(params[1].grad.numpy())
    assert optim.clip_grad_norm_(params, 1.0).item() == pytest.approx(wanted)
    assert params[0].grad is None
    assert optim.clip_grad_norm_(params[0], 1.0).item() == 0.0
    optim.clip_grad_value_(params[0], 1.0)


def test_clipping_is_a_part_of_a_traced_step():
    w = nn.Parameter([0.0, 0.0])
    optimizer = optim.SGD([w], lr=1.0)

    @flow.function
    def step(g):
        (w * g).sum().backward()
        norm = optim.clip_grad_norm_([w], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return norm

    assert step([3.0, 4.0]).item() == 5.0
    np.testing.assert_allclose(w.detach(), [-0.6, -0.8], rtol=1e-6)


def test_bounds_are_checked(params):
    with pytest.raises(ValueError, match="max_norm must be at least 0, got -1"):
        optim.clip_grad_norm_(params, -1)
    with pytest.raises(ValueError, match="norm_type must be above 0"):
        optim.clip_grad_norm_(params, 1.0, 0)
    with pytest.raises(ValueError, match="clip_value must be at least 0"):
        optim.clip_grad_value_(params, float("nan"))
