"""Functions of each element, beside NumPy's."""

import math

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

FLOATS = np.array([-2.5, -1.0, -0.5, 0.0, 0.25, 0.9, 1.5, 3.0])
POSITIVE = np.array([0.1, 0.5, 1.0, 2.5, 40.0])
SMALL = np.array([-0.9, -0.5, 0.0, 0.3, 0.99])

ONE = [
    (tf.negative, np.negative, FLOATS),
    (tf.abs, np.abs, FLOATS),
    (tf.sign, np.sign, FLOATS),
    (tf.square, np.square, FLOATS),
    (tf.reciprocal, np.reciprocal, POSITIVE),
    (tf.exp, np.exp, FLOATS),
    (tf.math.expm1, np.expm1, FLOATS),
    (tf.log, np.log, POSITIVE),
    (tf.log1p, np.log1p, POSITIVE),
    (tf.sqrt, np.sqrt, POSITIVE),
    (tf.rsqrt, lambda x: 1 / np.sqrt(x), POSITIVE),
    (tf.sin, np.sin, FLOATS),
    (tf.cos, np.cos, FLOATS),
    (tf.tan, np.tan, FLOATS),
    (tf.asin, np.arcsin, SMALL),
    (tf.acos, np.arccos, SMALL),
    (tf.atan, np.arctan, FLOATS),
    (tf.sinh, np.sinh, FLOATS),
    (tf.cosh, np.cosh, FLOATS),
    (tf.tanh, np.tanh, FLOATS),
    (tf.sigmoid, lambda x: 1 / (1 + np.exp(-x)), FLOATS),
    (tf.nn.softplus, lambda x: np.log1p(np.exp(x)), FLOATS),
    (tf.erf, np.vectorize(math.erf), FLOATS),
    (tf.erfc, np.vectorize(math.erfc), FLOATS),
    (tf.floor, np.floor, FLOATS),
    (tf.ceil, np.ceil, FLOATS),
    (tf.round, np.round, FLOATS),
    (tf.is_nan, np.isnan, np.array([np.nan, 1.0, np.inf])),
    (tf.is_inf, np.isinf, np.array([np.nan, 1.0, -np.inf])),
    (tf.is_finite, np.isfinite, np.array([np.nan, 1.0, -np.inf])),
]


