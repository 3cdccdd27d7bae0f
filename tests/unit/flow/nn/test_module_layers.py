"""Layers compute what their formulas say, forward and backward."""

import numpy as np
import pytest
from scipy import signal, special

from ferrule import flow
from ferrule.errors import InvalidArgumentError
from ferrule.flow import nn
from ferrule.flow.nn import functional as F  # noqa: N812


def test_linear_is_a_product_and_a_sum(rng):
    layer = nn.Linear(4, 3, dtype="float64")
    for shape in [(5, 4), (4,), (2, 3, 4), (0, 4)]:
        x = rng.normal(size=shape)
        wanted = x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        found = layer(flow.tensor(x))
        assert found.shape == (*shape[:-1], 3)
        np.testing.assert_allclose(found.detach(), wanted, rtol=1e-12)


def test_linear_without_bias_has_none(rng):
    layer = nn.Linear(4, 3, bias=False, dtype="float64")
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    x = rng.normal(size=(2, 4))
    wanted = x @ layer.weight.detach().numpy().T
    np.testing.assert_allclose(layer(flow.tensor(x)).detach(), wanted, rtol=1e-12)


def correlated(x, filters, stride, padding):
    """The definition: every output is a window's product with the filters, by SciPy."""
    x = np.pad(x, [(0, 0), padding[0], padding[1], (0, 0)])
    images = []
    for image in x:
        maps = [
            sum(
                signal.correlate2d(image[..., c], filters[..., c, m], "valid")
                for c in range(x.shape[-1])
            )
            for m in range(filters.shape[-1])
        ]
        images.append(np.stack(maps, -1)[:: stride[0], :: stride[1]])
    return np.stack(images)


@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize(
    ("padding", "around"),
    [(0, ((0, 0), (0, 0))), ("valid", ((0, 0), (0, 0))), ((2, 1), ((2, 2), (1, 1)))],
)
def test_convolution_is_a_correlation_with_each_filter(rng, stride, padding, around):
    layer = nn.Conv2d(3, 2, (3, 2), stride, padding, dtype="float64")
    x = rng.normal(size=(2, 6, 5, 3))
    filters, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    wanted = correlated(x, filters, np.broadcast_to(stride, 2), around) + bias
    np.testing.assert_allclose(layer(flow.tensor(x)).detach(), wanted, rtol=1e-10, atol=1e-12)


def test_same_padding_keeps_the_size(rng):
    layer = nn.Conv2d(1, 1, 3, padding="same", bias=False, dtype="float64")
    x = rng.normal(size=(1, 5, 4, 1))
    filters = layer.weight.detach().numpy()
    wanted = correlated(x, filters, (1, 1), ((1, 1), (1, 1)))
    np.testing.assert_allclose(layer(flow.tensor(x)).detach(), wanted, rtol=1e-10, atol=1e-12)


def test_pools_take_the_greatest_and_the_mean_of_windows(rng):
    x = rng.normal(size=(2, 6, 4, 3))
    windows = x.reshape(2, 3, 2, 2, 2, 3)
    np.testing.assert_array_equal(nn.MaxPool2d(2)(flow.tensor(x)), windows.max((2, 4)))
    found = nn.AvgPool2d(2)(flow.tensor(x))
    np.testing.assert_allclose(found, windows.mean((2, 4)), rtol=1e-12)
    assert nn.MaxPool2d(3, stride=1, padding="same")(flow.tensor(x)).shape == x.shape


def test_embedding_takes_rows(rng):
    layer = nn.Embedding(5, 3)
    places = rng.integers(0, 5, (2, 4))
    np.testing.assert_array_equal(layer(places).detach(), layer.weight.detach().numpy()[places])
    layer(places).sum().backward()
    counts = np.bincount(places.ravel(), minlength=5)
    np.testing.assert_array_equal(layer.weight.grad, np.repeat(counts[:, None], 3, 1))
    with pytest.raises(InvalidArgumentError):
        layer([5])


def test_dropout_drops_by_chance_and_keeps_the_mean():
    flow.manual_seed(0)
    layer = nn.Dropout(0.25)
    x = flow.ones(100, 1000)
    found = layer(x).numpy()
    assert set(np.unique(found)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.005)
    assert not np.array_equal(found, layer(x).numpy())
    np.testing.assert_array_equal(layer.eval()(x), x.numpy())


