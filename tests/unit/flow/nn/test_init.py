"""Parameters begin with what was asked for, and with the same at the same seed."""

import math

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn
from ferrule.flow.nn import init


@pytest.fixture(autouse=True)
def _seeded():
    flow.manual_seed(0)


def test_what_is_filled_is_the_tensor_itself():
    w = nn.Parameter(np.zeros((2, 3)))
    assert init.ones_(w) is w
    assert w.is_leaf
    assert w.tolist() == [[1.0] * 3] * 2
    assert init.zeros_(w).tolist() == [[0.0] * 3] * 2
    assert init.constant_(w, 0.5).tolist() == [[0.5] * 3] * 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(300, 200), (5, 4, 30, 60)])
@pytest.mark.parametrize(
    ("fill", "deviation"),
    [
        (lambda w: init.xavier_uniform_(w), lambda i, o: math.sqrt(2 / (i + o))),
        (lambda w: init.xavier_normal_(w, gain=2.0), lambda i, o: 2 * math.sqrt(2 / (i + o))),
        (lambda w: init.kaiming_uniform_(w), lambda i, _: math.sqrt(2 / i)),
        (lambda w: init.kaiming_uniform_(w, 1.0, "fan_out"), lambda _, o: math.sqrt(1 / o)),
        (
            lambda w: init.kaiming_normal_(w, nonlinearity="tanh"),
            lambda i, _: 5 / 3 / math.sqrt(i),
        ),
    ],
    ids=["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_out", "kaiming_normal"],
)
def test_deviations_follow_the_fans(fill, deviation, shape, dtype):
    fans = {(300, 200): (200, 300), (5, 4, 30, 60): (600, 1200)}[shape]
    w = fill(flow.zeros(shape, dtype=dtype)).numpy()
    wanted = deviation(*fans)
    # Of n numbers the deviation is within some 1 / sqrt(2 n) of what they were drawn by.
    assert w.std() == pytest.approx(wanted, rel=4 / math.sqrt(2 * w.size))
    assert abs(w.mean()) < 4 * wanted / math.sqrt(w.size)


def test_uniform_numbers_fill_their_range():
    w = init.uniform_(flow.zeros(100000), -2.0, 3.0).numpy()
    assert -2 <= w.min() < -1.99
    assert 2.99 < w.max() <= 3
    assert np.histogram(w, 10)[0].min() > 9500


def test_truncated_numbers_stay_within_two_deviations():
    w = init.trunc_normal_(flow.zeros(100000), 1.0, 0.5).numpy()
    assert 0 <= w.min() < 0.01
    assert 1.99 < w.max() <= 2
    assert w.std() == pytest.approx(0.5 * 0.8796, rel=0.01)


@pytest.mark.parametrize(("layer", "inputs"), [(nn.Linear(50, 400), 50), (nn.Conv2d(5, 80, 4), 80)])
def test_layers_begin_uniform_within_one_over_the_root_of_their_inputs(layer, inputs):
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        values = parameter.detach().numpy()
        assert abs(values).max() <= bound
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.12)


def test_an_embedding_begins_standard_gaussian():
    assert nn.Embedding(300, 100).weight.detach().numpy().std() == pytest.approx(1, rel=0.02)


def test_the_seed_decides():
    def made(seed):
        flow.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.Conv2d(1, 2, 3), nn.Embedding(3, 2)).state_dict()

    first, again, other = made(1), made(1), made(2)
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name].numpy())
        assert not np.array_equal(value.numpy(), other[name].numpy())


def test_a_generator_of_its_own_decides():
    first, second = (
        init.normal_(flow.zeros(5), generator=flow.Generator(4)).tolist() for _ in range(2)
    )
    assert first == second


def test_gains():
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)
    with pytest.raises(ValueError, match="no gain is known for 'swish'; there is conv2d, leaky"):
        init.calculate_gain("swish")


def test_wrong_weights_and_modes_are_told():
    with pytest.raises(ValueError, match=r"a weight is a matrix.*got \(3,\)"):
        init.xavier_uniform_(flow.zeros(3))
    with pytest.raises(ValueError, match="mode is 'fan_in' or 'fan_out'"):
        init.kaiming_normal_(flow.zeros(2, 2), mode="fan")
