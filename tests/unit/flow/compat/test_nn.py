"""Neural networks: activations, losses, images, samples."""

import math

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

X = np.array([-3.0, -0.5, 0.0, 0.5, 2.0, 7.0])
LOGITS = np.random.default_rng(0).normal(size=(5, 3)) * 3
LABELS = np.array([0, 2, 1, 1, 0])
ONE_HOT = np.eye(3)[LABELS]

# TensorFlow keeps the factor of leaky_relu as float32.
FIFTH = float(np.float32(0.2))
PHI = np.vectorize(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2)

ACTIVATIONS = [
    (tf.nn.relu, lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    (tf.nn.relu6, lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)) * 1.0),
    (
        tf.nn.leaky_relu,
        lambda x: np.where(x > 0, x, FIFTH * x),
        lambda x: np.where(x > 0, 1, FIFTH),
    ),
    (tf.nn.elu, lambda x: np.where(x < 0, np.expm1(x), x), lambda x: np.where(x < 0, np.exp(x), 1)),
    (
        tf.nn.selu,
        lambda x: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x),
        lambda x: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.exp(x), 1),
    ),
    (
        tf.nn.gelu,
        lambda x: x * PHI(x),
        lambda x: PHI(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    ),
    (tf.log_sigmoid, lambda x: -np.log1p(np.exp(-x)), lambda x: 1 / (1 + np.exp(x))),
    (tf.nn.softsign, lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    (tf.nn.softplus, lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
]


@pytest.mark.parametrize(
    ("f", "value", "slope"), ACTIVATIONS, ids=lambda each: getattr(each, "__name__", "")
)
def test_activations_and_their_slopes_are_those_of_tensorflow(run, f, value, slope):
    x = tf.constant(X)
    y = f(x)
    got, by_x = run([y, tf.gradients(y, x)[0]])
    np.testing.assert_allclose(got, value(X), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(by_x, slope(X), rtol=1e-12)


def test_the_slope_of_elu_is_finite_where_exp_is_not(run):
    x = tf.constant([1000.0])
    assert run(tf.gradients(tf.nn.elu(x), x)[0]).tolist() == [1.0]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_softmax_is_along_any_axis(run):
    x = tf.constant(LOGITS)
    np.testing.assert_allclose(run(tf.nn.softmax(x)), softmax(LOGITS), rtol=1e-12)
    np.testing.assert_allclose(run(tf.nn.softmax(x, axis=0)), softmax(LOGITS.T).T, rtol=1e-12)
    np.testing.assert_allclose(run(tf.nn.log_softmax(x)), np.log(softmax(LOGITS)), rtol=1e-9)
    with pytest.raises(ValueError, match="axis 2"):
        tf.nn.softmax(x, axis=2)


def test_cross_entropies_agree_with_their_formulas(run):
    x = tf.constant(LOGITS)
    expected = -np.log(softmax(LOGITS)[np.arange(5), LABELS])
    dense = tf.nn.softmax_cross_entropy_with_logits(labels=ONE_HOT, logits=x)
    newer = tf.nn.softmax_cross_entropy_with_logits_v2(labels=ONE_HOT.T, logits=LOGITS.T, axis=0)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=LABELS, logits=x)
    for made in (dense, newer, sparse):
        np.testing.assert_allclose(run(made), expected, rtol=1e-12)
    for made in (dense, sparse):
        slope = run(tf.gradients(made, x)[0])
        np.testing.assert_allclose(slope, softmax(LOGITS) - ONE_HOT, rtol=1e-9, atol=1e-15)


def test_the_gradient_by_logits_is_tensorflows_whatever_the_labels_add_up_to(run):
    x, z = tf.constant(LOGITS), np.abs(LOGITS)
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=z, logits=x)
    np.testing.assert_allclose(run(loss), -(z * np.log(softmax(LOGITS))).sum(1), rtol=1e-9)
    np.testing.assert_allclose(run(tf.gradients(loss, x)[0]), softmax(LOGITS) - z, rtol=1e-9)


def test_sigmoid_cross_entropies_agree_with_their_formulas(run):
    x, z = tf.constant(LOGITS), ONE_HOT
    p = 1 / (1 + np.exp(-LOGITS))
    plain = tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x)
    weighted = tf.nn.weighted_cross_entropy_with_logits(labels=z, logits=x, pos_weight=2.5)
    np.testing.assert_allclose(run(plain), -z * np.log(p) - (1 - z) * np.log(1 - p), rtol=1e-9)
    np.testing.assert_allclose(
        run(weighted), -2.5 * z * np.log(p) - (1 - z) * np.log(1 - p), rtol=1e-9
    )
    np.testing.assert_allclose(run(tf.gradients(plain, x)[0]), p - z, rtol=1e-9, atol=1e-14)
    assert run(tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[-1e4])) == [1e4]


def test_mistaken_arguments_of_losses_are_refused():
    with pytest.raises(ValueError, match="by name"):
        tf.nn.softmax_cross_entropy_with_logits(LABELS, LOGITS)
    with pytest.raises(ValueError, match="same shape"):
        tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=LOGITS)
    with pytest.raises(ValueError, match="rank mismatch"):
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[LABELS], logits=LOGITS)
    with pytest.raises(ValueError, match="int32 or int64"):
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1.0], logits=[[1.0, 2.0]])


