"""Learning rates follow their formulas, and go on from a state."""

import math

import pytest

from ferrule.flow import nn, optim
from ferrule.flow.optim import lr_scheduler

BASE = 0.5
CASES = {
    "StepLR": (
        lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
        lambda epoch: BASE * 0.5 ** (epoch // 3),
    ),
    "ExponentialLR": (
        lambda o: lr_scheduler.ExponentialLR(o, 0.9),
        lambda epoch: BASE * 0.9**epoch,
    ),
    "CosineAnnealingLR": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=8, eta_min=0.1),
        lambda epoch: 0.3 + 0.2 * math.cos(math.pi * epoch / 8),
    ),
    "LambdaLR": (
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (epoch + 1)),
        lambda epoch: BASE / (epoch + 1),
    ),
}


@pytest.fixture
def optimizer():
    return optim.SGD([nn.Parameter([1.0])], lr=BASE)


@pytest.mark.parametrize(("make", "formula"), CASES.values(), ids=CASES)
def test_rates_follow_the_formula(optimizer, make, formula):
    scheduler = make(optimizer)
    for epoch in range(12):
        assert optimizer.lr == pytest.approx(formula(epoch), rel=1e-12)
        assert scheduler.get_last_lr() == [optimizer.lr]
        scheduler.step()


@pytest.mark.parametrize(("make", "formula"), CASES.values(), ids=CASES)
def test_rates_go_on_from_a_state(optimizer, make, formula):
    scheduler = make(optimizer)
    for _ in range(5):
        scheduler.step()
    other = optim.SGD([nn.Parameter([1.0])], lr=7.0)
    again = make(other)
    again.load_state_dict(scheduler.state_dict())
    assert other.lr == optimizer.lr
    again.step()
    assert other.lr == pytest.approx(formula(6), rel=1e-12)


def test_each_group_starts_from_its_own_rate():
    groups = [{"params": nn.Parameter([1.0])}, {"params": nn.Parameter([1.0]), "lr": 0.1}]
    scheduler = lr_scheduler.StepLR(optim.SGD(groups, lr=1.0), 1, 0.5)
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 0.05]


def test_a_plateau_halves_the_rate(optimizer):
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.1
    )
    seen = []
    for loss in (1.0, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.1):
        scheduler.step(loss)
        seen.append(optimizer.lr)
    assert seen == [0.5] * 3 + [0.25] * 3 + [0.125] * 3 + [0.1] * 2


def test_of_numbers_that_should_grow_less_is_no_better(optimizer):
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, "max", factor=0.5, patience=0)
    for accuracy, rate in [
        (0.5, 0.5),
        (0.6, 0.5),
        (0.6, 0.25),
        (float("nan"), 0.125),
        (0.7, 0.125),
    ]:
        scheduler.step(accuracy)
        assert optimizer.lr == rate


def test_a_plateau_goes_on_from_a_state(optimizer):
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    for loss in (1.0, 2.0):
        scheduler.step(loss)
    again = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    again.load_state_dict(scheduler.state_dict())
    again.step(2.0)
    assert optimizer.lr == 0.25


@pytest.mark.parametrize(
    "call",
    [
        lambda o: lr_scheduler.StepLR(o, 0),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 0),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, "less"),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0),
    ],
)
def test_options_are_checked(optimizer, call):
    with pytest.raises(ValueError, match=r"must be at least|mode is"):
        call(optimizer)
