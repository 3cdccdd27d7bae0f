"""Random graphs give what TensorFlow recorded of them: values, gradients, optimizer steps."""

import functools
import re
import types
from collections.abc import Callable, Iterable

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf
from ferrule.flow.compat.v1 import _elementwise
from ferrule.flow.compat.v1.losses import _losses, _weighted
from oracle import goldens
from oracle.families import FAMILIES
from oracle.graphs import family_of
from oracle.outcomes import outcome

FLOAT64_RELATIVE = 1e-9
FLOAT32_TIMES_TENSORFLOW = 2
# What is off by less than a few roundings in float32 is as good as it gets.
FLOAT32_FLOOR = 4 * 2.0**-24
# Errors are relative to the norm of a result, or to this where the norm is smaller.
NORM_MIN = 1e-3


@pytest.fixture
def losses_of_float64(monkeypatch):
    """Let tf.losses keep float64: like TensorFlow's they cast everything to float32."""

    def cast(x, dtype):
        return _elementwise.cast(x, "float64" if dtype == "float32" else dtype)

    for module in (_losses, _weighted):
        changed = types.SimpleNamespace(**vars(_elementwise) | {"cast": cast})
        monkeypatch.setattr(module, "_e", changed)


@functools.cache
def recorded() -> goldens.Goldens:
    return goldens.load()


def compared(seed: int, dtype: str) -> tuple[list[str], dict[str, tuple[float, goldens.Golden]]]:
    """Return what differs in kind, and by name how far the rest is off, relative to its norm."""
    due = recorded()[seed]
    try:
        got = outcome(tf, seed, dtype)
    except Exception as error:
        return [f"seed {seed}: {type(error).__name__}: {error}"], {}
    if got.keys() != due.keys():
        return [f"seed {seed}: {sorted(got.keys() ^ due.keys())} on one side only"], {}
    found, off = [], {}
    for name, golden in due.items():
        value = got[name]
        if value is None or golden.value is None:
            if value is not golden.value:
                found.append(f"seed {seed}: {name} is None on one side only")
        elif value.shape != golden.value.shape:
            found.append(f"seed {seed}: {name} has shape {value.shape}, not {golden.value.shape}")
        else:
            off[name] = (float(np.linalg.norm(value - golden.value)) / scale(golden), golden)
    return found, off


def scale(golden: goldens.Golden) -> float:
    return max(float(np.linalg.norm(golden.value)), NORM_MIN)


def float64_disagreements(seed: int) -> list[str]:
    """Hold each result by itself."""
    found, results = compared(seed, "float64")
    return found + [
        f"seed {seed}: {name} is off by {off:.2e}"
        for name, (off, _) in results.items()
        if not off <= FLOAT64_RELATIVE
    ]


def float32_disagreements(seed: int) -> list[str]:
    """Hold the results of a graph together: of a single one TensorFlow may be lucky."""
    found, results = compared(seed, "float32")
    if not results:
        return found
    ours = root_mean_square(off for off, _ in results.values())
    theirs = root_mean_square(golden.error / scale(golden) for _, golden in results.values())
    jitter = root_mean_square(g.sensitivity / scale(g) for _, g in results.values())
    if not ours <= max(FLOAT32_TIMES_TENSORFLOW * theirs, FLOAT32_FLOOR + jitter):
        name = max(results, key=lambda name: results[name][0])
        found.append(
            f"seed {seed}: off by {ours:.2e}, TensorFlow by {theirs:.2e}; the most in {name}"
        )
    return found


def root_mean_square(values: Iterable[float]) -> float:
    return float(np.sqrt(np.mean(np.square(list(values)))))


def of_family(family: str, disagreements: Callable[[int], list[str]]) -> None:
    seeds = [seed for seed in recorded() if family_of(seed) == family]
    assert seeds
    if found := [line for seed in seeds for line in disagreements(seed)]:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.usefixtures("losses_of_float64")
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_float64_agrees_with_tensorflow(family):
    of_family(family, float64_disagreements)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_float32_is_at_most_twice_as_far_off_as_tensorflow(family):
    of_family(family, float32_disagreements)


def test_more_than_500_graphs_are_recorded_in_less_than_a_megabyte():
    assert len(recorded()) >= 520
    assert goldens.PATH.stat().st_size < 1_000_000


@pytest.mark.usefixtures("losses_of_float64")
def test_a_result_that_differs_is_seen():
    seed, due = next(iter(recorded().items()))
    loss = due["loss"]
    assert not float64_disagreements(seed)
    try:
        due["loss"] = goldens.Golden(loss.value * (1 + 3e-9), loss.error, loss.sensitivity)
        (found,) = float64_disagreements(seed)
    finally:
        due["loss"] = loss
    assert re.match(f"seed {seed}: loss is off by", found)


def test_goldens_keep_ten_digits(tmp_path):
    values = np.array([1 / 3, -1e-30, 0.0, 2.0**0.5 * 1e12])
    path = tmp_path / "goldens.npz"
    goldens.save(
        {7: {"a": goldens.Golden(values, 1.0, 2.0), "b": goldens.Golden(None, 0, 0)}}, path
    )
    read = goldens.load(path)[7]
    np.testing.assert_allclose(read["a"].value, values, rtol=1e-11)
    assert (read["a"].error, read["a"].sensitivity, read["b"].value) == (1.0, 2.0, None)
