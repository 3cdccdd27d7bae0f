"""Operations written in Python, and datasets."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf


def test_a_python_function_takes_arrays_and_gives_arrays(run):
    x = tf.constant([3.0, 1.0, 2.0])
    ordered, places = tf.py_func(lambda a: (np.sort(a), np.argsort(a)), [x], [tf.float32, tf.int64])
    got = run([ordered * 2.0, places])
    assert got[0].tolist() == [2.0, 4.0, 6.0]
    assert got[1].tolist() == [1, 2, 0]


def test_a_custom_operation_joins_gradients(run):
    x = tf.Variable([1.0, 2.0])
    (cube,) = tf.custom_op(
        lambda x: x**3, [x], [tf.float32], [[2]], lambda x, y, g: 3 * x**2 * g, name="Cube"
    )
    assert cube.shape == [2]
    assert cube.name == "Cube:0"
    assert run(tf.gradients(cube * 2.0, x)[0]).tolist() == [6.0, 24.0]


def test_a_function_without_a_gradient_says_so():
    x = tf.constant([1.0])
    y = tf.py_func(np.sort, [x], tf.float32)
    with pytest.raises(NotImplementedError, match="gradient"):
        tf.gradients(y, x)


def test_an_exception_of_the_function_comes_through_as_it_is():
    def fail(x):
        raise ZeroDivisionError("mine")

    y = tf.py_func(fail, [tf.constant(1.0)], tf.float32)
    with tf.Session() as session, pytest.raises(ZeroDivisionError, match="mine"):
        session.run(y)


def test_a_function_runs_once_a_run():
    calls = []
    y = tf.py_func(lambda: np.float32(len(calls)) if calls.append(1) is None else 0, [], tf.float32)
    with tf.Session() as session:
        assert session.run([y, y + 1.0]) == [1.0, 2.0]
        assert session.run(y) == 2.0


def test_a_dataset_gives_a_row_a_run_and_ends():
    data = tf.data.Dataset.from_tensor_slices((np.arange(5.0), {"label": np.arange(5)}))
    x, rest = data.batch(2).make_one_shot_iterator().get_next()
    assert x.shape.as_list() == [None]
    with tf.Session() as session:
        rows = [session.run([x, rest["label"]]) for _ in range(3)]
        assert [row[0].tolist() for row in rows] == [[0, 1], [2, 3], [4]]
        assert rows[1][1].tolist() == [2, 3]
        with pytest.raises(tf.errors.OutOfRangeError, match="end of sequence"):
            session.run(x)


def rows_of(dataset):
    row = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    with tf.Session() as session:
        while True:
            try:
                found.append(np.asarray(session.run(row)).tolist())
            except tf.errors.OutOfRangeError:
                return found


def test_datasets_repeat_shuffle_take_and_join():
    data = tf.data.Dataset.range(6)
    assert rows_of(data.repeat(2)) == [*range(6), *range(6)]
    assert rows_of(data.skip(4).concatenate(data.take(1)).prefetch(1).cache()) == [4, 5, 0]
    assert rows_of(data.batch(4, drop_remainder=True)) == [[0, 1, 2, 3]]
    assert rows_of(tf.data.Dataset.zip((data, data.skip(5))).take(2)) == [[0, 5]]
    mixed = rows_of(data.shuffle(3, seed=1).repeat(2))
    assert sorted(mixed) == sorted([*range(6)] * 2)
    assert mixed[:6] != mixed[6:]
    assert all(value <= place + 3 for place, value in enumerate(mixed[:6]))
    same = rows_of(data.shuffle(6, seed=1, reshuffle_each_iteration=False).repeat(2))
    assert same[:6] == same[6:]
    assert rows_of(tf.data.Dataset.from_tensors([1, 2])) == [[1, 2]]
    assert rows_of(tf.data.Dataset.from_tensor_slices(np.zeros((0, 2))).repeat()) == []


def test_a_generator_is_called_anew_for_every_iterator():
    data = tf.data.Dataset.from_generator(lambda: iter([1, 2]), tf.int64, [])
    assert rows_of(data) == rows_of(data) == [1, 2]
    assert data.output_types == tf.int64
    assert data.output_shapes == []


def test_datasets_of_unequal_arrays_are_refused():
    with pytest.raises(ValueError, match="one size"):
        tf.data.Dataset.from_tensor_slices((np.zeros(2), np.zeros(3)))
    with pytest.raises(TypeError, match="arrays"):
        tf.data.Dataset.from_tensor_slices(tf.constant([1.0]))
    with pytest.raises(NotImplementedError, match="NumPy"):
        tf.data.Dataset.range(3).map(lambda x: x)
    with pytest.raises(ValueError, match="batch_size"):
        tf.data.Dataset.range(3).batch(0)
