"""Losses are what their formulas say, and so are their gradients."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from ferrule import flow
from ferrule.errors import InvalidArgumentError
from ferrule.flow import nn
from ferrule.flow.nn import functional as F  # noqa: N812

REDUCTIONS = {"mean": np.mean, "sum": np.sum, "none": np.asarray}
CLASSES = 4


@pytest.fixture
def logits(rng):
    return rng.normal(size=(6, CLASSES)) * 3


@pytest.fixture
def classes(rng):
    return rng.integers(0, CLASSES, 6)


@pytest.fixture
def chances(rng):
    return rng.dirichlet(np.ones(CLASSES), 6)


@pytest.fixture
def pairs(rng):
    return rng.normal(size=(5, 3)) * 2, rng.normal(size=(5, 3))


def picked(logs, classes):
    return -np.take_along_axis(logs, classes[..., None], -1)[..., 0]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_classes(logits, classes, reduction):
    found = F.cross_entropy(flow.tensor(logits), classes, reduction=reduction)
    wanted = REDUCTIONS[reduction](picked(special.log_softmax(logits, -1), classes))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_cross_entropy_is_the_log_loss_of_scikit_learn(logits, classes):
    wanted = metrics.log_loss(classes, special.softmax(logits, -1), labels=range(CLASSES))
    found = F.cross_entropy(flow.tensor(logits), classes.astype(np.int32)).item()
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_probabilities(logits, chances, reduction):
    found = F.cross_entropy(flow.tensor(logits), chances, reduction=reduction)
    wanted = REDUCTIONS[reduction](-(chances * special.log_softmax(logits, -1)).sum(-1))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_classes_of_further_dimensions_keep_their_shape(rng):
    logits, classes = rng.normal(size=(2, 3, 5)), rng.integers(0, 5, (2, 3))
    found = F.cross_entropy(flow.tensor(logits), classes, reduction="none")
    np.testing.assert_allclose(found, picked(special.log_softmax(logits, -1), classes), rtol=1e-12)


def test_smoothed_classes_are_smoothed_probabilities(logits, classes):
    x = flow.tensor(logits)
    spread = np.eye(CLASSES)[classes] * 0.8 + 0.2 / CLASSES
    smoothed = F.cross_entropy(x, classes, label_smoothing=0.2).item()
    assert smoothed == pytest.approx(F.cross_entropy(x, spread).item(), rel=1e-12)
    probabilities = F.cross_entropy(x, np.eye(CLASSES)[classes], label_smoothing=0.2).item()
    assert smoothed == pytest.approx(probabilities, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_of_weighted_classes_is_by_their_weights(logits, classes, smoothing):
    weights = np.array([0.5, 2.0, 1.0, 3.0])
    logs = special.log_softmax(logits, -1) * weights
    losses = (1 - smoothing) * picked(logs, classes) - smoothing * logs.mean(-1)
    found = F.cross_entropy(flow.tensor(logits), classes, weights, label_smoothing=smoothing).item()
    assert found == pytest.approx(losses.sum() / weights[classes].sum(), rel=1e-12)


def test_a_class_that_is_ignored_does_not_count(logits, classes):
    x, kept = flow.tensor(logits), classes != 1
    assert not kept.all()
    found = F.cross_entropy(x, classes, ignore_index=1).item()
    rest = F.cross_entropy(flow.tensor(logits[kept]), classes[kept]).item()
    assert found == pytest.approx(rest, rel=1e-12)
    marked = np.where(kept, classes, -100)
    assert F.cross_entropy(x, marked, ignore_index=-100).item() == pytest.approx(rest, rel=1e-12)


def test_what_is_ignored_may_be_infinite():
    x = flow.tensor([[0.0, 0.0], [-np.inf, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, [1, 0], ignore_index=0)
    assert loss.item() == pytest.approx(np.log(2))
    loss.backward()
    assert x.grad.tolist() == [[0.5, -0.5], [0.0, 0.0]]


def test_logits_of_any_size_have_a_finite_loss():
    x = flow.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    loss = F.cross_entropy(x, [0, 0])
    loss.backward()
    assert loss.item() == 1e4
    assert x.grad.tolist() == [[0.0, 0.0], [-0.5, 0.5]]


def test_nll_is_the_cross_entropy_of_logarithms(logits, classes):
    x, weights = flow.tensor(logits), [1.0, 2.0, 3.0, 4.0]
    for weight in (None, weights):
        found = F.nll_loss(x.log_softmax(-1), classes, weight).item()
        assert found == F.cross_entropy(x, classes, weight).item()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (F.mse_loss, lambda x, y: (x - y) ** 2),
        (F.l1_loss, lambda x, y: np.abs(x - y)),
        (F.huber_loss, lambda x, y: special.huber(1.0, x - y)),
        (F.smooth_l1_loss, lambda x, y: special.huber(1.0, x - y)),
        (F.hinge_loss, lambda x, y: np.maximum(0.0, 1.0 - x * y)),
    ],
    ids=["mse", "l1", "huber", "smooth_l1", "hinge"],
)
def test_distances(pairs, loss, formula, reduction):
    x, y = pairs
    found = loss(flow.tensor(x), y, reduction=reduction)
    np.testing.assert_allclose(found, REDUCTIONS[reduction](formula(x, y)), rtol=1e-12)


def test_distances_are_those_of_scikit_learn(pairs):
    x, y = (part[:, 0] for part in pairs)
    assert F.mse_loss(flow.tensor(x), y).item() == pytest.approx(metrics.mean_squared_error(y, x))
    assert F.l1_loss(flow.tensor(x), y).item() == pytest.approx(metrics.mean_absolute_error(y, x))
    sides = np.where(y > 0, 1, -1)
    wanted = metrics.hinge_loss(sides, x)
    assert F.hinge_loss(flow.tensor(x), sides).item() == pytest.approx(wanted)


@pytest.mark.parametrize("width", [0.3, 2.5])
def test_huber_and_smooth_l1_of_other_widths(pairs, width):
    x, y = pairs
    wanted = special.huber(width, x - y).mean()
    found = F.huber_loss(flow.tensor(x), y, delta=width).item()
    assert found == pytest.approx(wanted, rel=1e-12)
    smooth = F.smooth_l1_loss(flow.tensor(x), y, beta=width).item()
    assert smooth == pytest.approx(wanted / width, rel=1e-12)


def test_smooth_l1_of_width_0_is_l1(pairs):
    x, y = pairs
    found = F.smooth_l1_loss(flow.tensor(x), y, beta=0.0).item()
    assert found == F.l1_loss(flow.tensor(x), y).item()


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropies(rng, reduction):
    x, y = rng.normal(size=(4, 3)) * 4, rng.uniform(size=(4, 3))
    p = special.expit(x)
    wanted = REDUCTIONS[reduction](-(special.xlogy(y, p) + special.xlog1py(1 - y, -p)))
    found = F.binary_cross_entropy_with_logits(flow.tensor(x), y, reduction=reduction)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    found = F.binary_cross_entropy(flow.tensor(p), y, reduction=reduction)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_positives_count_their_weight(rng):
    x, y = rng.normal(size=(4, 3)), rng.integers(0, 2, (4, 3))
    weights = np.array([1.0, 2.0, 5.0])
    losses = np.where(y, weights * -special.log_expit(x), -special.log_expit(-x))
    found = F.binary_cross_entropy_with_logits(flow.tensor(x), y, pos_weight=weights)
    assert found.item() == pytest.approx(losses.mean(), rel=1e-12)


def test_logits_and_probabilities_at_the_ends_have_finite_losses_and_gradients():
    x = flow.tensor([-1e4, 1e4, 0.0], requires_grad=True)
    F.binary_cross_entropy_with_logits(x, [1, 1, 1], reduction="sum").backward()
    assert x.grad.tolist() == [-1.0, 0.0, -0.5]
    for dtype in ("float32", "float64"):
        p = flow.tensor([0.0, 1.0, 0.0, 1.0], dtype, requires_grad=True)
        loss = F.binary_cross_entropy(p, [0, 1, 1, 0], reduction="none")
        np.testing.assert_allclose(loss.detach(), [0.0, 0.0, 100.0, 100.0], rtol=1e-3)
        loss.sum().backward()
        assert p.grad.isfinite().all()


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: F.cross_entropy(x, [0, 3, 2]),
        lambda x: F.cross_entropy(x, [0, 3, 2], [1.0, 2.0, 3.0, 4.0], label_smoothing=0.2),
        lambda x: F.cross_entropy(x, [0, 3, 2], ignore_index=3),
        lambda x: F.cross_entropy(x, np.full((3, 4), 0.25), reduction="sum"),
        lambda x: F.nll_loss(x, [0, 3, 2]),
        lambda x: F.mse_loss(x, np.ones((3, 4))),
        lambda x: F.l1_loss(x, np.ones((3, 4))),
        lambda x: F.huber_loss(x, np.ones((3, 4)), delta=0.7),
        lambda x: F.smooth_l1_loss(x, np.ones((3, 4)), beta=0.7),
        lambda x: F.hinge_loss(x, np.ones((3, 4)), reduction="none"),
        lambda x: F.binary_cross_entropy(x.sigmoid(), np.full((3, 4), 0.3)),
        lambda x: F.binary_cross_entropy_with_logits(x, np.full((3, 4), 0.3)),
        lambda x: F.binary_cross_entropy_with_logits(x, np.full((3, 4), 0.3), pos_weight=2.0),
    ],
)
def test_gradients_are_those_of_finite_differences(check_gradient, rng, loss):
    check_gradient(loss, rng.normal(size=(3, 4)) * 1.5)


@pytest.mark.parametrize(
    ("module", "function", "target"),
    [
        (nn.CrossEntropyLoss(label_smoothing=0.1), "cross_entropy", [1, 0]),
        (nn.NLLLoss(), "nll_loss", [1, 0]),
        (nn.MSELoss(), "mse_loss", [[0.5, 0.1], [1.0, 0.0]]),
        (nn.L1Loss(), "l1_loss", [[0.5, 0.1], [1.0, 0.0]]),
        (nn.HuberLoss(delta=0.5), "huber_loss", [[0.5, 0.1], [1.0, 0.0]]),
        (nn.SmoothL1Loss(beta=0.5), "smooth_l1_loss", [[0.5, 0.1], [1.0, 0.0]]),
        (nn.HingeLoss(), "hinge_loss", [[1, -1], [1, 1]]),
        (nn.BCELoss(), "binary_cross_entropy", [[1, 0], [1, 1]]),
        (
            nn.BCEWithLogitsLoss(pos_weight=3.0),
            "binary_cross_entropy_with_logits",
            [[1, 0], [1, 1]],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_modules_are_their_functions(module, function, target):
    x = flow.tensor([[0.25, 0.5], [0.75, 0.125]])
    names = ("label_smoothing", "delta", "beta", "pos_weight")
    options = {name: getattr(module, name) for name in names if name in vars(module)}
    for reduction in ("mean", "sum"):
        module.reduction = reduction
        wanted = getattr(F, function)(x, target, reduction=reduction, **options)
        assert module(x, target).item() == wanted.item()


def test_shapes_that_would_broadcast_are_a_mistake():
    with pytest.raises(ValueError, match=r"input has shape \(3, 1\) and target \(3,\): reshape"):
        F.mse_loss(flow.zeros(3, 1), flow.zeros(3))


def test_classes_are_checked():
    x = flow.zeros(2, 3)
    with pytest.raises(ValueError, match=r"one class is expected for each row.*shape \(2,\)"):
        F.cross_entropy(x, [[1], [2]])
    with pytest.raises(InvalidArgumentError):
        F.cross_entropy(x, [0, 3])
    with pytest.raises(InvalidArgumentError):
        F.cross_entropy(x, [-1, 0])
    with pytest.raises(TypeError, match=r"whole numbers, not float32: cast with .long\(\)"):
        F.nll_loss(x, [0.0, 1.0])
    with pytest.raises(TypeError, match="whole numbers, not float32"):
        F.cross_entropy(x, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"input has shape \(2, 3\) and target \(2, 2\)"):
        F.cross_entropy(x, [[0.5, 0.5], [1.0, 0.0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.mse_loss(x, x, reduction="average"),
        lambda x: F.huber_loss(x, x, delta=0.0),
        lambda x: F.smooth_l1_loss(x, x, beta=-1.0),
        lambda x: F.cross_entropy(x, [0, 0], label_smoothing=1.5),
    ],
)
def test_options_are_checked(call):
    with pytest.raises(ValueError, match=r"reduction is|delta must|label_smoothing is"):
        call(flow.zeros(2, 3))


def test_a_class_too_many_in_an_earlier_row_is_no_class_of_the_next():
    with pytest.raises(InvalidArgumentError):
        F.cross_entropy(flow.zeros(2, 3), [3, 0])
