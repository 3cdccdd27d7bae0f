"""A session is saved with the values it has; what no server can run is refused with what to do."""

import numpy as np
import pytest

import ferrule
import ferrule.flow.compat.v1 as tf
from ferrule.cluster import KMeans


@pytest.fixture(autouse=True)
def own_graph():
    with tf.Graph().as_default():
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def x():
    return tf.placeholder(tf.float32, [None, 3], name="x")


def saved(path, inputs, outputs, **options):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        ferrule.save(session, path, inputs=inputs, outputs=outputs, **options)
    return ferrule.load(path)


def test_the_values_of_the_moment_are_saved_under_the_variables_names(path, x):
    w = tf.get_variable("scope/w", [3, 2], initializer=tf.ones_initializer())
    y = tf.matmul(x, w)
    with tf.Session() as session:
        session.run(w.initializer)
        session.run(tf.assign(w, 2 * w))
        ferrule.save(session, path, inputs={"x": x}, outputs={"y": y})
        session.run(tf.assign(w, 9 * w))
    np.testing.assert_array_equal(ferrule.load(path)(np.ones((1, 3))), [[6.0, 6.0]])
    [tensor] = ferrule.inspect(path).tensors
    assert (tensor.name, tensor.shape) == ("scope/w", (3, 2))


def test_only_what_the_outputs_need_is_saved(path, x):
    tf.Variable(tf.zeros([1000]))
    labels = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(x, 1)
    tf.train.AdamOptimizer().minimize(tf.reduce_sum((y * tf.Variable(1.0) - labels) ** 2))
    model = saved(path, {"x": x}, {"y": y})
    assert ferrule.inspect(path).tensors == ()
    np.testing.assert_array_equal(model(np.ones((2, 3))), [3.0, 3.0])


def test_any_tensor_may_be_an_input_by_itself_or_by_name(path, x):
    middle = tf.identity(2 * x, name="middle")
    model = saved(path, {"h": "middle:0"}, {"y": middle + 1})
    np.testing.assert_array_equal(model.predict(h=[[1, 2, 3]])["y"], [[2.0, 3.0, 4.0]])


def test_a_placeholder_with_a_default_may_be_left_out(path, x):
    rate = tf.placeholder_with_default(np.float32(0.5), [])
    assert saved(path, {"x": x}, {"y": x * rate})([[2.0, 4.0, 6.0]]).tolist() == [[1.0, 2.0, 3.0]]
    both = saved(path, {"x": x, "rate": rate}, {"y": x * rate})
    assert both.predict(x=[[1.0, 1.0, 1.0]], rate=3.0)["y"].tolist() == [[3.0, 3.0, 3.0]]


def test_branches_loops_and_integers_come_back(path, x):
    counts = tf.placeholder(tf.int64, [None])
    doubled = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2.0), [0, x])[1]
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: doubled, lambda: -x)
    model = saved(path, {"x": x, "n": counts}, {"y": y, "even": tf.equal(counts % 2, 0)})
    made = model.predict(x=[[1.0, 2.0, 3.0]], n=[3, 4])
    assert made["y"].tolist() == [[8.0, 16.0, 24.0]]
    assert made["even"].tolist() == [False, True]
    assert model.predict(x=[[-1.0, 0.0, 0.0]], n=[])["y"].tolist() == [[1.0, 0.0, 0.0]]


def test_nan_and_infinity_go_through_as_in_a_run(path):
    value = tf.placeholder(tf.float64, [None])
    made = saved(path, {"v": value}, {"y": value * 2.0})([np.nan, np.inf])
    np.testing.assert_array_equal(made, [np.nan, np.inf])


CASES = {
    "py_func": (lambda x: tf.py_func(lambda a: a, [x], tf.float32), "written in Python"),
    "assign": (lambda x: tf.assign(tf.Variable(tf.zeros([3])), x[0]), "changes a variable"),
    "dropout": (lambda x: tf.nn.dropout(x, keep_prob=0.5), "other numbers in each run"),
    "placeholder": (lambda x: x + tf.placeholder(tf.float32, [3]), "none of the inputs"),
    "rank": (lambda x: tf.squeeze(x), "unknown number of dimensions"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_served_is_refused_with_the_reason_and_the_line(path, x, case):
    build, says = CASES[case]
    y = build(x)
    with pytest.raises(ferrule.errors.FerruleError, match=says) as failure:
        saved(path, {"x": x}, {"y": y})
    assert case == "rank" or "made at" in str(failure.value)
    assert not path.exists()


def test_a_variable_without_a_value_is_named(path, x):
    w = tf.Variable(tf.ones([3]), name="scale")
    message = "'scale' has no value yet"
    with tf.Session() as session, pytest.raises(tf.errors.FailedPreconditionError, match=message):
        ferrule.save(session, path, inputs={"x": x}, outputs={"y": x * w})


def test_what_save_takes_is_told(path, x):
    with tf.Session() as session:
        for inputs, outputs in [(None, {"y": x}), ({"x": x}, None), ([x], {"y": x})]:
            with pytest.raises(ferrule.errors.InvalidArgumentError, match="name: tensor"):
                ferrule.save(session, path, inputs=inputs, outputs=outputs)
        with pytest.raises(ferrule.errors.InvalidArgumentError, match="signature= is not"):
            ferrule.save(session, path, inputs={"x": x}, outputs={"y": x}, signature={"x": "FP32"})
    kmeans = KMeans(1, n_init=1).fit(np.zeros((2, 1)))
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="are for sessions"):
        ferrule.save(kmeans, path, outputs={"y": 1})


def test_what_predict_takes_is_told(path, x):
    model = saved(path, {"x": x}, {"y": x * 2.0}, metadata={"owner": "me"})
    assert ferrule.inspect(path).metadata == {"owner": "me"}
    cases = [
        ({}, 'input "x" is missing'),
        ({"x": [[1.0, 2.0, 3.0]], "z": 1.0}, 'unknown input "z"'),
        ({"x": [1.0, 2.0, 3.0]}, r"must have shape \[-1, 3\], got \[3\]"),
    ]
    for inputs, says in cases:
        with pytest.raises(ferrule.errors.InvalidArgumentError, match=says):
            model.predict(**inputs)
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="expected x, got 2 arrays"):
        model([[1.0, 2.0, 3.0]], 1.0)


def test_a_place_outside_of_a_table_is_told(path):
    places = tf.placeholder(tf.int32, [None])
    table = tf.Variable(tf.zeros([4, 2]))
    model = saved(path, {"places": places}, {"rows": tf.gather(table, places)})
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="cannot run on these inputs"):
        model([0, 4])
    assert model([0, 3]).shape == (2, 2)


def test_infinite_padding_is_saved_and_gives_the_same(tmp_path):
    x = tf.placeholder(tf.float32, [None, 2])
    padded = tf.pad(x, [[0, 0], [1, 0]], constant_values=float("-inf"))
    with tf.Session() as session:
        expected = session.run(padded, {x: [[1, 2]]})
        ferrule.save(session, tmp_path / "m.safetensors", inputs={"x": x}, outputs={"y": padded})
    model = ferrule.load(tmp_path / "m.safetensors")
    made = model.predict(x=np.array([[1, 2]], np.float32))["y"]
    np.testing.assert_array_equal(made, expected)
    assert made[0, 0] == -np.inf
