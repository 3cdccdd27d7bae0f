"""Gradients of what was computed, held to finite differences and to formulas."""

import gc
import weakref

import numpy as np
import pytest

from ferrule import flow

FUNCTIONS = {
    "arithmetic": lambda x, w: ((x * w + 2 * x - w / 3) ** 2).mean(),
    "chain": lambda x, w: (x.exp().log1p() * w.tanh().sigmoid()).sum(),
    "matmul": lambda x, w: (x @ w.T).softplus().sum(),
    "reduce": lambda x, w: (x.amax(1) * w.mean(1) + x.prod(0).sum()).sum(),
    "layout": lambda x, w: (x.T.reshape(2, -1).flip(0)[:, 1:] * w.flatten()[1:3]).sum(),
    "indexing": lambda x, w: x[[1, 1, 0]].sum() * w[1, 0] + (x[:, -1] * w[:, 0]).sum(),
    "softmax": lambda x, w: (x.softmax(0) * w.log_softmax(1)).sum(),
    "where": lambda x, w: flow.where(x > w, x * x, w.sin()).sum(),
    "joins": lambda x, w: (flow.cat([x, w], 1) ** 2 * flow.stack([x, w], 2).sum()).sum(),
    "broadcast": lambda x, w: (x[:1] * w + x[:, :1] - w[0]).sum(),
    "composites": lambda x, w: (flow.gelu(x) + flow.leaky_relu(w - 1)).sum()
    + flow.logsumexp(x * w, 1).sum(),
    "one input": lambda x, w: (x * x).sum(),
}  # fmt: skip


def inputs():
    generator = np.random.default_rng(1)
    return generator.random((2, 3)) + 0.5, generator.random((2, 3)) + 0.6


def differences(function, arrays, place, step=1e-6):
    grad = np.zeros_like(arrays[place])
    for index in np.ndindex(grad.shape):
        both = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[place][index] += sign * step
            both.append(function(*[flow.tensor(array) for array in moved]).item())
        grad[index] = (both[0] - both[1]) / (2 * step)
    return grad


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("way", ["backward", "grad", "traced", "traced inside", "compiled step"])
def test_gradients_agree_with_finite_differences(name, way):
    function, arrays = FUNCTIONS[name], inputs()
    x, w = (flow.tensor(array, requires_grad=True) for array in arrays)
    if way == "backward":
        function(x, w).backward()
        found = [x.grad, w.grad]
    elif way == "grad":
        found = flow.grad(function, (0, 1))(*arrays)
    elif way == "traced":
        flow.function(function)(x, w).backward()
        found = [x.grad, w.grad]
    elif way == "traced inside":
        found = flow.function(flow.grad(function, (0, 1)))(*arrays)
    else:
        flow.function(lambda: function(x, w).backward())()
        found = [x.grad, w.grad]
    for place, grad in enumerate(found):
        expected = differences(function, arrays, place)
        grad = np.zeros_like(expected) if grad is None else grad.numpy()
        np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("traced", [False, True])
def test_gradients_of_gradients_of_gradients(traced):
    def quartic(x):
        return (x * x * x * x).sum()

    for order, expected in enumerate([4 * 8, 12 * 4, 24 * 2, 24], 1):
        function = quartic
        for _ in range(order):
            inner = function
            function = flow.grad(lambda x, inner=inner: inner(x).sum())
        function = flow.function(function) if traced else function
        assert function(2.0).item() == expected


