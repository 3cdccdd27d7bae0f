"""Sessions: fetches, feeds, values of variables."""

import collections
import threading

import numpy as np
import pytest

import ferrule.errors
import ferrule.flow.compat.v1 as tf


def test_any_nest_of_fetches_comes_back_in_its_form():
    a, b = tf.constant(1.0), tf.constant([2, 3])
    pair = collections.namedtuple("pair", "left right")
    with tf.Session() as session:
        got = session.run({"x": a, "y": [b, (a, pair(a, b))], "op": a.op})
    assert got["x"] == 1.0
    assert got["op"] is None
    assert got["y"][0].tolist() == [2, 3]
    assert got["y"][1][0] == 1.0
    assert got["y"][1][1].left == 1.0
    assert isinstance(got["y"][1][1], pair)
    assert isinstance(got["y"][1], tuple)


@pytest.mark.parametrize("form", [list, tuple])
def test_flat_lists_and_tuples_keep_their_type(form):
    a = tf.constant(1.0)
    with tf.Session() as session:
        assert session.run(form([a, a])) == form([1.0, 1.0])
        assert session.run(form([])) == form([])


def test_scalars_are_numpy_scalars_of_their_dtype():
    with tf.Session() as session:
        for dtype in (np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_):
            got = session.run(tf.constant(dtype(1)))
            assert type(got) is dtype


def test_names_stand_for_tensors_and_operations():
    x = tf.placeholder(tf.float32, name="x")
    tf.multiply(x, 2.0, name="twice")
    with tf.Session() as session:
        assert session.run("twice:0", {"x:0": 4.0}) == 8.0
        assert session.run("twice:0", {"x": 4.0}) == 8.0
        assert session.run(["twice", "twice:0"], {x.name: 4.0}) == [None, 8.0]
        with pytest.raises(ValueError, match="cannot fetch 'none:0'"):
            session.run("none:0")
        with pytest.raises(ValueError, match="cannot feed 'none:0'"):
            session.run("twice:0", {"none": 1.0})


def test_what_is_no_fetch_is_refused():
    with tf.Session() as session, pytest.raises(TypeError, match="invalid type NoneType"):
        session.run(None)


def test_what_is_of_another_graph_is_refused():
    x = tf.placeholder(tf.float32)
    with tf.Graph().as_default():
        y = tf.constant(1.0)
    with tf.Session() as session:
        for fetches, feeds in ((y, None), ([y], None), (x, {y: 1.0})):
            with pytest.raises(ValueError, match="not an element of the session's graph"):
                session.run(fetches, feeds)


def test_a_closed_session_runs_no_more():
    x = tf.constant(1.0)
    with tf.Session() as session:
        assert session.run(x) == 1.0
    with pytest.raises(RuntimeError, match="closed session"):
        session.run(x)


def test_feeds_are_numbers_lists_or_arrays_of_any_float_dtype():
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        for value in (2.0, 2, np.float64(2.0), np.float32(2.0), np.int64(2), np.array(2.0), True):
            if value is not True:
                got = session.run(x + 1.0, {x: value})
                assert got == 3.0
                assert got.dtype == np.float32
        assert session.run(x + 1.0, {x: [1.0, 2.0]}).tolist() == [2.0, 3.0]
        assert session.run(x + 1.0, {x: np.ones((2, 2))}).dtype == np.float32
        assert session.run(x + 1.0, {x: np.ones((4, 2), np.float32)[::2].T}).shape == (2, 2)


def test_any_tensor_can_be_fed():
    a = tf.constant(1.0)
    b = a * 10.0
    v = tf.Variable(3.0)
    with tf.Session() as session:
        assert session.run(b + 1.0, {b: 5.0}) == 6.0
        assert session.run(v * 2.0, {v: 4.0}) == 8.0
        y = tf.placeholder_with_default(7.0, [])
        assert session.run([y + 0.0]) == [7.0]
        assert session.run([y + 0.0], {y: 1.0}) == [1.0]


def test_a_tensor_is_no_value_to_feed():
    x = tf.placeholder(tf.float32)
    with tf.Session() as session, pytest.raises((TypeError, tf.errors.InvalidArgumentError)):
        session.run({"x": x}, {x: tf.constant(1.0)})


def test_an_unfed_placeholder_is_named_with_the_line_that_made_it():
    x = tf.placeholder(tf.float32, [None], name="features")
    y = x + 1.0
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError) as caught:
        session.run(y)
    assert "'features'" in str(caught.value)
    assert "test_sessions.py" in str(caught.value)
    assert 'tf.placeholder(tf.float32, [None], name="features")' in str(caught.value)
    assert caught.value.op.name == "features"
    assert isinstance(caught.value, ferrule.errors.InvalidArgumentError)


