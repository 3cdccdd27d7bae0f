"""What a graph gives: values, gradients, and the variables after each of three steps."""

from typing import Any

import numpy as np

from oracle.graphs import Case, build

STEPS = 3
Outcome = dict[str, np.ndarray | None]


def outcome(tf: Any, seed: int, dtype: str) -> Outcome:
    """Return all results of a seed's graph by name, in float64; None where a gradient is none."""
    with tf.Graph().as_default():
        case = build(tf, seed, dtype)
        with tf.Session() as session:
            session.run(case.initializer)
            return results(session, case, case.feeds)


def results(session: Any, case: Case, feeds: dict[Any, np.ndarray]) -> Outcome:
    """Run a graph whose variables are what they are at first."""
    there = {name: tensor for name, tensor in case.fetches.items() if tensor is not None}
    values = session.run(there, feeds)
    found = {name: values.get(name) for name in case.fetches}
    for step in range(1, STEPS + 1):
        session.run(case.train_op, fed_at(case, feeds, step))
        after = session.run(case.variables)
        found |= {f"{name} after step {step}": after[name] for name in case.variables}
    return {name: None if v is None else np.asarray(v, np.float64) for name, v in found.items()}


def fed_at(case: Case, feeds: dict[Any, np.ndarray], step: int) -> dict[Any, np.ndarray]:
    """Return what a step is fed: integers change, so that it gathers other rows."""
    changed = {tensor: (feeds[tensor] + step - 1) % end for tensor, end in case.ends.items()}
    return feeds | changed
