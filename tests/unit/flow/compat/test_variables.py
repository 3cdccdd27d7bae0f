"""Variables, and scopes that share them."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf


def test_the_initial_value_decides_shape_and_dtype():
    assert tf.Variable(1.0).dtype == tf.float32
    assert tf.Variable(1).dtype == tf.int32
    assert tf.Variable(np.zeros((2, 3))).dtype == tf.float64
    assert tf.Variable([[1.0, 2.0]], dtype=tf.float64).shape.as_list() == [1, 2]
    assert tf.Variable(lambda: tf.zeros([3])).shape == [3]


def test_a_shape_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="shape"):
        tf.Variable(tf.placeholder(tf.float32, [None]))


def test_assignments_give_the_new_value(run):
    v = tf.Variable([1.0, 2.0])
    assert run(v.assign([3.0, 4.0])).tolist() == [3.0, 4.0]
    assert run(v.assign_add([1.0, 1.0])).tolist() == [2.0, 3.0]
    assert run(tf.assign_sub(v, [1.0, 1.0])).tolist() == [0.0, 1.0]


def test_rows_are_added_at_places(run):
    v = tf.Variable([1.0, 2.0])
    assert run(tf.scatter_add(v, [1, 1], [5.0, 6.0])).tolist() == [1.0, 13.0]
    assert run(tf.scatter_sub(v, [0], [1.0])).tolist() == [0.0, 2.0]


def test_an_assignment_of_another_shape_or_dtype_is_refused():
    v = tf.Variable([1.0, 2.0])
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"tf\.cast"):
        v.assign(tf.constant([1, 2]))
    with pytest.raises(ValueError, match=r"tf\.Variable"):
        tf.assign(tf.constant(1.0), 2.0)


def test_a_read_sees_what_the_run_found():
    v = tf.Variable(1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([v * 1.0, v.assign(5.0)]) == [1.0, 5.0]
        assert session.run(v) == 5.0


def test_the_initializer_sets_values_back():
    v = tf.Variable(1.0)
    init = tf.global_variables_initializer()
    with tf.Session() as session:
        session.run(init)
        session.run(v.assign(5.0))
        session.run(init)
        assert session.run(v) == 1.0


def test_load_sets_a_value_at_once():
    v = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        v.load([3.0, 4.0], session)
        assert session.run(v).tolist() == [3.0, 4.0]
        with pytest.raises(ValueError, match="incompatible"):
            v.load([1.0], session)


def test_variables_that_have_no_value_are_told():
    a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b")
    missing = tf.report_uninitialized_variables()
    with tf.Session() as session:
        session.run(a.initializer)
        assert list(session.run(missing)) == [b"b"]
        assert session.run([tf.is_variable_initialized(a), tf.is_variable_initialized(b)]) == [
            True,
            False,
        ]


def test_a_variable_may_begin_as_another_does(run):
    a = tf.Variable(tf.random_normal([3]))
    b = tf.Variable(a.initialized_value() * 2.0)
    first, second = run([a, b])
    assert (first * 2.0 == second).all()


def test_trainable_variables_are_listed():
    a, b = tf.Variable(1.0), tf.Variable(1.0, trainable=False)
    c = tf.Variable(1.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False)
    assert tf.trainable_variables() == [a]
    assert tf.global_variables() == [a, b]
    assert tf.local_variables() == [c]


def test_gradients_flow_through_every_read(run):
    v = tf.Variable(3.0)
    first = v * 2.0
    with tf.control_dependencies([first]):
        second = v * 5.0
    assert run(tf.gradients(first + second, v)) == [7.0]


def test_a_shared_variable_is_made_once():
    with tf.variable_scope("layer"):
        w = tf.get_variable("w", [2, 3])
        assert w.name == "layer/w:0"
        with pytest.raises(ValueError, match="already exists"):
            tf.get_variable("w", [2, 3])
    with tf.variable_scope("layer", reuse=True):
        assert tf.get_variable("w") is w
        with pytest.raises(ValueError, match="does not exist"):
            tf.get_variable("other", [1])
        with pytest.raises(ValueError, match="shape"):
            tf.get_variable("w", [9])
        with pytest.raises(ValueError, match="dtype"):
            tf.get_variable("w", [2, 3], tf.float64)
    for _ in range(2):
        with tf.variable_scope("auto", reuse=tf.AUTO_REUSE):
            tf.get_variable("w", [1])
    assert [each.name for each in tf.global_variables()] == ["layer/w:0", "auto/w:0"]


def test_scopes_nest_and_pass_on_what_they_say(run):
    with tf.variable_scope("a", initializer=tf.ones_initializer()) as scope:
        with tf.variable_scope("b"):
            x = tf.get_variable("x", [2])
            assert tf.get_variable_scope().name == "a/b"
            assert tf.constant(1).name == "a/b/Const:0"
        assert tf.Variable(1.0, name="y").name == "a/y:0"
    with tf.variable_scope(scope):
        z = tf.get_variable("z", [1])
        assert z.name == "a/z:0"
        assert tf.constant(1).name == "a_1/Const:0"
        scope.reuse_variables()
    assert run([x, z])[0].tolist() == [1.0, 1.0]


def test_default_names_of_scopes_are_unique():
    names = []
    for _ in range(3):
        with tf.variable_scope(None, default_name="dense"):
            names.append(tf.get_variable("w", [1]).name)
    assert names == ["dense/w:0", "dense_1/w:0", "dense_2/w:0"]


def test_a_scope_entered_anew_finds_the_inner_ones():
    found = []
    for _ in range(2):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            for _ in range(2):
                with tf.variable_scope(None, default_name="dense"):
                    found.append(tf.get_variable("w", [1]))
    assert found[:2] == found[2:]


def test_initial_values_may_be_arrays_tensors_or_numbers(run):
    a = tf.get_variable("a", initializer=np.array([1.0, 2.0], np.float32))
    b = tf.get_variable("b", initializer=tf.constant([3]))
    c = tf.get_variable("c", initializer=5.0)
    d = tf.get_variable("d", [2], initializer=tf.zeros_initializer)
    e = tf.get_variable("e", [2], tf.int32)
    got = run([a, b, c, d, e])
    assert [each.tolist() for each in got] == [[1.0, 2.0], [3], 5.0, [0.0, 0.0], [0, 0]]


def test_regularizers_join_the_losses(run):
    with tf.variable_scope("s", regularizer=lambda w: 0.5 * tf.reduce_sum(w)):
        tf.get_variable("w", [3], initializer=tf.ones_initializer())
    assert run(tf.losses.get_regularization_losses()) == [1.5]


INITIALIZERS = [
    (tf.initializers.random_uniform(-1.0, 1.0, seed=1), 0.0, 1.0 / 3.0),
    (tf.initializers.random_normal(0.5, 2.0, seed=1), 0.5, 4.0),
    (tf.initializers.truncated_normal(0.0, 1.0, seed=1), 0.0, 0.7737),
    (tf.initializers.glorot_uniform(seed=1), 0.0, 2.0 / 500),
    (tf.initializers.glorot_normal(seed=1), 0.0, 2.0 / 500),
    (tf.initializers.he_normal(seed=1), 0.0, 2.0 / 300),
    (tf.initializers.he_uniform(seed=1), 0.0, 2.0 / 300),
    (tf.initializers.variance_scaling(1.0, "fan_out", "untruncated_normal", 1), 0.0, 1.0 / 200),
]


@pytest.mark.parametrize(("initializer", "mean", "variance"), INITIALIZERS)
def test_initializers_have_the_moments_that_they_promise(run, initializer, mean, variance):
    values = run(initializer([300, 200]))
    assert values.mean() == pytest.approx(mean, abs=0.02 * variance**0.5 + 1e-3)
    assert values.var() == pytest.approx(variance, rel=0.03)


def test_fans_count_a_filter_once_a_place(run):
    values = run(tf.initializers.he_uniform(seed=3)([3, 3, 20, 64]))
    assert values.var() == pytest.approx(2.0 / 180, rel=0.05)


def test_wrong_settings_of_initializers_are_refused():
    with pytest.raises(ValueError, match="positive"):
        tf.variance_scaling_initializer(-1.0)
    with pytest.raises(ValueError, match="fan_in"):
        tf.variance_scaling_initializer(mode="fan")
