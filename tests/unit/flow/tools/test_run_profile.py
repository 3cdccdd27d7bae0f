"""What runs cost, part by part."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf
from ferrule import flow
from ferrule.flow import nn, optim
from ferrule.flow.nn import functional as F  # noqa: N812


def by_name(profile):
    return {part.name: part for part in profile.parts}


def test_each_pass_is_a_row_with_its_bytes_and_operations():
    @flow.function
    def energy(x, w):
        return ((x @ w).tanh() * 3.0 + 1.0).sum()

    made = flow.profile(energy, flow.ones(64, 32), flow.ones(32, 16), calls=7)
    parts = by_name(made)
    assert set(parts) == {"mat_mul", "fused", "sum"}
    product = parts["mat_mul"]
    assert product.operations == 2 * 64 * 32 * 16
    assert product.bytes_read == 4 * (64 * 32 + 32 * 16)
    assert product.bytes_written == 4 * 64 * 16
    assert product.shapes == ("(64, 16)",)
    assert parts["fused"].holds == ("tanh", "mul", "add")
    assert parts["fused"].operations == 3 * 64 * 16
    assert all(part.calls == 7 for part in made.parts)
    assert [part.seconds for part in made.parts] == sorted(
        (part.seconds for part in made.parts), reverse=True
    )
    assert 0 < sum(part.seconds for part in made.parts) <= made.seconds


def test_rows_name_the_lines_that_they_come_from():
    @flow.function
    def energy(x):
        y = x @ x
        return y.sum()

    parts = by_name(flow.profile(energy, flow.ones(8, 8)))
    assert parts["mat_mul"].lines[0].endswith(": `y = x @ x`")
    assert "test_run_profile.py:" in parts["sum"].lines[0]


def test_a_gradient_comes_from_the_line_of_what_it_is_the_gradient_of():
    w = flow.ones(8, 4, requires_grad=True)

    @flow.function
    def step(x):
        loss = ((x @ w) ** 2).mean()
        loss.backward()
        return loss

    made = flow.profile(step, flow.ones(16, 8))
    products = [part for part in made.parts if part.name == "mat_mul"]
    assert len(products) == 2
    assert {part.lines[0].partition(": ")[2] for part in products} == {
        "`loss = ((x @ w) ** 2).mean()`"
    }


def test_what_a_step_changes_is_put_back():
    flow.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    @flow.function
    def step(x, y):
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    before = {**model.state_dict(), **optimizer.state_dict()}
    before = {name: value.numpy().copy() for name, value in before.items()}
    flow.profile(step, flow.ones(4, 3), flow.zeros(4, 1))
    for name, value in {**model.state_dict(), **optimizer.state_dict()}.items():
        np.testing.assert_array_equal(before[name], value.numpy())
    assert model.weight.grad is None
    step(flow.ones(4, 3), flow.zeros(4, 1))
    assert not np.array_equal(before["weight"], model.weight.numpy())


def test_a_step_within_a_product_is_a_part_of_the_product():
    parameter = nn.Parameter(flow.ones(32, 16))
    optimizer = optim.SGD([parameter], lr=0.1)

    @flow.function
    def step(x):
        (x @ parameter).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    parts = flow.profile(step, flow.ones(8, 32)).parts
    assert [part.name for part in parts if "(32, 16)" in part.shapes] == ["mat_mul"]


def test_modules_are_profiled_as_they_are():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    made = flow.profile(model, flow.ones(2, 4))
    assert sum(part.name == "mat_mul" for part in made.parts) == 2


def test_fetches_of_a_session_are_profiled_and_variables_stay():
    graph = tf.Graph()
    with graph.as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        out = tf.layers.dense(x, 3, name="hidden")
        loss = tf.reduce_mean(tf.square(out))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        session.run(tf.global_variables_initializer())
        feeds = {x: np.ones((5, 4), np.float32)}
        before = session.run(loss, feeds)
        made = flow.profile(session, [train, {"loss": loss}], feeds, calls=3)
        assert session.run(loss, feeds) == before
        assert any("hidden/MatMul" in part.lines for part in made.parts)
        with pytest.raises(tf.errors.InvalidArgumentError, match="no value was fed"):
            flow.profile(session, loss)


def test_a_graph_of_scalars_is_one_row():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [])
        made = flow.profile(session, tf.sin(x) * x + 1.0, {x: 2.0}, calls=100)
    (part,) = made.parts
    assert part.name == "scalars"
    assert sorted(part.holds) == ["add", "mul", "sin"]
    assert part.calls == 100


def test_loops_branches_and_functions_of_the_user_s_have_rows():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [100])
        looped = tf.while_loop(lambda i, v: i < 5, lambda i, v: (i + 1, v * 1.5), [0, x])[1]
        called = tf.py_func(np.cumsum, [looped], tf.float32)
        made = flow.profile(session, called, {x: np.ones(100)}, calls=4)
    parts = by_name(made)
    assert {"while", "custom"} <= set(parts)
    assert parts["custom"].calls == 4


def test_the_table_adds_up_and_notebooks_show_it():
    made = flow.profile(lambda x: (x @ x).sum(), flow.ones(32, 32))
    text = str(made)
    assert "mat_mul" in text
    assert "µs a run over 10 runs" in text
    assert "<table>" in made._repr_html_()


def test_what_cannot_be_profiled_is_refused():
    with pytest.raises(TypeError, match="expected a function or a session"):
        flow.profile(3)
    with pytest.raises(ValueError, match="at least one call"):
        flow.profile(lambda x: x, flow.ones(1), calls=0)
    with pytest.raises(TypeError, match="missing a required argument"):
        flow.profile(lambda x: x + 1)
