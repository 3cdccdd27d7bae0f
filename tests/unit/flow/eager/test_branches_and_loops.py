"""`cond` and `while_loop`: the numbers and gradients of Python's own, at once, traced and saved."""

import _thread
import threading

import numpy as np
import pytest

import ferrule
from ferrule import flow

WAYS = {"at once": lambda function: function, "traced": flow.function}
SLOW_GRADIENT = 1e-6


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def differences(function, x):
    """The slopes of a function of an array by each element."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        slopes[place] = (function(x + step) - function(x - step)) / 2e-6
    return slopes


def test_a_branch_is_taken_by_the_value_of_its_predicate(way):
    @way
    def root(x):
        return flow.cond(x.sum() > 0, lambda x: {"y": [x.sqrt()]}, lambda x: {"y": [-x]}, x)

    assert root(flow.tensor([4.0]))["y"][0].tolist() == [2]
    assert root(flow.tensor([-3.0]))["y"][0].tolist() == [3]


def test_a_loop_goes_on_while_its_condition_holds(way):
    @way
    def collatz(n):
        def step(n, steps):
            return flow.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1), steps + 1

        return flow.while_loop(lambda n, _: n > 1, step, (n, 0))[1]

    assert [collatz(flow.tensor(n)).item() for n in (1, 6, 27)] == [0, 8, 111]


def test_nests_are_carried_through_a_loop(way):
    @way
    def fibonacci(n):
        def step(i, pair):
            return i + 1, {"a": pair["b"], "b": pair["a"] + pair["b"]}

        return flow.while_loop(lambda i, _: i < n, step, [0, {"a": 0, "b": 1}])[1]["a"]

    assert fibonacci(flow.tensor(10)).item() == 55


def test_one_operand_gives_one_result(way):
    double = way(lambda x: flow.while_loop(lambda x: (x < 100).all(), lambda x: x * 2, x))
    assert double(flow.tensor([3.0])).tolist() == [192]


def test_a_python_truth_value_chooses_once():
    assert flow.function(lambda x: flow.cond(True, lambda: x, lambda: 1 / 0))(3.0).item() == 3


def test_gradients_agree_with_finite_differences_and_with_pythons_own_loop(way):
    w = flow.tensor(np.array([[0.9, -0.4], [0.3, 1.1]]), requires_grad=True)

    def looped(x, w):
        def step(i, y):
            y = (y @ w).tanh()
            return i + 1, flow.cond(y.sum() > 0, lambda: y * y, lambda: y.exp() - 1.5)

        return (flow.while_loop(lambda i, _: i < 5, step, (0, x))[1] ** 2).sum()

    def unrolled(x, w):
        for _ in range(5):
            x = (x @ w).tanh()
            x = x * x if x.sum() > 0 else x.exp() - 1.5
        return (x**2).sum()

    x = np.array([[0.5, -0.8], [0.2, 0.7]])
    function = way(looped)
    by_x, by_w = flow.grad(function, (0, 1))(x, w)
    expected = flow.grad(unrolled, (0, 1))(x, w)
    np.testing.assert_allclose(by_x.numpy(), expected[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(by_w.numpy(), expected[1].numpy(), rtol=1e-12)
    at_x = differences(lambda x: looped(flow.tensor(x), w).item(), x)
    np.testing.assert_allclose(by_x.numpy(), at_x, atol=SLOW_GRADIENT)
    at_w = differences(lambda w: looped(flow.tensor(x), flow.tensor(w)).item(), w.detach().numpy())
    np.testing.assert_allclose(by_w.numpy(), at_w, atol=SLOW_GRADIENT)


def test_backward_in_a_traced_step_goes_through_a_loop():
    results = []
    for trace in WAYS.values():
        w = flow.tensor([0.5, 0.8], requires_grad=True)

        @trace
        def step(x, w=w):
            y = flow.while_loop(lambda y: (y < 10).all(), lambda y: y * (1 + w * w), x)
            loss = y.sum()
            loss.backward()
            with flow.no_grad():
                w -= 0.001 * w.grad
                w.grad = None
            return loss

        results.append([step(flow.ones(2)).item() for _ in range(3)] + w.tolist())
    assert results[0] == pytest.approx(results[1], rel=1e-6)
    assert results[0][0] != results[0][2]


def test_a_gradient_taken_within_a_branch_is_one(way):
    @way
    def function(x):
        return flow.cond(x.sum() > 0, lambda: flow.grad(lambda x: (x**3).sum())(x), lambda: x)

    assert function(flow.tensor([2.0, 1.0])).tolist() == [12, 3]


def test_without_gradients_nothing_flows_through_a_branch(way):
    x = flow.ones(2, requires_grad=True)

    @way
    def function(x):
        with flow.no_grad():
            return flow.cond(x.sum() > 0, lambda: x * 2, lambda: x)

    assert not function(x).requires_grad


def test_tensors_of_the_code_around_are_read_at_each_call():
    scale = flow.tensor(2.0)
    function = flow.function(lambda x: flow.cond(x > 0, lambda: x * scale, lambda: x))
    assert function(flow.tensor(3.0)).item() == 6
    scale.fill_(5)
    assert function(flow.tensor(3.0)).item() == 15


def test_parts_lie_in_each_other(way):
    @way
    def triangle(n):
        def row(i, total):
            def inner(j, total):
                return j + 1, flow.cond(j % 2 == 0, lambda: total + i, lambda: total)

            return i + 1, flow.while_loop(lambda j, _: j < i, inner, (0, total))[1]

        return flow.while_loop(lambda i, _: i < n, row, (0, 0))[1]

    assert triangle(flow.tensor(6)).item() == sum(i * -(-i // 2) for i in range(6))


def test_a_model_with_a_branch_and_a_loop_is_saved_for_any_number_of_rows(tmp_path):
    class Power(flow.nn.Module):
        def __init__(self):
            self.linear = flow.nn.Linear(3, 3)

        def forward(self, x, n):
            def step(i, y):
                return i + 1, self.linear(y).view(y.size(0), -1)

            _, y = flow.while_loop(lambda i, _: i < n, step, (0, x))
            return flow.cond(y.sum() > 0, lambda: y, lambda: y - 1)

    model, path = Power(), tmp_path / "power.safetensors"
    ferrule.save(model, path, inputs={"x": flow.ones(1, 3), "n": flow.tensor(1)})
    loaded = ferrule.load(path)
    for rows, n in ((1, 0), (5, 3), (4, 1)):
        x = flow.rand(rows, 3)
        assert np.array_equal(loaded(x, n), model(x, flow.tensor(n)).detach().numpy())
    with ferrule.Server(path) as server:
        assert server.http_url


def test_a_size_read_from_the_input_is_any_size_in_a_saved_model(tmp_path):
    class Flat(flow.nn.Module):
        def __init__(self):
            self.linear = flow.nn.Linear(6, 2)

        def forward(self, x):
            return self.linear(x.view(x.size(0), -1)).reshape(x.shape[0], 2, 1)

    model, path = Flat(), tmp_path / "flat.safetensors"
    ferrule.save(model, path, inputs={"x": flow.ones(1, 2, 3)})
    x = flow.rand(7, 2, 3)
    assert np.array_equal(ferrule.load(path)(x), model(x).detach().numpy())


def test_a_model_that_does_something_else_for_other_sizes_is_not_saved(tmp_path):
    function = flow.function(lambda x: x * 2 if len(x) == 2 else x)
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="other numbers of rows"):
        ferrule.save(function, tmp_path / "no.safetensors", inputs={"x": flow.ones(1, 2)})


counter = flow.tensor(0.0)


@pytest.mark.parametrize(
    ("mistake", "error", "says"),
    [
        (lambda x: flow.cond(x, lambda: x, lambda: x), TypeError, "float32.*compare it"),
        (
            lambda x: flow.cond((x > 0).reshape(1, 1).repeat(2, 1), lambda: x, lambda: x),
            ValueError,
            r"any\(\) or all\(\)",
        ),
        (lambda x: flow.cond(x > 0, x, x), TypeError, "are functions"),
        (lambda x: flow.cond(x > 0, lambda: x, lambda: "no"), (TypeError, ValueError), "no"),
        (lambda x: flow.while_loop(lambda x: x, lambda x: x, x), TypeError, "cond_fn"),
        (
            lambda x: flow.while_loop(lambda x: x < 5, lambda x: x.reshape(1), x),
            ValueError,
            r"float32 \(1,\).*float32 \(\)",
        ),
        (
            lambda x: flow.while_loop(lambda x, y: x < 5, lambda x, y: x, (x, x)),
            TypeError,
            "2 values",
        ),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(way, mistake, error, says):
    if says == "no" and way is not flow.function:
        pytest.skip("a branch that is not taken is not looked at")
    with pytest.raises(error, match=says):
        way(mistake)(flow.tensor(1.0))
    assert not flow.is_tracing()


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda x: flow.cond(x > 0, lambda: x.reshape(1), lambda: x), r"\(1,\).*same"),
        (lambda x: flow.cond(x > 0, lambda: [x], lambda: (x, x)), "same nest"),
        (lambda x: flow.cond(x > 0, lambda: counter.add_(1), lambda: x), "no effects"),
        (lambda x: flow.cond(x > 0, lambda: flow.rand(()), lambda: x), "no effects"),
        (lambda x: x if x > 0 else -x, r"flow\.cond\(\)"),
    ],
)
def test_what_cannot_be_traced_is_answered_with_what_to_do(mistake, says):
    with pytest.raises((RuntimeError, ValueError), match=says):
        flow.function(mistake)(flow.tensor(1.0))
    assert not flow.is_tracing()
    assert flow.function(lambda x: x * 2)(flow.ones(1)).item() == 2


def test_ctrl_c_ends_a_loop_that_never_ends():
    function = flow.function(lambda x: flow.while_loop(lambda x: x > 0, lambda x: x * 1.0, x))
    function(flow.tensor(-1.0))
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        function(flow.tensor(1.0))
    timer.join()
    assert function(flow.tensor(-1.0)).item() == -1
