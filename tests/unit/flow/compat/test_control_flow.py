"""Branches and loops."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf


def test_a_branch_is_taken_by_its_predicate(run):
    x = tf.placeholder(tf.float32, [])
    w = tf.Variable(3.0)
    y = tf.cond(x > 0.0, lambda: x * w, lambda: tf.square(x) + 1.0)
    slopes = tf.gradients(y, [x, w])
    assert run([y, *slopes], {x: 2.0}) == [6.0, 3.0, 2.0]
    assert run([y, *slopes], {x: -2.0}) == [5.0, -4.0, 0.0]


def test_only_the_branch_that_is_taken_runs(run):
    n = tf.placeholder(tf.int32, [])
    share = tf.cond(tf.equal(n, 0), lambda: tf.constant(0), lambda: 12 // n)
    assert run(share, {n: 5}) == 2
    assert run(share, {n: 0}) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="divided by 0"):
        run(12 // n, {n: 0})


def test_branches_give_lists_of_tensors(run):
    flag = tf.placeholder(tf.bool, [])
    a = tf.constant([1.0, 2.0])
    made = tf.cond(flag, lambda: [a, tf.reduce_sum(a)], lambda: (a * 0.0, 5.0))
    assert [each.tolist() for each in run(made, {flag: True})] == [[1.0, 2.0], 3.0]
    assert [each.tolist() for each in run(made, {flag: False})] == [[0.0, 0.0], 5.0]


def test_branches_nest(run):
    x = tf.placeholder(tf.float32, [])
    y = tf.case(
        [(x < 0.0, lambda: x * 0.0), (x < 1.0, lambda: x * 10.0)], default=lambda: x + 100.0
    )
    z = tf.cond(x > 0.0, lambda: tf.cond(x > 1.0, lambda: x * x, lambda: x), lambda: -x)
    assert run([y, z], {x: -2.0}) == [0.0, 2.0]
    assert run([y, z], {x: 0.5}) == [5.0, 0.5]
    assert run([y, z], {x: 3.0}) == [103.0, 9.0]


def test_a_loop_goes_on_while_its_condition_holds(run):
    n = tf.placeholder(tf.int32, [])
    x = tf.Variable(2.0)
    i, power = tf.while_loop(lambda i, p: i < n, lambda i, p: (i + 1, p * x), [0, 1.0])
    slope = tf.gradients(power, x)[0]
    assert run([i, power, slope], {n: 5}) == [5, 32.0, 80.0]
    assert run([i, power, slope], {n: 0}) == [0, 1.0, 0.0]


def test_a_loop_may_be_bounded_and_have_one_variable(run):
    total = tf.while_loop(
        lambda x: tf.reduce_sum(x) < 100.0,
        lambda x: [x * 2.0],
        [tf.constant([1.0, 2.0])],
        maximum_iterations=3,
    )
    assert run(total).tolist() == [8.0, 16.0]


def test_a_loop_holds_a_branch(run):
    def body(i, odd):
        return i + 1, odd + tf.cond(tf.equal(i % 2, 1), lambda: i, lambda: tf.constant(0))

    made = tf.while_loop(lambda i, odd: i < 6, body, [tf.constant(0), tf.constant(0)])
    assert run(made[1]) == 9


def test_layers_and_matrices_work_within(run):
    x = tf.placeholder(tf.float32, [None, 3])
    w = tf.Variable(np.full((3, 3), 0.5, np.float32))
    made = tf.while_loop(
        lambda i, h: i < 3, lambda i, h: (i + 1, tf.tanh(h @ w) * tf.ones_like(h)), [0, x]
    )[1]
    data = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    expected = data
    for _ in range(3):
        expected = np.tanh(expected @ np.full((3, 3), 0.5, np.float32))
    np.testing.assert_allclose(run(made, {x: data}), expected, rtol=1e-5)


def test_mistakes_are_told():
    x = tf.placeholder(tf.float32, [])
    v = tf.Variable(1.0)
    with pytest.raises(TypeError, match="Python's `if`"):
        tf.cond(True, lambda: x, lambda: x)
    with pytest.raises(TypeError, match="functions"):
        tf.cond(x > 0.0, x, x)
    with pytest.raises(ValueError, match="as many"):
        tf.cond(x > 0.0, lambda: x, lambda: [x, x])
    with pytest.raises(NotImplementedError, match="assigned to within"):
        tf.cond(x > 0.0, lambda: v.assign(2.0), lambda: v.assign(3.0))
    with pytest.raises(NotImplementedError, match="functions of Python"):
        tf.cond(x > 0.0, lambda: tf.py_func(abs, [x], tf.float32), lambda: x)
    with pytest.raises(ValueError, match="loop variable 0"):
        tf.while_loop(lambda x: x < 5.0, lambda x: tf.cast(x, tf.float64), [x])
    with pytest.raises(ValueError, match="as many"):
        tf.while_loop(lambda x: x < 5.0, lambda x: [x, x], [x])
    with pytest.raises(ValueError, match="default"):
        tf.case([(x > 0.0, lambda: x)])
