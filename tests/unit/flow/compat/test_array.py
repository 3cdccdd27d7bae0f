"""Shapes and places, beside NumPy's."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

X = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)

KEYS = [
    0,
    -1,
    (1, 2),
    (1, -1, 0),
    slice(None),
    slice(1, None),
    (slice(None), slice(0, 2)),
    (slice(None), slice(None, None, 2), 1),
    (slice(None), slice(None, None, -1)),
    (Ellipsis, 0),
    (0, Ellipsis),
    (Ellipsis, slice(1, 3), None),
    None,
    (slice(None), None, 0, None, 1),
    (slice(-2, -1), 1),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_is_that_of_numpy(run, key):
    x = tf.placeholder(tf.float32, [None, 3, 4])
    got, expected = run(x[key], {x: X}), X[key]
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_array_equal(got, expected)
    assert tf.constant(X)[key].shape == expected.shape


def test_an_index_may_be_a_tensor(run):
    x, i = tf.constant(X), tf.placeholder(tf.int32, [])
    np.testing.assert_array_equal(run(x[i], {i: 1}), X[1])
    np.testing.assert_array_equal(run(x[: tf.shape(x)[0]]), X)


@pytest.mark.parametrize("key", [5, (0, 0, 0, 0), (Ellipsis, Ellipsis), slice(0, 1, 0), 1.5, "a"])
def test_odd_indices_are_refused(key):
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.constant(X)[key]


def test_shapes_that_are_known_are_values_at_once(run):
    x = tf.constant(X)
    assert run([tf.shape(x), tf.size(x), tf.rank(x)])[0].tolist() == [2, 3, 4]
    flat = tf.reshape(x, [tf.shape(x)[0], -1])
    assert flat.shape == [2, 12]
    assert tf.reshape(x, tf.stack([tf.shape(x)[0], 12])).shape == [2, 12]
    assert x.shape.num_elements() == 24


def test_shapes_of_a_run_make_new_shapes(run):
    x = tf.placeholder(tf.float32, [None, 3, 4])
    n = tf.shape(x)[0]
    assert run(tf.reshape(x, [n * 3, 4]), {x: X}).shape == (6, 4)
    assert run(tf.reshape(x, tf.stack([n, -1])), {x: X}).shape == (2, 12)
    assert run(tf.zeros([n, 2]), {x: X}).shape == (2, 2)
    assert run(tf.fill([n], 7), {x: X}).tolist() == [7, 7]
    assert run(tf.random_uniform(tf.shape(x)), {x: X}).shape == X.shape
    assert run(tf.range(n), {x: X}).tolist() == [0, 1]
    assert run(tf.broadcast_to([[1.0]], [n, 2]), {x: X}).tolist() == [[1, 1], [1, 1]]
    assert run(tf.size(x), {x: X}) == 24


def test_a_shape_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"Reshape"):
        tf.reshape(tf.constant(X), [5, 5])


def test_layout_agrees_with_numpy(run):
    x = tf.constant(X)
    pairs = [
        (tf.transpose(x), X.T),
        (tf.transpose(x, [1, 0, 2]), X.transpose(1, 0, 2)),
        (tf.matrix_transpose(x), X.swapaxes(1, 2)),
        (tf.expand_dims(x, -1), X[..., None]),
        (tf.squeeze(tf.expand_dims(x, 1), [1]), X),
        (tf.squeeze(x[:1]), X[0]),
        (tf.concat([x, x], 1), np.concatenate([X, X], 1)),
        (tf.concat([x, X], -1), np.concatenate([X, X], -1)),
        (tf.stack([x, x], 1), np.stack([X, X], 1)),
        (tf.stack([x, x], -1), np.stack([X, X], -1)),
        (tf.unstack(x, axis=1)[2], X[:, 2]),
        (tf.split(x, 2, axis=2)[1], X[:, :, 2:]),
        (tf.split(x, [1, 3], axis=-1)[1], X[:, :, 1:]),
        (tf.split(x, [1, -1], axis=2)[1], X[:, :, 1:]),
        (tf.slice(x, [0, 1, 0], [-1, 2, 3]), X[:, 1:3, :3]),
        (tf.strided_slice(x, [0, 2, 0], [2, 0, 4], [1, -1, 2]), X[0:2, 2:0:-1, 0:4:2]),
        (tf.gather(x, [1, 0, 1]), X[[1, 0, 1]]),
        (tf.gather(x, [[0, 3]], axis=2), X[:, :, [[0, 3]]]),
        (tf.pad(x, [[1, 0], [0, 2], [0, 0]]), np.pad(X, [[1, 0], [0, 2], [0, 0]])),
        (
            tf.pad(x, [[0, 0], [1, 1], [2, 0]], "REFLECT"),
            np.pad(X, [[0, 0], [1, 1], [2, 0]], "reflect"),
        ),
        (
            tf.pad(x, [[1, 1], [0, 0], [0, 0]], "SYMMETRIC"),
            np.pad(X, [[1, 1], [0, 0], [0, 0]], "symmetric"),
        ),
        (
            tf.pad(x, [[0, 0], [0, 0], [1, 1]], constant_values=9),
            np.pad(X, [[0, 0], [0, 0], [1, 1]], constant_values=9),
        ),
        (tf.tile(x, [1, 2, 1]), np.tile(X, [1, 2, 1])),
        (tf.reverse(x, [-1]), X[..., ::-1]),
        (tf.zeros_like(x), np.zeros_like(X)),
        (tf.ones_like(x, tf.int32), np.ones_like(X, np.int32)),
        (tf.range(2, 11, 3), np.arange(2, 11, 3, np.int32)),
        (tf.range(0.0, 1.0, 0.25), np.arange(0, 1, 0.25, np.float32)),
        (tf.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5, dtype=np.float32)),
        (tf.constant(7, shape=[2, 2]), np.full((2, 2), 7, np.int32)),
        (tf.constant([1, 2], shape=[3]), np.array([1, 2, 2], np.int32)),
        (tf.matmul(x, X.swapaxes(1, 2)), X @ X.swapaxes(1, 2)),
        (tf.matmul(x[0], x[1], transpose_b=True), X[0] @ X[1].T),
        (tf.matmul(x[0], x[1], transpose_a=True), X[0].T @ X[1]),
        (x[0] @ x[1, 0, :, None], X[0] @ X[1, 0, :, None]),
        (tf.tensordot(x, X, [[0, 2], [0, 2]]), np.tensordot(X, X, [[0, 2], [0, 2]])),
        (tf.tensordot(x, X[0].T, 1), np.tensordot(X, X[0].T, 1)),
    ]
    for place, (got, (made, expected)) in enumerate(
        zip(run([m for m, _ in pairs]), pairs, strict=False)
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=f"{place}: {made.name}")
        assert got.dtype == expected.dtype, made.name
        assert got.shape == expected.shape, made.name


def test_one_hot_puts_ones_at_places(run):
    places = [0, 2, -1, 3]
    expected = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    assert run(tf.one_hot(places, 3)).tolist() == expected.tolist()
    assert run(tf.one_hot(places, 3)).dtype == np.float32
    got = run(tf.one_hot(places, 3, on_value=5, off_value=-1, dtype=tf.int32))
    assert got.tolist() == np.where(expected, 5, -1).tolist()
    assert run(tf.one_hot(places, 3, axis=0)).tolist() == expected.T.tolist()


def test_masks_and_segments(run):
    assert run(tf.eye(2, 3)).tolist() == np.eye(2, 3).tolist()
    assert run(tf.diag([1, 2])).tolist() == [[1, 0], [0, 2]]
    assert run(tf.sequence_mask([1, 3], 3, tf.int32)).tolist() == [[1, 0, 0], [1, 1, 1]]
    sums = run(tf.unsorted_segment_sum(X, [1, 1], 3))
    np.testing.assert_array_equal(sums, np.stack([X[0] * 0, X[0] + X[1], X[0] * 0]))
    got = run(tf.gather_nd(tf.constant(X), [[1, 2], [0, 0]]))
    np.testing.assert_array_equal(got, X[[1, 0], [2, 0]])
    assert run(tf.gather_nd(tf.constant(X), [[[1, 2, 3]]])).tolist() == [[23.0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="known"):
        tf.gather_nd(tf.placeholder(tf.float32), [[1]])


def test_splits_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="equal parts"):
        tf.split(tf.constant(X), 3, axis=2)
    with pytest.raises(ValueError, match="do not add up"):
        tf.split(tf.constant(X), [1, 1], axis=2)
    with pytest.raises(ValueError, match="axis 7"):
        tf.split(tf.constant(X), 2, axis=7)


def test_lists_with_tensors_become_tensors(run):
    a = tf.constant(1.0)
    assert run(tf.convert_to_tensor([[a, 2.0], [3.0, a]])).tolist() == [[1, 2], [3, 1]]
    assert run(tf.reduce_sum([a, a, 5.0])) == 7.0


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, tf.int32),
        (1.0, tf.float32),
        (True, tf.bool),
        (2**40, tf.int64),
        ([1, 2.5], tf.float32),
        (np.float64(1.0), tf.float64),
        (np.arange(3), tf.int64),
        (np.zeros(2, np.uint8), tf.uint8),
        ([], tf.float32),
    ],
)
def test_values_have_the_dtype_that_tensorflow_gives_them(value, dtype):
    assert tf.constant(value).dtype == dtype


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="None"):
        tf.identity(None)
    with pytest.raises((TypeError, ValueError), match=r"expected numbers|inhomogeneous"):
        tf.identity([[1.0], [1.0, 2.0]])
    with pytest.raises(NotImplementedError, match="float32"):
        tf.constant(np.zeros(2, np.float16))
    with pytest.raises(ValueError, match="shape"):
        tf.constant([1, 2, 3], shape=[2])


def test_gradients_go_back_to_their_places(run):
    x = tf.constant(X)
    (g,) = tf.gradients(tf.gather(x, [1, 1])[0, 0, 0] + 2.0 * x[0, :, ::2], x)
    expected = np.zeros_like(X)
    expected[1, 0, 0] = 6.0
    expected[0, :, ::2] = 2.0
    np.testing.assert_array_equal(run(g), expected)
