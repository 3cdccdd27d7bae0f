"""MiniFlow's own API."""

import pytest

import ferrule.flow.compat.v1 as tf


def test_its_readme_runs():
    sess = tf.Session()
    assert sess.run(tf.constant("Hello")) == b"Hello"
    a = tf.constant(10)
    b = tf.constant(32)
    assert sess.run(a + b) == 42
    a = tf.placeholder(tf.float32)
    b = tf.constant(32.0)
    c = tf.add(a, b)
    assert sess.run(c, feed_dict={a: 10}) == 42.0
    assert sess.run(c, feed_dict={a.name: 10}) == 42.0


def test_its_basic_operations_run():
    sess = tf.Session()
    a, b = tf.constant(32.0), tf.constant(10.0)
    got = [sess.run(f) for f in (a + b, a - b, a * b, a / b)]
    assert got == pytest.approx([42.0, 22.0, 320.0, 3.2])
    got = [sess.run(f) for f in (32.0 + b, 32.0 - b, 32.0 * b, 32.0 / b)]
    assert got == pytest.approx([42.0, 22.0, 320.0, 3.2])
    assert sess.run(tf.minus(a, b)) == 22.0
    assert sess.run(tf.multiple(a, b)) == 320.0


def test_its_gradients_are_computed_and_applied():
    w, b = tf.Variable(0.0), tf.Variable(0.0)
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    loss = y - (w * x + b)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    pairs = optimizer.compute_gradients(loss)
    train = optimizer.apply_gradients(pairs)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(tf.local_variables_initializer())
        sess.run(train, feed_dict={x: 2.0, y: 5.0})
        assert (sess.run(w), sess.run(b)) == (1.0, 0.5)


def test_its_polynomial_has_its_value_and_derivative():
    x = tf.ops.VariableOp(1.0, name="x")
    terms = [
        tf.ops.MultipleOp(tf.ops.ConstantOp(3.0), tf.ops.CubicOp(x)),
        tf.ops.MultipleOp(tf.ops.ConstantOp(2.0), tf.ops.SquareOp(x)),
        x,
        tf.ops.ConstantOp(10.0),
    ]
    y = tf.ops.AddNOp(*terms)
    assert (y.forward(), y.grad()) == (16.0, 14.0)
    assert tf.Session().run(y) == 16.0
    x.set_value(2.0)
    assert x.get_value() == 2.0
    assert y.forward() == 44.0


def test_derivatives_are_by_the_variable_that_is_named():
    a, b = tf.ops.VariableOp(3.0, name="a"), tf.ops.VariableOp(4.0, name="b")
    y = a**2 * b - b / a + 1.0
    assert y.forward() == pytest.approx(36 - 4 / 3 + 1)
    assert y.grad("a") == pytest.approx(2 * 3 * 4 + 4 / 9)
    assert y.grad("b") == pytest.approx(9 - 1 / 3)
    assert y.grad("none") == 0
    assert tf.ops.DivideOp(a, b).grad("b") == -3 / 16
    assert (1.0 / a).grad("a") == -1 / 9
    s = tf.ops.SigmoidOp(tf.ops.VariableOp(0.0))
    assert (s.forward(), s.grad()) == (0.5, 0.25)


def test_placeholders_keep_what_they_are_fed():
    x = tf.ops.PlaceholderOp(tf.float32)
    y = x * 3.0
    with tf.Session() as session:
        assert session.run(y, feed_dict={x: 2.0}) == 6.0
        assert session.run(y) == 6.0
    assert y.grad() == 0.0


def test_an_operation_of_ones_own_joins():
    class Quartic(tf.ops.Op):
        def __init__(self, x, name="Quartic"):
            super().__init__(name)
            self.x = x

        def forward(self):
            return self.x.forward() ** 4

        def grad(self, partial_derivative_opname=None):
            slope = self.x.grad(partial_derivative_opname)
            return 4 * self.x.forward() ** 3 * slope

    x = tf.ops.VariableOp(2.0, name="x")
    y = Quartic(x) + 1.0
    assert (y.forward(), y.grad("x")) == (17.0, 32.0)
    step = tf.optimizer.GradientDescentOptimizer(0.01).minimize(y)
    assert tf.Session().run(step) is None
    assert x.get_value() == pytest.approx(2.0 - 0.32)
    op = tf.ops.Op()
    with pytest.raises(NotImplementedError):
        op.forward()
    with pytest.raises(NotImplementedError):
        op.grad()


def test_deep_formulas_do_not_overflow_the_stack():
    x = tf.ops.VariableOp(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    assert (y.forward(), y.grad()) == (20_001.0, 20_001)


def test_shared_parts_are_computed_once():
    y = tf.ops.VariableOp(1.0)
    for _ in range(60):
        y = y + y
    assert y.forward() == 2.0**60


def test_an_operation_is_no_tensor():
    with pytest.raises(TypeError, match="cannot be an input"):
        tf.add(tf.ops.VariableOp(1.0), tf.constant(1.0))
    optimizer = tf.optimizer.GradientDescentOptimizer(0.1)
    assert optimizer.get_name() == "GradientDescent"
    optimizer.set_name("other")
    assert optimizer.get_name() == "other"
