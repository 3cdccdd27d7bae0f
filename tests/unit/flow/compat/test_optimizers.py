"""Optimizers, beside TensorFlow's formulas in NumPy."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

START = np.array([1.0, -2.0, 0.5], np.float32)
TARGET = np.array([0.3, 0.1, -1.0], np.float32)
F = np.float32


def descended(steps, w, slope):
    for _ in range(steps):
        w = w - slope(w) * F(0.1)
    return w


def momentum(steps, w, slope, *, nesterov):
    kept = np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        kept = kept * F(0.9) + g
        w = w - (g * F(0.1) + kept * F(0.9) * F(0.1) if nesterov else kept * F(0.1))
    return w


def adagrad(steps, w, slope):
    kept = np.full_like(w, 0.1)
    for _ in range(steps):
        g = slope(w)
        kept = kept + g * g
        w = w - g * F(0.1) * (F(1) / np.sqrt(kept))
    return w


def adam(steps, w, slope):
    m, v = np.zeros_like(w), np.zeros_like(w)
    power1, power2 = F(0.9), F(0.999)
    for _ in range(steps):
        g = slope(w)
        rate = F(0.1) * np.sqrt(F(1) - power2) / (F(1) - power1)
        m = m + (g - m) * (F(1) - F(0.9))
        v = v + (g * g - v) * (F(1) - F(0.999))
        w = w - (m * rate) / (np.sqrt(v) + F(1e-8))
        power1, power2 = power1 * F(0.9), power2 * F(0.999)
    return w


def rmsprop(steps, w, slope, *, centered):
    ms, mg, mom = np.ones_like(w), np.zeros_like(w), np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        ms = ms + (g * g - ms) * (F(1) - F(0.9))
        below = ms + F(1e-10)
        if centered:
            mg = mg + (g - mg) * (F(1) - F(0.9))
            below = (ms - mg * mg) + F(1e-10)
        mom = mom * F(0.5) + (g * F(0.1)) / np.sqrt(below)
        w = w - mom
    return w


def ftrl(steps, w, slope, *, l1, l2):
    n, z = np.full_like(w, 0.1), np.zeros_like(w)
    for _ in range(steps):
        g = slope(w)
        more = n + g * g
        z = z + (g - (np.sqrt(more) - np.sqrt(n)) / F(0.1) * w)
        y = np.sqrt(more) / F(0.1) + F(2) * F(l2)
        w = np.where(abs(z) > F(l1), (F(l1) * np.sign(z) - z) / y, F(0))
        n = more
    return w


CASES = {
    "descent": (lambda: tf.train.GradientDescentOptimizer(0.1), descended, {}),
    "momentum": (lambda: tf.train.MomentumOptimizer(0.1, 0.9), momentum, {"nesterov": False}),
    "nesterov": (
        lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        momentum,
        {"nesterov": True},
    ),
    "adagrad": (lambda: tf.train.AdagradOptimizer(0.1), adagrad, {}),
    "adam": (lambda: tf.train.AdamOptimizer(0.1), adam, {}),
    "rmsprop": (
        lambda: tf.train.RMSPropOptimizer(0.1, momentum=0.5),
        rmsprop,
        {"centered": False},
    ),
    "centered": (
        lambda: tf.train.RMSPropOptimizer(0.1, momentum=0.5, centered=True),
        rmsprop,
        {"centered": True},
    ),
    "ftrl": (lambda: tf.train.FtrlOptimizer(0.1), ftrl, {"l1": 0.0, "l2": 0.0}),
    "ftrl_l1_l2": (
        lambda: tf.train.FtrlOptimizer(
            0.1, l1_regularization_strength=1.5, l2_regularization_strength=0.2
        ),
        ftrl,
        {"l1": 1.5, "l2": 0.2},
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("steps", [1, 7])
def test_steps_are_those_of_tensorflows_formula(case, steps):
    make, formula, settings = CASES[case]
    w = tf.Variable(START)
    train = make().minimize(tf.reduce_sum(tf.square(w - TARGET)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(train)
        got = session.run(w)
    expected = formula(steps, START, lambda x: F(2) * (x - TARGET), **settings)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_only_variables_that_the_loss_depends_on_change():
    a, b = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = tf.train.AdamOptimizer(0.1)
    pairs = optimizer.compute_gradients(a * a)
    assert pairs[1] == (None, b)
    train = optimizer.apply_gradients(pairs)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(train) is None
        assert session.run(a) < 1.0
        assert session.run(b) == 1.0
    assert optimizer.get_slot(b, "m") is None
    assert optimizer.get_slot_names() == ["m", "v"]


def test_names_of_slots_are_those_of_tensorflow():
    w = tf.Variable(1.0, name="w")
    optimizer = tf.train.AdamOptimizer(0.1)
    train = optimizer.minimize(w * w)
    assert train.name == "Adam"
    names = [each.name for each in tf.global_variables()]
    assert names == ["w:0", "beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0"]
    assert {each.name for each in optimizer.variables()} == set(names[1:])
    assert tf.train.GradientDescentOptimizer(0.1).minimize(w * w).name == "GradientDescent"


def test_a_loss_that_is_no_scalar_is_summed():
    w = tf.Variable([1.0, 2.0])
    train = tf.train.GradientDescentOptimizer(0.5).minimize(w * 3.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w).tolist() == [-0.5, 0.5]


def test_the_global_step_counts_steps_and_moves_the_rate():
    w = tf.Variable(8.0)
    step = tf.train.get_or_create_global_step()
    assert tf.train.get_or_create_global_step() is step
    rate = tf.train.exponential_decay(1.0, step, 1, 0.5)
    train = tf.train.GradientDescentOptimizer(rate).minimize(w, global_step=step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = []
        for _ in range(3):
            assert session.run(train) is None
            values.append(float(session.run(w)))
        assert values == [7.0, 6.5, 6.25]
        assert tf.train.global_step(session, step) == 3
    with pytest.raises(ValueError, match="already exists"):
        tf.train.create_global_step()


def test_gradients_may_be_changed_before_they_are_applied():
    w = tf.Variable([3.0, 4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.nn.l2_loss(w))
    clipped = [(tf.clip_by_norm(g, 1.0), v) for g, v in pairs]
    train = optimizer.apply_gradients(clipped)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w).tolist() == pytest.approx([2.4, 3.2])


def test_settings_are_float32_as_in_tensorflow_even_beside_float64():
    w = tf.Variable(1.0, dtype=tf.float64)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w) == 1.0 - float(np.float32(0.1))


def test_the_rate_may_be_fed():
    w = tf.Variable(1.0)
    rate = tf.placeholder(tf.float32, [])
    train = tf.train.MomentumOptimizer(rate, 0.0).minimize(w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train, {rate: 0.25})
        assert session.run(w) == 0.75


def test_a_constraint_holds_after_every_step():
    w = tf.Variable(1.0, constraint=lambda x: tf.maximum(x, 0.5))
    train = tf.train.GradientDescentOptimizer(10.0).minimize(w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w) == 0.5


def test_mistakes_are_told():
    w = tf.Variable(1.0, name="w")
    x = tf.constant(1.0, name="x")
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match=r"'x:0' does not depend on w:0"):
        optimizer.minimize(x)
    with pytest.raises(ValueError, match="no gradients provided"):
        optimizer.apply_gradients([(None, w)])
    with pytest.raises(ValueError, match="float32 or float64"):
        optimizer.minimize(tf.constant(1))
    with pytest.raises(TypeError, match=r"tf\.Variable"):
        optimizer.minimize(w * x, var_list=[x])
    with tf.Graph().as_default(), pytest.raises(ValueError, match="no variables"):
        optimizer.minimize(tf.constant(1.0))


DECAYS = [
    (lambda s: tf.train.exponential_decay(0.1, s, 10, 0.5), 0.1 * 0.5**2.5),
    (lambda s: tf.train.exponential_decay(0.1, s, 10, 0.5, staircase=True), 0.025),
    (lambda s: tf.train.natural_exp_decay(0.1, s, 10, 0.5), 0.1 * np.exp(-1.25)),
    (lambda s: tf.train.inverse_time_decay(0.1, s, 10, 0.5), 0.1 / 2.25),
    (lambda s: tf.train.polynomial_decay(0.1, s, 50, 0.01, 2.0), 0.09 * 0.25 + 0.01),
    (lambda s: tf.train.polynomial_decay(0.1, s, 10, 0.01), 0.01),
    (lambda s: tf.train.polynomial_decay(0.1, s, 10, 0.01, cycle=True), 0.09 / 6 + 0.01),
    (lambda s: tf.train.cosine_decay(0.1, s, 50), 0.05),
    (lambda s: tf.train.piecewise_constant(s, [10, 25], [1.0, 2.0, 3.0]), 2.0),
]


@pytest.mark.parametrize(("make", "expected"), DECAYS)
def test_rates_fall_by_their_formulas(run, make, expected):
    assert run(make(tf.constant(25))) == pytest.approx(expected, rel=1e-5)


def test_running_means_follow_their_variables():
    w = tf.Variable(1.0, name="w")
    average = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([w.assign(2.0)]):
        update = average.apply([w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(update)
        assert session.run(average.average(w)) == pytest.approx(1.1)
    assert average.average_name(w) == "w/ExponentialMovingAverage"


@pytest.mark.parametrize(
    "optimizer",
    [
        tf.train.MomentumOptimizer(0.5, 0.5),
        tf.train.RMSPropOptimizer(0.5, momentum=0.5, centered=True),
        tf.train.FtrlOptimizer(0.5),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_rows_that_a_step_does_not_look_up_stay_as_in_tensorflow(optimizer):
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    places = tf.placeholder(tf.int32, [None])
    looked_up = tf.nn.embedding_lookup(table, places) + tf.gather(table, places)
    train_op = optimizer.minimize(tf.reduce_sum(tf.square(looked_up)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op, {places: [1, 1]})
        first = session.run(table)
        session.run(train_op, {places: [2]})
        second = session.run(table)
    np.testing.assert_array_equal(first[[0, 2]], [[1.0, 2.0], [5.0, 6.0]])
    assert (first[1] != [3.0, 4.0]).all()
    np.testing.assert_array_equal(second[:2], first[:2])
    assert (second[2] != first[2]).all()


def test_a_table_that_is_used_whole_too_moves_in_every_row():
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    loss = tf.reduce_sum(tf.gather(table, [0])) + tf.reduce_sum(tf.square(table))
    train_op = tf.train.FtrlOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        assert (session.run(table) != [[1.0, 2.0], [3.0, 4.0]]).all()