@pytest.mark.parametrize(
    ("ours", "theirs", "x"), ONE, ids=lambda each: getattr(each, "__name__", "")
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_of_one_agree_with_numpy(run, ours, theirs, x, dtype):
    got = run(ours(tf.constant(x.astype(dtype))))
    expected = theirs(x.astype(dtype).astype(np.float64))
    assert got.dtype == (dtype if expected.dtype.kind == "f" else np.bool_)
    np.testing.assert_allclose(got, expected, rtol=1e-6 if dtype is np.float32 else 1e-14)


TWO = [
    (tf.add, np.add),
    (tf.subtract, np.subtract),
    (tf.multiply, np.multiply),
    (tf.divide, np.divide),
    (tf.maximum, np.maximum),
    (tf.minimum, np.minimum),
    (tf.floordiv, np.floor_divide),
    (tf.floormod, np.mod),
    (tf.squared_difference, lambda x, y: (x - y) ** 2),
    (tf.atan2, np.arctan2),
    (tf.equal, np.equal),
    (tf.not_equal, np.not_equal),
    (tf.less, np.less),
    (tf.less_equal, np.less_equal),
    (tf.greater, np.greater),
    (tf.greater_equal, np.greater_equal),
]


@pytest.mark.parametrize(("ours", "theirs"), TWO, ids=lambda each: getattr(each, "__name__", ""))
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_functions_of_two_agree_with_numpy_and_broadcast(run, ours, theirs, dtype):
    x = np.array([[-3, 2, 5], [7, -8, 1]]).astype(dtype)
    y = np.array([2, -3, 1]).astype(dtype)
    if ours is tf.atan2 and dtype is not np.float32:
        with pytest.raises((TypeError, ValueError)):
            ours(tf.constant(x), tf.constant(y))
        return
    got, expected = run(ours(tf.constant(x), tf.constant(y))), theirs(x, y)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert got.dtype == expected.dtype


OPERATORS = [
    (lambda a, b: a + b, 42.0),
    (lambda a, b: a - b, 22.0),
    (lambda a, b: a * b, 320.0),
    (lambda a, b: a / b, 3.2),
    (lambda a, b: a // b, 3.0),
    (lambda a, b: a % b, 2.0),
    (lambda a, b: a ** (b / b), 32.0),
    (lambda a, b: -a, -32.0),
    (lambda a, b: abs(-a), 32.0),
    (lambda a, b: a > b, True),
    (lambda a, b: a >= b, True),
    (lambda a, b: a < b, False),
    (lambda a, b: a <= b, False),
    (lambda a, b: (a > b) & (a < b), False),
    (lambda a, b: (a > b) | (a < b), True),
    (lambda a, b: (a > b) ^ (a > b), False),
    (lambda a, b: ~(a > b), False),
]


@pytest.mark.parametrize(("f", "expected"), OPERATORS)
def test_operators_take_tensors_variables_and_numbers_on_either_side(run, f, expected):
    a, b = tf.constant(32.0), tf.constant(10.0)
    v = tf.Variable(32.0)
    assert run([f(a, b), f(v, b), f(a, 10.0), f(v, 10)]) == [pytest.approx(expected)] * 4


def test_numbers_stand_on_the_left_of_every_operator(run):
    b = tf.constant(10.0)
    made = [32.0 + b, 32.0 - b, 32.0 * b, 32.0 / b, 32.0 // b, 32.0 % b, 2.0**b, [1.0, 2.0] * b]
    got = run(made)
    assert got[:7] == pytest.approx([42.0, 22.0, 320.0, 3.2, 3.0, 2.0, 1024.0])
    assert got[7].tolist() == [10.0, 20.0]


def test_division_of_integers_gives_floats_as_in_tensorflow(run):
    a, b = tf.constant(7), tf.constant(2)
    got = run([a / b, a // b, tf.div(a, b)])
    assert got == [3.5, 3, 3]
    assert run(tf.div(tf.constant(-7), b)) == -4
    assert [each.dtype for each in got] == [np.float64, np.int32, np.int32]


def test_a_number_takes_the_dtype_of_the_tensor_beside_it():
    x = tf.constant(1.0, dtype=tf.float64)
    assert (x + 1).dtype == tf.float64
    assert (1.5 * x).dtype == tf.float64
    assert (x + np.float32(1.0)).dtype == tf.float64
    assert tf.add(2, x).dtype == tf.float64


def test_mixed_dtypes_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"float32.*int32.*tf\.cast"):
        tf.constant(1.0, name="a") + tf.constant(1, name="b")
    with pytest.raises(TypeError, match=r"expected int32, got 2\.5"):
        tf.constant(1) * 2.5
    with pytest.raises(TypeError, match="expected int32"):
        tf.constant(1) * np.float64(2.5)


def test_shapes_that_do_not_fit_quote_the_line_of_the_user():
    a, b = tf.zeros([2, 3]), tf.zeros([4])
    with pytest.raises(ValueError, match=r"test_elementwise\.py:\d+: `a \+ b") as caught:
        a + b  # the line to quote
    assert "'add'" in str(caught.value)


def test_cast_truncates_and_asks_for_truth(run):
    x = tf.constant([-1.7, 0.0, 2.9])
    assert run(tf.cast(x, tf.int32)).tolist() == [-1, 0, 2]
    assert run(tf.cast(x, tf.bool)).tolist() == [True, False, True]
    assert run(tf.to_double(tf.constant([True, False]))).tolist() == [1.0, 0.0]
    assert tf.cast(x, tf.float32) is x


def test_where_picks_elements_rows_or_all(run):
    x, y = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.zeros([2, 2])
    assert run(tf.where(x > 2.0, x, y)).tolist() == [[0.0, 0.0], [3.0, 4.0]]
    assert run(tf.where([True, False], x, y)).tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert run(tf.where(True, x, y)).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(NotImplementedError, match="argwhere"):
        tf.where(x > 1.0)


def test_sums_of_lists_and_clipped_values(run):
    assert run(tf.add_n([tf.constant([1.0, 2.0])] * 3)).tolist() == [3.0, 6.0]
    assert run(tf.clip_by_value(tf.constant([-5.0, 0.5, 5.0]), -1.0, 1.0)).tolist() == [-1, 0.5, 1]
    first, second = tf.tuple([tf.constant(1.0), None])
    assert run(first) == 1.0
    assert second is None
    with pytest.raises(ValueError, match="at least one"):
        tf.add_n([])


def test_no_gradient_flows_through_stop_gradient(run):
    x = tf.constant(3.0)
    assert run(tf.gradients(x * tf.stop_gradient(x), x)) == [3.0]


@pytest.mark.parametrize("p", [-1.0, 2.0])
@pytest.mark.parametrize("q", [-3.0, 0.0, 4.0])
def test_truth_values_of_scalars_are_combined(p, q):
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    over, under = x > 0.0, y < 1.0
    made = [tf.logical_and(over, under), tf.logical_or(over, under), tf.logical_xor(over, under)]
    chosen = [tf.where(each, x, y) for each in [*made, tf.logical_not(over)]]
    truths = [p > 0 and q < 1, p > 0 or q < 1, (p > 0) != (q < 1), not p > 0]
    with tf.Session() as session:
        assert session.run(chosen, {x: p, y: q}) == [p if truth else q for truth in truths]
