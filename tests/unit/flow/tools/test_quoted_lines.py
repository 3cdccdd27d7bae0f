"""Errors quote the line of the user's that they are about."""

import linecache

import pytest

import ferrule.flow.compat.v1 as tf
from ferrule import flow
from ferrule.flow import nn
from ferrule.flow import optim as optim_module
from ferrule.flow._where import quoted
from ferrule.flow.nn import functional as F  # noqa: N812

HERE = r"\(at test_quoted_lines\.py:\d+: `{}`\)(\n|$)"


def test_at_once():
    a, b = flow.ones(2, 3), flow.ones(4, 5)
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(4, 5\).*" + HERE.format("a @ b")):
        a @ b
    with pytest.raises(ValueError, match=r"cannot broadcast.*" + HERE.format(r"_ = a \+ b")):
        _ = a + b
    with pytest.raises(ValueError, match=r"FP32 and FP64.*" + HERE.format(".*double.*")):
        _ = a * flow.ones(2, 3).double()


def test_in_layers_and_losses():
    model = nn.Sequential(nn.Linear(4, 8), nn.Conv2d(3, 4, 3))
    x = flow.ones(2, 5)
    with pytest.raises(ValueError, match="4 features.*" + HERE.format(r"model\(x\)")) as caught:
        model(x)
    assert caught.value.__notes__ == ["in Linear(in_features=4, out_features=8, bias=True)"]
    with pytest.raises(ValueError, match="channels last.*" + HERE.format(r"model\[1\]\(x\)")):
        model[1](x)
    with pytest.raises(ValueError, match="reshape.*" + HERE.format(r"F\.mse_loss.*")):
        F.mse_loss(flow.ones(2, 1), flow.ones(2))
    with pytest.raises(ValueError, match="one class is expected.*" + HERE.format(r"F\.cross.*")):
        F.cross_entropy(flow.ones(2, 3), [1, 2, 0])
    with pytest.raises(ValueError, match=r"less than 3 " + HERE.format(r"F\.cross_entropy.*")):
        F.cross_entropy(flow.ones(2, 3), [1, 3])


def test_in_forward_of_a_class_of_the_user_s():
    class Net(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 8)

        def forward(self, x):
            return self.layer(x) @ x

    net = Net()
    with pytest.raises(ValueError, match=HERE.format(r"return self\.layer\(x\) @ x")):
        net(flow.ones(2, 4))


def test_while_a_function_is_traced_and_when_it_runs():
    @flow.function
    def product(a, b):
        return a @ b

    with pytest.raises(ValueError, match=HERE.format("return a @ b")):
        product(flow.ones(2, 3), flow.ones(4, 5))

    @flow.function
    def looked_up(table, places):
        rows = flow.index_select(table, 0, places)
        return rows.sum()

    assert looked_up(flow.ones(3, 2), [0, 2]).item() == 4
    with pytest.raises(ValueError, match="index 7.*" + HERE.format(r"rows = flow.*places\)")):
        looked_up(flow.ones(3, 2), [0, 7])


def test_a_gradient_names_the_line_of_what_it_is_the_gradient_of():
    with tf.Graph().as_default():
        x = tf.constant(2.0)
        power = tf.while_loop(lambda v: v < 9.0, lambda v: v * x, [x], name="power")
        slope = tf.gradients(power, x)[0]
        with pytest.raises(tf.errors.UnimplementedError, match=r"'power'.*power = tf\.while_loop"):
            tf.gradients(slope, x)


def test_a_failure_in_a_gradient_s_run_names_the_operation():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [2, 2])
        place = tf.placeholder(tf.int32, [1])
        rows = tf.gather(tf.stop_gradient(x), [0]) + tf.reduce_sum(tf.gather(x, place, name="look"))
        slope = tf.gradients(rows, x)[0]
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"index 5.*name=.look."):
            session.run(slope, {x: [[1, 2], [3, 4]], place: [5]})


def test_an_optimizer_s_own_lines_are_passed_over():
    w = flow.ones(2, requires_grad=True)
    optimizer = optim_module.SGD([w], lr=0.1)

    @flow.function
    def step():
        (w * w).sum().backward()
        optimizer.step()

    lines = flow.profile(step, calls=1).parts
    assert all("test_quoted_lines.py" in line for part in lines for line in part.lines)


def test_lines_of_notebooks_and_of_no_file():
    cell = "<ipython-input-3-0123456789ab>"
    linecache.cache[cell] = (9, None, ["h = x @ w\n"], cell)
    try:
        assert quoted((cell, 1)) == "cell 3, line 1: `h = x @ w`"
    finally:
        del linecache.cache[cell]
    assert quoted(("/tmp/ipykernel_12/345.py", 2)) == "the cell's line 2"
    assert quoted(("<string>", 2)) == "<string>:2"


def test_long_lines_are_cut():
    file = "long.py"
    linecache.cache[file] = (999, None, [f"x = {'1 + ' * 200}1\n"], file)
    try:
        assert len(quoted((file, 1))) < 130
    finally:
        del linecache.cache[file]