def test_a_value_of_another_shape_is_refused():
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    with tf.Session() as session:
        for fetches in (x + 1.0, {"y": x + 1.0}):
            with pytest.raises(ValueError, match="'x'"):
                session.run(fetches, {x: [1.0, 2.0, 3.0]})


def test_an_uninitialised_variable_is_named():
    v = tf.Variable(1.0, name="weight")
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.FailedPreconditionError, match="variable 'weight' has no value"
        ) as caught:
            session.run(v + 1.0)
        assert caught.value.op.name == "weight"
        assert isinstance(caught.value, ferrule.errors.FailedPreconditionError)


def test_values_live_in_the_session():
    v = tf.Variable(1.0)
    with tf.Session() as one, tf.Session() as two:
        one.run(v.initializer)
        two.run(v.initializer)
        one.run(v.assign(2.0))
        assert (one.run(v), two.run(v)) == (2.0, 1.0)


def test_eval_and_run_use_the_default_session():
    v = tf.Variable(2.0)
    with pytest.raises(ValueError, match="no default session"):
        v.eval()
    with tf.Session():
        v.initializer.run()
        assert v.eval() == 2.0
        x = tf.placeholder(tf.float32)
        assert (x * v).eval(feed_dict={x: 3.0}) == 6.0
    session = tf.Session()
    with session.as_default():
        v.initializer.run()
    assert session.run(v) == 2.0
    assert tf.get_default_session() is None


def test_an_interactive_session_is_the_default_until_closed():
    session = tf.InteractiveSession()
    assert tf.get_default_session() is session
    assert tf.constant(3).eval() == 3
    session.close()
    assert tf.get_default_session() is None


def test_a_callable_takes_its_feeds_in_order():
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    with tf.Session() as session:
        both = session.make_callable([x - y, x + y], [x, y])
        assert both(3.0, 1.0) == [2.0, 4.0]
        with pytest.raises(TypeError, match="expected 2 values"):
            both(1.0)


def test_run_many_steps_through_rows():
    x = tf.placeholder(tf.float32, [2])
    total = tf.Variable([0.0, 0.0])
    add = total.assign_add(x)
    rows = np.arange(10, dtype=np.float64).reshape(5, 2)
    with tf.Session() as session:
        session.run(total.initializer)
        assert session.run_many(add, {x: rows}).tolist() == rows.sum(0).tolist()
        assert session.run_many([add.op, total], {"Placeholder:0": rows}, steps=1)[0] is None
        with pytest.raises(ValueError, match="rows"):
            session.run_many(add, {x: rows, tf.placeholder(tf.float32): [1.0]})


def test_sessions_may_be_shared_by_threads():
    v = tf.Variable(0.0)
    x = tf.placeholder(tf.float32)
    add = v.assign_add(x)
    with tf.Session() as session:
        session.run(v.initializer)

        def work():
            for _ in range(200):
                session.run(add, {x: 1.0})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert session.run(v) == 800.0


def test_strings_come_back_as_bytes():
    with tf.Session() as session:
        assert session.run(tf.constant("Hello")) == b"Hello"
        assert session.run([tf.constant(["a", "b"]), tf.constant(1)])[0].tolist() == [b"a", b"b"]


def test_a_config_is_taken():
    config = tf.ConfigProto(allow_soft_placement=True, gpu_options=tf.GPUOptions(x=1))
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as session:
        assert session.run(tf.constant(1), options=tf.RunOptions(), run_metadata=None) == 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="remote"):
        tf.Session("grpc://there")


def test_a_long_run_that_changes_nothing_leaves_the_session_to_others():
    x = tf.placeholder(tf.float32, [64, 64])
    v = tf.Variable(1.0)
    turns = tf.placeholder(tf.int32, [])
    grown = tf.while_loop(lambda i, y: i < turns, lambda i, y: [i + 1, tf.matmul(y, x)], [0, x])[1]
    with tf.Session() as session:
        session.run(v.initializer)
        feeds = {x: np.eye(64), turns: 1}
        session.run(grown, feeds)
        made = []
        feeds[turns] = 100_000
        long = threading.Thread(target=lambda: made.append(session.run([grown, v], feeds)))
        long.start()
        while long.is_alive() and session.run(v) < 5:
            session.run(v.assign_add(1.0))
        assert session.run(v) == 5
        assert long.is_alive()
        long.join()
        assert np.array_equal(made[0][0], np.eye(64))
        assert made[0][1] <= 5
