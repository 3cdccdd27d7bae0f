"""Records what TensorFlow makes of the random graphs of tests/oracle; `make oracle` runs it.

usage: python scripts/oracle.py [--seeds N] [--first N] [--out FILE]

Each graph is run in float64 (what is recorded), in float32 (how far off that is), and in float64
with inputs off by a rounding of float32 (how much that matters). A graph that is not finite, or on
which float32 says little, is left out and named.
"""

import argparse
import os
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402
from tensorflow.python.ops.losses import losses_impl  # noqa: E402

from oracle import goldens  # noqa: E402
from oracle.graphs import build, family_of  # noqa: E402
from oracle.outcomes import Outcome, results  # noqa: E402

# Relative to the norm, or to this where the norm is smaller.
NORM_MIN = 1e-3
OFF_MAX = 1e-4


def main() -> None:
    """Record the seeds asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=560)
    parser.add_argument("--out", type=pathlib.Path, default=goldens.PATH)
    options = parser.parse_args()
    tf.disable_v2_behavior()
    # The older kind may be read in part after an optimizer wrote it, in the same run.
    tf.enable_resource_variables()
    tf.logging.set_verbosity(tf.logging.ERROR)
    found = {}
    for seed in range(options.first, options.first + options.seeds):
        recorded = golden(seed)
        if isinstance(recorded, str):
            print(f"seed {seed} ({family_of(seed)}) is left out: {recorded}", flush=True)
        else:
            found[seed] = recorded
    goldens.save(found, options.out)
    size = options.out.stat().st_size
    print(f"{len(found)} graphs with TensorFlow {tf.__version__}: {options.out}, {size} bytes")


def golden(seed: int) -> dict[str, goldens.Golden] | str:
    """Return the results of a seed by name, or why they are of no use."""
    try:
        exact, jittered = exact_and_jittered(seed)
        (single,) = outcomes(seed, "float32")
    except LookupError as lacking:  # some operations have no second gradient in TensorFlow
        return str(lacking)
    if exact.keys() != single.keys() or _lacking(exact) != _lacking(single):
        return "other gradients in float32"
    rows = {}
    for name, value in exact.items():
        if value is None:
            rows[name] = goldens.Golden(None, 0.0, 0.0)
            continue
        error, sensitivity = (
            float(np.linalg.norm(other[name] - value)) for other in (single, jittered)
        )
        if not max(error, sensitivity) <= OFF_MAX * max(np.linalg.norm(value), NORM_MIN):
            return f"{name} is off by {error:.1e} in float32, by {sensitivity:.1e} with jitter"
        rows[name] = goldens.Golden(value, error, sensitivity)
    return rows


def exact_and_jittered(seed: int) -> list[Outcome]:
    """Return the results in float64, and those of inputs that are off by a rounding of float32."""
    with losses_of_float64():
        return outcomes(seed, "float64", lambda values: values, off_by_a_rounding)


def off_by_a_rounding(values: np.ndarray) -> np.ndarray:
    """Return the values one rounding of float32 up and down by turns; integers as they are."""
    if values.dtype.kind != "f":
        return values
    ways = 1 - 2 * (np.arange(values.size).reshape(values.shape) % 2)
    return values * (1 + ways * 2.0**-24)


def outcomes(seed: int, dtype: str, *changes: Callable) -> list[Outcome]:
    """Return the results of a seed for each change of its inputs (for them as they are)."""
    found = []
    with tf.Graph().as_default():
        case = build(tf, seed, dtype)
        with tf.Session(config=config()) as session:
            for change in changes or [lambda values: values]:
                session.run(case.initializer)
                for name, variable in case.variables.items():
                    variable.load(change(case.starts[name]), session)
                feeds = {tensor: change(values) for tensor, values in case.feeds.items()}
                found.append(results(session, case, feeds))
    return found


def config() -> tf.ConfigProto:
    """Return how TensorFlow runs a graph once: without first rewriting it."""
    made = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    made.graph_options.rewrite_options.disable_meta_optimizer = True
    made.graph_options.optimizer_options.opt_level = -1
    return made


def _lacking(results: Outcome) -> set[str]:
    return {name for name, value in results.items() if value is None}


@contextmanager
def losses_of_float64() -> Iterator[None]:
    """Let tf.losses compute in float64: TensorFlow's casts everything to float32."""
    dtypes = losses_impl.dtypes
    losses_impl.dtypes = types.SimpleNamespace(float32=tf.float64)
    try:
        yield
    finally:
        losses_impl.dtypes = dtypes


if __name__ == "__main__":
    main()