def test_half_the_sum_of_squares(run):
    assert run(tf.nn.l2_loss(tf.constant([3.0, 4.0]))) == 12.5


def convolution(x, w, stride, padding):
    """Return the convolution by its definition."""
    n, height, width, _ = x.shape
    kh, kw, _, m = w.shape
    if padding == "SAME":
        out = [-(-size // stride) for size in (height, width)]
        total = [
            max((o - 1) * stride + k - size, 0)
            for o, k, size in zip(out, (kh, kw), (height, width), strict=True)
        ]
        around = [(0, 0), *[(t // 2, t - t // 2) for t in total], (0, 0)]
        x = np.pad(x, around)
    else:
        out = [(size - k) // stride + 1 for size, k in ((height, kh), (width, kw))]
    y = np.zeros((n, *out, m))
    for i in range(out[0]):
        for j in range(out[1]):
            window = x[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, i, j] = np.tensordot(window, w, 3)
    return y


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_follow_their_definition(run, padding, stride):
    random = np.random.default_rng(0)
    x, w = random.normal(size=(2, 7, 6, 3)), random.normal(size=(3, 2, 3, 4))
    made = tf.nn.conv2d(tf.constant(x), w, [1, stride, stride, 1], padding)
    expected = convolution(x, w, stride, padding)
    assert made.shape == expected.shape
    np.testing.assert_allclose(run(made), expected, rtol=1e-10, atol=1e-12)


def test_pools_take_the_greatest_or_the_mean(run):
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    greatest = run(tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"))
    mean = run(tf.nn.avg_pool(x, 2, 2, "SAME"))
    assert greatest.ravel().tolist() == [5, 7, 13, 15]
    assert mean.ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    edge = run(tf.nn.avg_pool(np.ones((1, 3, 3, 1)), 2, 2, "SAME"))
    assert edge.ravel().tolist() == [1, 1, 1, 1]


def test_mistaken_arguments_of_images_are_refused():
    x, w = tf.zeros([1, 4, 4, 1]), tf.zeros([2, 2, 1, 1])
    with pytest.raises(ValueError, match="'SAME' or 'VALID'"):
        tf.nn.conv2d(x, w, 1, "FULL")
    with pytest.raises(NotImplementedError, match="NHWC"):
        tf.nn.conv2d(x, w, 1, "SAME", data_format="NCHW")
    with pytest.raises(ValueError, match="strides"):
        tf.nn.conv2d(x, w, [2, 1, 1, 1], "SAME")
    with pytest.raises(ValueError, match="bias"):
        tf.nn.bias_add(x, [1.0, 2.0])


def test_dropout_keeps_the_mean_and_scales_what_stays(run):
    x = tf.ones([200, 100])
    for made in (tf.nn.dropout(x, 0.8, seed=1), tf.nn.dropout(x, rate=0.2, seed=1)):
        got = run(made)
        assert sorted(set(got.ravel().tolist())) == [0.0, 1.25]
        assert got.mean() == pytest.approx(1.0, abs=0.01)
    rows = run(tf.nn.dropout(x, 0.5, noise_shape=[200, 1]))
    assert all(len(set(row.tolist())) == 1 for row in rows)
    assert tf.nn.dropout(x, 1.0) is x
    keep = tf.placeholder(tf.float32, [])
    assert run(tf.nn.dropout(x, keep), {keep: 1.0}).min() == 1.0


@pytest.mark.parametrize("arguments", [{}, {"keep_prob": 0.5, "rate": 0.5}, {"rate": 1.0}])
def test_dropout_needs_one_share_that_makes_sense(arguments):
    with pytest.raises(ValueError, match=r"rate"):
        tf.nn.dropout(tf.ones([2]), **arguments)


def test_moments_and_normalization(run):
    x = np.random.default_rng(0).normal(3, 2, size=(6, 4))
    mean, variance = tf.nn.moments(tf.constant(x), [0])
    np.testing.assert_allclose(run(mean), x.mean(0))
    np.testing.assert_allclose(run(variance), x.var(0))
    kept = tf.nn.moments(tf.constant(x), [0, 1], keep_dims=True)
    assert [each.shape.as_list() for each in kept] == [[1, 1], [1, 1]]
    even = run(tf.nn.batch_normalization(x, mean, variance, 1.0, 2.0, 1e-9))
    np.testing.assert_allclose(even, (x - x.mean(0)) / x.std(0) * 2 + 1, rtol=1e-6)
    unit = run(tf.nn.l2_normalize(tf.constant(x), 1))
    np.testing.assert_allclose((unit**2).sum(1), 1.0)
    assert run(tf.nn.zero_fraction(tf.constant([0, 1, 0, 3]))) == 0.5


def test_lookups_and_greatest_elements(run):
    table = tf.Variable(np.arange(12.0).reshape(4, 3))
    rows = tf.nn.embedding_lookup(table, [[1, 3], [0, 1]])
    assert run(rows).tolist() == np.arange(12.0).reshape(4, 3)[[[1, 3], [0, 1]]].tolist()
    slope = run(tf.gradients(rows, table)[0])
    assert slope.tolist() == [[1.0] * 3, [2.0] * 3, [0.0] * 3, [1.0] * 3]
    values, places = run(tf.nn.top_k(tf.constant([[1.0, 5.0, 5.0, 2.0]]), 3))
    assert values.tolist() == [[5.0, 5.0, 2.0]]
    assert places.tolist() == [[1, 2, 3]]
    x = tf.constant([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    assert run(tf.nn.in_top_k(x, [2, 1], 1)).tolist() == [False, False]
    assert run(tf.nn.in_top_k(x, [2, 1], 2)).tolist() == [True, True]
    assert run(tf.nn.xw_plus_b(x, tf.ones([3, 2]), [1.0, 2.0])).tolist() == [[2, 3], [2, 3]]


def test_unique_candidates_are_drawn_by_zipf_law(run):
    truth = tf.constant([[0], [7]], dtype=tf.int64)
    made = tf.nn.log_uniform_candidate_sampler(truth, 1, 5, True, 50, seed=3)
    seen = np.zeros(50)
    expected = np.zeros(50)
    with tf.Session() as session:
        for _ in range(2000):
            sampled, of_truth, of_sampled = session.run(list(made))
            assert len(set(sampled.tolist())) == 5
            assert ((of_sampled > 0) & (of_sampled <= 1)).all()
            seen[sampled] += 1
            expected[[0, 7]] += of_truth[:, 0]
    # How often a class was drawn is how often it was said to be expected.
    np.testing.assert_allclose(seen[[0, 7]], expected[[0, 7]], rtol=0.1)
    assert seen[0] > seen[7] > seen[40] > 0


def test_candidates_that_may_repeat_have_their_chances(run):
    truth = tf.constant([[3]], dtype=tf.int64)
    made = tf.nn.log_uniform_candidate_sampler(truth, 1, 20000, False, 10, seed=3)
    sampled, of_truth, _ = run(list(made))
    chances = np.log((np.arange(10) + 2) / (np.arange(10) + 1)) / math.log(11)
    np.testing.assert_allclose(np.bincount(sampled, minlength=10) / 20000, chances, atol=0.012)
    assert of_truth == pytest.approx(chances[3] * 20000)
    uniform = tf.nn.uniform_candidate_sampler(truth, 1, 4, True, 4, seed=3)
    assert sorted(run(uniform.sampled_candidates).tolist()) == [0, 1, 2, 3]


def test_sampled_losses_follow_their_formulas(run):
    random = np.random.default_rng(0)
    w, b = random.normal(size=(6, 3)), random.normal(size=6)
    x, truth = random.normal(size=(4, 3)), np.array([[0], [2], [5], [1]])
    sampled = np.array([2, 4])
    counts = (random.uniform(0.2, 0.9, (4, 1)), random.uniform(0.2, 0.9, 2))
    values = (tf.constant(sampled, tf.int64), tf.constant(counts[0]), tf.constant(counts[1]))
    true = (x * w[truth[:, 0]]).sum(1, keepdims=True) + b[truth] - np.log(counts[0])
    noise = x @ w[sampled].T + b[sampled] - np.log(counts[1])

    nce = tf.nn.nce_loss(w, b, truth, tf.constant(x), 2, 6, sampled_values=values)
    logits = np.concatenate([true, noise], 1)
    z = np.array([1.0, 0.0, 0.0])
    expected = (np.maximum(logits, 0) - logits * z + np.log1p(np.exp(-abs(logits)))).sum(1)
    np.testing.assert_allclose(run(nce), expected, rtol=1e-9)

    loss = tf.nn.sampled_softmax_loss(w, b, truth, tf.constant(x), 2, 6, sampled_values=values)
    hit = truth == sampled
    logits = np.concatenate([true, np.where(hit, -np.inf, noise)], 1)
    np.testing.assert_allclose(run(loss), -np.log(softmax(logits)[:, 0]), rtol=1e-9)


def test_sampled_losses_draw_by_themselves_and_have_gradients(run):
    w, b = tf.Variable(tf.ones([20, 3])), tf.Variable(tf.zeros([20]))
    x = tf.Variable(tf.ones([4, 3]))
    loss = tf.nn.nce_loss(w, b, [[1], [2], [3], [4]], x, 5, 20)
    slopes = run(tf.gradients(loss, [w, b, x]))
    assert [each.shape for each in slopes] == [(20, 3), (20,), (4, 3)]
    assert all(np.isfinite(each).all() for each in slopes)


def test_a_label_that_is_no_class_is_refused_with_the_range():
    labels = tf.placeholder(tf.int32, [None])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.zeros([2, 3]))
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(loss, {labels: [0, 2]}), np.log(3), rtol=1e-6)
        for bad in (3, -1):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"index {bad} .*less than 3"):
                session.run(loss, {labels: [0, bad]})
