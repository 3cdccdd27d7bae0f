"""Optimizers change parameters by their formulas, written down again in NumPy's float64."""

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim

STEPS = 7
SHAPES = [(3, 2), (4,), ()]


def sgd(p, g, s, t, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * p
    s["b"] = momentum * s.get("b", 0.0) + g
    return p - lr * (g + momentum * s["b"] if nesterov else s["b"])


def adam(p, g, s, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    p, g = (p * (1 - lr * weight_decay), g) if decoupled else (p, g + weight_decay * p)
    s["m"] = betas[0] * s.get("m", 0.0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0.0) + (1 - betas[1]) * g**2
    m, v = s["m"] / (1 - betas[0] ** t), s["v"] / (1 - betas[1] ** t)
    return p - lr * m / (np.sqrt(v) + eps)


def adamw(p, g, s, t, *, weight_decay=0.01, **options):
    return adam(p, g, s, t, weight_decay=weight_decay, decoupled=True, **options)


def adagrad(
    p, g, s, t, *, lr, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10
):
    g = g + weight_decay * p
    s["sum"] = s.get("sum", initial_accumulator_value) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["sum"]) + eps)


def rmsprop(
    p, g, s, t, *, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False
):
    g = g + weight_decay * p
    s["v"] = alpha * s.get("v", 0.0) + (1 - alpha) * g**2
    s["g"] = alpha * s.get("g", 0.0) + (1 - alpha) * g
    spread = s["v"] - s["g"] ** 2 if centered else s["v"]
    s["b"] = momentum * s.get("b", 0.0) + g / (np.sqrt(spread) + eps)
    return p - lr * s["b"]


def ftrl(p, g, s, t, *, lr, lr_power=-0.5, initial_accumulator_value=0.1, l1=0.0, l2=0.0):
    before = s.get("n", initial_accumulator_value)
    s["n"] = before + g**2
    sigma = (s["n"] ** -lr_power - before**-lr_power) / lr
    s["z"] = s.get("z", 0.0) + g - sigma * p
    # The minimum of z p + q p²/2 + l1 |p|, where that is not at 0.
    quadratic = s["n"] ** -lr_power / lr + 2 * l2
    return np.where(np.abs(s["z"]) > l1, -(s["z"] - np.sign(s["z"]) * l1) / quadratic, 0.0)


CASES = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    (optim.Adam, adam, {"lr": 0.01}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.2}),
    (optim.AdamW, adamw, {"lr": 0.01}),
    (optim.AdamW, adamw, {"lr": 0.1, "weight_decay": 0.5}),
    (optim.Adagrad, adagrad, {"lr": 0.1}),
    (
        optim.Adagrad,
        adagrad,
        {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.3},
    ),
    (optim.RMSprop, rmsprop, {"lr": 0.01}),
    (
        optim.RMSprop,
        rmsprop,
        {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1},
    ),
    (optim.Ftrl, ftrl, {"lr": 0.1}),
    (optim.Ftrl, ftrl, {"lr": 0.5, "l1": 0.4, "l2": 0.1}),
    (optim.Ftrl, ftrl, {"lr": 0.5, "lr_power": -0.7, "l1": 0.1}),
]
IDS = [f"{case[0].__name__}-{'-'.join(case[2])}" for case in CASES]


@pytest.fixture
def starts(rng):
    return [rng.normal(size=shape) for shape in SHAPES]


@pytest.fixture
def gradients(rng):
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(STEPS)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def stepped(make, options, starts, gradients, dtype):
    params = [nn.Parameter(start, dtype) for start in starts]
    optimizer = make(params, **options)
    for grads in gradients:
        for param, grad in zip(params, grads, strict=True):
            param.grad = flow.tensor(grad, dtype)
        optimizer.step()
    return params, optimizer


def expected(formula, options, starts, gradients):
    made = []
    for place, p in enumerate(starts):
        state = {}
        for t, grads in enumerate(gradients, 1):
            p = formula(p, grads[place], state, t, **options)
        made.append(p)
    return made


@pytest.mark.parametrize(("make", "formula", "options"), CASES, ids=IDS)
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-11), ("float32", 2e-5)])
def test_steps_follow_the_formula(make, formula, options, starts, gradients, dtype, rtol):
    params, optimizer = stepped(make, options, starts, gradients, dtype)
    wanted = expected(formula, options, starts, gradients)
    for param, value in zip(params, wanted, strict=True):
        np.testing.assert_allclose(param.detach(), value, rtol=rtol, atol=rtol)
        assert param.is_leaf
        assert param.dtype == dtype
    assert optimizer.steps.item() == STEPS


@pytest.mark.parametrize(("make", "formula", "options"), CASES, ids=IDS)
def test_a_step_in_a_traced_function_has_the_same_bits(make, formula, options, starts, gradients):
    params, optimizer = stepped(make, options, starts, gradients, "float32")
    traced = [nn.Parameter(start, "float32") for start in starts]
    other = make(traced, **options)

    @flow.function
    def step(*grads):
        sum((p * g).sum() for p, g in zip(traced, grads, strict=True)).backward()
        other.step()
        other.zero_grad()

    for grads in gradients:
        step(*(grad.astype(np.float32) for grad in grads))
    assert step.n_traces == 1
    for one, two in zip(params, traced, strict=True):
        np.testing.assert_array_equal(one.detach(), two.detach().numpy())
    for name, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, other.state_dict()[name].numpy(), err_msg=name)


@pytest.mark.parametrize(("make", "formula", "options"), CASES, ids=IDS)
def test_going_on_from_a_state_has_the_same_bits(make, formula, options, starts, gradients):
    whole, _ = stepped(make, options, starts, gradients, "float32")
    params, optimizer = stepped(make, options, starts, gradients[:3], "float32")
    state = {name: value.numpy() for name, value in optimizer.state_dict().items()}
    again = make([nn.Parameter(param.detach()) for param in params], **{**options, "lr": 9.0})
    again.load_state_dict(state)
    assert again.lr == options["lr"]
    for grads in gradients[3:]:
        for param, grad in zip(again.param_groups[0].params, grads, strict=True):
            param.grad = flow.tensor(grad, "float32")
        again.step()
    for one, two in zip(whole, again.param_groups[0].params, strict=True):
        np.testing.assert_array_equal(one.detach(), two.detach().numpy())
