"""What optimizers take, keep and refuse."""

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim


@pytest.fixture
def w():
    return nn.Parameter([1.0, -2.0])


def test_the_learning_rate_is_read_at_each_step(w):
    optimizer = optim.SGD([w], lr=0.5)

    @flow.function
    def step():
        w.sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    optimizer.lr = 2.0
    step()
    assert step.n_traces == 1
    assert w.tolist() == [-1.5, -4.5]
    w.grad = flow.ones(2)
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    assert w.tolist() == [-2.5, -5.5]


def test_groups_have_options_of_their_own(w):
    bias = nn.Parameter([1.0])
    groups = [{"params": [w], "weight_decay": 0.5}, {"params": bias, "lr": 1.0}]
    optimizer = optim.SGD(groups, lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 1.0]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    assert dict(optimizer.param_groups[1])["params"] == [bias]
    w.grad, bias.grad = flow.zeros(2), flow.ones(1)
    optimizer.step()
    np.testing.assert_allclose(w.detach(), [0.95, -1.9], rtol=1e-6)
    assert bias.tolist() == [0.0]
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_a_parameter_without_a_gradient_stays(w):
    other = nn.Parameter([5.0])
    optimizer = optim.Adam([w, other], lr=0.1)
    w.grad = flow.ones(2)
    optimizer.step()
    assert other.tolist() == [5.0]
    assert optimizer.state_dict()["state.1.exp_avg"].tolist() == [0.0]
    other.grad = flow.ones(1)
    optimizer.step()
    assert other.item() < 5.0


def test_gradients_are_forgotten(w):
    optimizer = optim.SGD([w, nn.Parameter([1.0]).requires_grad_(False)], lr=0.1)
    w.grad = flow.ones(2)
    optimizer.zero_grad()
    assert w.grad is None


def test_parameters_of_two_dtypes_are_taken():
    params = [nn.Parameter([1.0], "float32"), nn.Parameter([1.0], "float64")]
    optimizer = optim.AdamW(params, lr=0.1)
    for param in params:
        param.grad = flow.ones(1, dtype=param.dtype)
    optimizer.step()
    assert [param.dtype.name for param in params] == ["float32", "float64"]
    assert params[0].item() == pytest.approx(params[1].item(), rel=1e-6)


def test_without_any_gradient_there_is_no_step(w):
    optimizer = optim.SGD([w], lr=0.1)
    with pytest.raises(RuntimeError, match=r"no parameter has a gradient: call backward\(\)"):
        optimizer.step()
    assert optimizer.steps.item() == 0


def test_a_state_stays_as_it_was(w):
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    state = optimizer.state_dict()
    w.grad = flow.ones(2)
    optimizer.step()
    assert state["state.0.momentum_buffer"].tolist() == [0.0, 0.0]
    assert optimizer.state_dict()["state.0.momentum_buffer"].tolist() == [1.0, 1.0]


def test_a_state_of_others_is_refused(w):
    state = optim.Adam([w]).state_dict()
    with pytest.raises(ValueError, match="the state does not fit SGD: unexpected"):
        optim.SGD([w]).load_state_dict(state)
    with pytest.raises(ValueError, match=r"`state.0.exp_avg` has shape \(2,\)"):
        optim.Adam([nn.Parameter([1.0])]).load_state_dict(state)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: optim.SGD([], lr=0.1), ValueError, "there are no parameters"),
        (lambda w: optim.SGD(w, lr=0.1), TypeError, r"`model.parameters\(\)`"),
        (lambda w: optim.SGD(nn.Linear(1, 1)), TypeError, r"`model.parameters\(\)`"),
        (lambda w: optim.SGD([("w", w)]), TypeError, "parameters are tensors, got tuple"),
        (lambda w: optim.SGD([w * 2.0]), ValueError, "a leaf tensor of floats"),
        (lambda w: optim.SGD([flow.tensor([1])]), ValueError, "a leaf tensor of floats"),
        (lambda w: optim.SGD([w, w]), ValueError, "given twice"),
        (lambda w: optim.SGD([w], lr=-1.0), ValueError, "lr must be at least 0, got -1.0"),
        (lambda w: optim.SGD([w], lr=float("nan")), ValueError, "lr must be at least 0"),
        (lambda w: optim.SGD([w], momentum=-1.0), ValueError, "momentum must be at least 0"),
        (lambda w: optim.SGD([w], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), ValueError, "beta2 must be at least 0 and"),
        (lambda w: optim.Ftrl([w], lr=0.0), ValueError, "lr must be above 0"),
        (lambda w: optim.Ftrl([w], lr_power=0.5), ValueError, "lr_power must be at most 0"),
        (lambda w: optim.SGD([{"params": [w], "decay": 1}]), TypeError, "'decay' is no option"),
        (lambda w: optim.SGD([{"lr": 1}]), TypeError, "dicts with `params`"),
    ],
)
def test_mistakes_are_told(w, call, error, message):
    with pytest.raises(error, match=message):
        call(w)


def test_only_the_learning_rate_can_change(w):
    group = optim.SGD([w]).param_groups[0]
    with pytest.raises(TypeError, match="only `lr` can be changed"):
        group["momentum"] = 0.9
    with pytest.raises(RuntimeError, match="outside of a traced function"):
        flow.function(lambda: group.__setitem__("lr", 1.0))()


def test_optimizers_are_shown(w):
    assert repr(optim.Adagrad([w], lr=0.5)) == (
        "Adagrad(ParamGroup(1 parameters, lr=0.5, lr_decay=0.0, weight_decay=0.0, "
        "initial_accumulator_value=0.0, eps=1e-10))"
    )
    two = [{"params": [w]}, {"params": [nn.Parameter([1.0])]}]
    assert repr(optim.SGD(two)).count("\n") == 3


def test_an_optimizer_of_ones_own_is_a_rule(w):
    class Signs(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def _update(self, param, grad, slots, group, *scalars):
            param.sub_(scalars[0] * grad.sign())

    optimizer = Signs([w], 0.5)
    (w * w).sum().backward()
    optimizer.step()
    assert w.tolist() == [0.5, -1.5]