def test_create_graph_leaves_gradients_that_have_gradients():
    x = flow.tensor([2.0, 3.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    penalty = (x.grad * x.grad).sum()
    x.grad = None
    penalty.backward()
    np.testing.assert_allclose(x.grad.numpy(), 36 * np.array([8.0, 27.0]), rtol=1e-6)


def test_a_second_order_gradient_goes_through_a_traced_function():
    cube = flow.function(lambda x: (x**3).sum())
    assert flow.grad(flow.grad(cube))(2.0).item() == 12


def test_backward_adds_up_until_the_gradient_is_cleared():
    x = flow.ones(2, requires_grad=True)
    for _ in range(3):
        (x * 2).sum().backward()
    assert x.grad.tolist() == [6, 6]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_leaf_changed_between_two_uses_gets_the_gradients_of_both():
    x = flow.tensor(3.0, requires_grad=True)
    first = x * x
    with flow.no_grad():
        x += 1
    (first + x * x).backward()
    assert x.grad.item() == 2 * 3 + 2 * 4


def test_relu_is_flat_at_zero():
    x = flow.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    x.relu().sum().backward()
    assert x.grad.tolist() == [0, 0, 1]


def test_what_is_detached_or_computed_without_gradients_has_none():
    x = flow.ones(2, requires_grad=True)
    with flow.no_grad():
        assert not (x * 2).requires_grad
    assert not x.detach().requires_grad
    (x * x.detach()).sum().backward()
    assert x.grad.tolist() == [1, 1]

    @flow.no_grad()
    def twice(y):
        return y * 2

    assert not twice(x).requires_grad


def test_vjp_multiplies_with_the_jacobian():
    matrix = np.random.default_rng(0).random((3, 4))
    y, pullback = flow.vjp(lambda x: flow.tensor(matrix) @ x, np.ones(4))
    vector = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(y.numpy(), matrix.sum(1))
    np.testing.assert_allclose(pullback(vector)[0].numpy(), vector @ matrix, rtol=1e-12)
    with pytest.raises(ValueError, match="shape"):
        pullback(np.ones(5))


def test_value_and_grad_takes_nests_and_gives_what_comes_beside():
    def loss(parameters, scale):
        made = (parameters["w"] * scale).sum() + parameters["b"][0]
        return made, "beside"

    given = {"w": flow.ones(2), "b": [flow.tensor(3.0)]}
    (value, beside), grads = flow.value_and_grad(loss, has_aux=True)(given, 4.0)
    assert (value.item(), beside) == (11, "beside")
    assert grads["w"].tolist() == [4, 4]
    assert grads["b"][0].item() == 1
    assert not value.requires_grad


def test_a_custom_operation_is_differentiated_by_its_own_rule():
    calls = []

    def rule(x, y, dy):
        calls.append(x)
        return 3 * dy

    op = flow.custom_op(lambda x: x * x, rule)
    x = flow.tensor([1.0, 2.0], requires_grad=True)
    (op(x * 2) * 5).sum().backward()
    assert x.grad.tolist() == [30, 30]
    assert len(calls) == 1
    with pytest.raises(TypeError, match="traced"):
        flow.function(op)(x)


def test_an_exception_in_a_custom_operation_is_the_users_own():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        flow.custom_op(broken)(flow.ones(1))


TO_NINE = flow.function(lambda x: flow.while_loop(lambda y: y < 9, lambda y: y * y, x))


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda: flow.ones(2).sum().backward(), "requires_grad=True"),
        (lambda: flow.ones(2, requires_grad=True).exp().backward(), r"sum\(\) or mean\(\)"),
        (
            lambda: flow.ones(2, requires_grad=True).exp().backward(flow.ones(3)),
            r"float32 \(3,\); expected float32 \(2,\)",
        ),
        (lambda: flow.tensor([1], requires_grad=True), "floats, not of int64"),
        (lambda: flow.grad(lambda x: x)([1.0, 2.0]), r"sum\(\) or mean\(\)"),
        (lambda: flow.grad(lambda x: x.sum())([1, 2]), r"cast with \.float\(\)"),
        (lambda: flow.ones(2, requires_grad=True).add_(1), "no_grad"),
        (lambda: flow.grad(flow.grad(TO_NINE))(2.0), "while_grad"),
    ],
)
def test_a_mistake_with_gradients_is_answered_with_what_to_do(mistake, says):
    with pytest.raises((TypeError, ValueError, RuntimeError, NotImplementedError), match=says):
        mistake()


def test_a_chain_of_a_million_operations_is_differentiated_and_freed():
    x = flow.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1


def test_history_is_freed_with_the_tensor_that_has_it():
    x = flow.ones(1000, requires_grad=True)

    class Marker:
        pass

    marker = Marker()
    kept = weakref.ref(marker)
    op = flow.custom_op(lambda a, marker=marker: a * 1.0, lambda a, y, dy: dy)
    del marker
    y = op(x).sum()
    del op
    assert kept() is not None
    del y
    gc.collect()
    assert kept() is None


def test_a_gradient_with_history_goes_with_its_leaf():
    x = flow.tensor([2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    gone = weakref.ref(x.grad)
    assert x.grad.requires_grad
    del x
    assert gone() is None


def test_linear_algebra_is_differentiated_as_differences_say():
    rng = np.random.default_rng(0)
    b, factor = rng.normal(size=(3, 2)), rng.normal(size=(3, 3))

    def loss(factor):
        a = factor @ factor.T + flow.eye(3, dtype="float64")
        return (flow.cholesky(a) * flow.tensor(factor)).sum() + (
            flow.solve(a, flow.tensor(b)) ** 2
        ).sum()

    found = flow.grad(loss)(factor).numpy()
    assert found.shape == (3, 3)
    fixed = flow.tensor(factor)

    def value(array):
        a = flow.tensor(array) @ flow.tensor(array).T + flow.eye(3, dtype="float64")
        return (
            (flow.cholesky(a) * fixed).sum() + (flow.solve(a, flow.tensor(b)) ** 2).sum()
        ).item()

    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1e-6
        slope = (value(factor + step) - value(factor - step)) / 2e-6
        assert abs(slope - found[place]) < 1e-6


@pytest.mark.parametrize("pool", [flow.max_pool2d, flow.avg_pool2d])
def test_pools_have_gradients_of_gradients(pool):
    x = flow.tensor(np.random.default_rng(1).normal(size=(1, 4, 4, 2)))

    def penalty(x):
        slope = flow.grad(lambda x: (pool(x, 2) ** 3).sum())(x)
        return (slope**2).sum()

    found = flow.grad(penalty)(x).numpy()
    for place in [(0, 0, 0, 0), (0, 1, 2, 1), (0, 3, 3, 0)]:
        step = np.zeros(x.shape)
        step[place] = 1e-6
        slope = (penalty(x + step).item() - penalty(x - step).item()) / 2e-6
        assert abs(slope - found[place]) < 1e-5