def test_dropout_of_a_generator_is_that_of_its_seed():
    x = flow.ones(50)
    first, second = (nn.Dropout(0.5, generator=flow.Generator(3)) for _ in range(2))
    np.testing.assert_array_equal(first(x), second(x).numpy())


def test_what_was_dropped_gets_no_gradient():
    x = flow.ones(200, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.detach().numpy())


def test_flatten_and_identity():
    x = flow.zeros(2, 3, 4, 5)
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0, 2)(x).shape == (24, 5)
    assert nn.Identity()(x) is x


@pytest.mark.parametrize(
    ("module", "formula"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.Tanh(), np.tanh),
        (nn.Sigmoid(), special.expit),
        (nn.Softplus(), lambda x: np.logaddexp(0, x)),
        (nn.SiLU(), lambda x: x * special.expit(x)),
        (nn.GELU(), lambda x: x * special.ndtr(x)),
        (
            nn.GELU("tanh"),
            lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        ),
        (nn.LeakyReLU(0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
        (nn.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
        (nn.Softmax(), lambda x: special.softmax(x, -1)),
        (nn.Softmax(dim=0), lambda x: special.softmax(x, 0)),
        (nn.LogSoftmax(), lambda x: special.log_softmax(x, -1)),
    ],
    ids=repr,
)
def test_activations(check_gradient, rng, module, formula):
    x = rng.normal(size=(3, 4)) * 3
    np.testing.assert_allclose(module(flow.tensor(x)), formula(x), rtol=1e-10, atol=1e-12)
    check_gradient(module, x)


def test_activations_of_great_numbers_are_finite_and_so_are_their_gradients():
    x = np.array([-1000.0, 1000.0])
    for module in (nn.ELU(), nn.SiLU(), nn.GELU(), nn.Softplus(), nn.LogSoftmax()):
        assert flow.grad(lambda x, module=module: module(x).sum())(x).isfinite().all(), module


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: F.linear(x, flow.tensor(np.arange(6.0).reshape(2, 3))), (4, 3)),
        (lambda x: F.linear(flow.tensor(np.arange(6.0).reshape(2, 3)), x), (4, 3)),
        (lambda x: F.conv2d(x, flow.tensor(np.arange(16.0).reshape(2, 2, 2, 2))), (2, 4, 3, 2)),
        (lambda x: F.conv2d(flow.ones(1, 4, 4, 2, dtype="float64"), x, None, 2, 1), (3, 3, 2, 2)),
        (lambda x: F.max_pool2d(x, 2), (1, 4, 4, 2)),
        (lambda x: F.avg_pool2d(x, 2, 1, "same"), (1, 3, 3, 2)),
        (lambda x: F.embedding([0, 2, 2], x), (3, 2)),
    ],
)
def test_gradients_are_those_of_finite_differences(check_gradient, rng, function, shape):
    check_gradient(function, rng.normal(size=shape))


def test_wrong_shapes_are_told_in_words():
    with pytest.raises(ValueError, match=r"linear takes 4 features.*x has shape \(2, 5\)"):
        nn.Linear(4, 3)(flow.zeros(2, 5))
    with pytest.raises(ValueError, match=r"channels last; x has shape \(1, 3, 8, 8\)"):
        nn.Conv2d(3, 4, 3)(flow.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="p is a chance"):
        nn.Dropout(1.5)


def test_arrays_are_taken_in_the_dtype_of_the_weights(rng):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    x = rng.normal(size=(5, 4, 4, 1))
    np.testing.assert_array_equal(model(x).detach(), model(flow.tensor(x).float()).detach().numpy())
    assert nn.Flatten()(x).shape == (5, 16)


def test_a_buffer_that_is_assigned_in_a_traced_function_is_changed_in_place():
    class Mean(nn.Module):
        def __init__(self):
            self.register_buffer("mean", flow.zeros(2))

        def forward(self, x):
            self.mean = 0.5 * self.mean + 0.5 * x.mean(0)
            return x - self.mean

    module = Mean()
    step = flow.function(module)
    for _ in range(2):
        step(flow.ones(4, 2))
    assert module.mean.tolist() == [0.75, 0.75]
    assert module.state_dict()["mean"].tolist() == [0.75, 0.75]
