"""Where the time of our step goes: what Python does around it, and what a call costs by itself."""

import time
from collections.abc import Callable

import numpy as np

import ferrule.flow.compat.v1 as tf
from step.contenders.ferrule_session import Ferrule
from step.task import XS, YS

REPEATS, PASSES = 2_000, 200
LOOP_STEPS = 20_000


def parts(ours: Ferrule) -> dict[str, float]:
    """Return nanoseconds by part, each the least of several passes."""
    session, train_op, x, y = ours.session, ours.train_op, ours.x, ours.y
    ready = {x: XS[1], y: YS[1]}
    total = ours.w + 1.0
    table = {1: 1}
    array_fed = {x: np.float32(XS[1]), y: np.float32(YS[1])}
    identity = tf.identity(x)

    def samples(count: int) -> None:
        for i in range(count):
            XS[i % 32], YS[i % 32]

    def samples_in_dict(count: int) -> None:
        for i in range(count):
            {x: XS[i % 32], y: YS[i % 32]}

    def bare_method(count: int) -> None:
        get = table.get
        for _ in range(count):
            get(1)

    def run_sum(count: int) -> None:
        run = session.run
        for _ in range(count):
            run(total)

    def run_identity(count: int) -> None:
        run = session.run
        one = {x: XS[1]}
        for _ in range(count):
            run(identity, one)

    def run_ready(count: int) -> None:
        run = session.run
        for _ in range(count):
            run(train_op, ready)

    def run_ready_numpy(count: int) -> None:
        run = session.run
        for _ in range(count):
            run(train_op, array_fed)

    def nothing(count: int) -> None:
        for _ in range(count):
            pass

    found = {
        "a pass of the loop": least(nothing),
        "two samples looked up, and the loop": least(samples),
        "these in a dict": least(samples_in_dict),
        "a bare C method": least(bare_method),
        "run(c) of a sum with a variable": least(run_sum),
        "run(identity of a placeholder), one float fed": least(run_identity),
        "run(train_op), two floats fed by a ready dict": least(run_ready),
        "run(train_op), two NumPy scalars fed by a ready dict": least(run_ready_numpy),
        "whole step": least(ours.learn),
    }
    found["a step inside run_many"] = inside(ours)
    return found


def least(work: Callable[[int], None]) -> float:
    """Return the nanoseconds of one of the repeats, in the quickest of the passes."""
    work(REPEATS // 10)
    times = []
    for _ in range(PASSES):
        start = time.perf_counter_ns()
        work(REPEATS)
        times.append((time.perf_counter_ns() - start) / REPEATS)
    return min(times)


def inside(ours: Ferrule) -> float:
    """Return the nanoseconds of a step that Python does not see."""
    feeds = {ours.x: np.full(LOOP_STEPS, XS[1], np.float32)}
    feeds[ours.y] = np.full(LOOP_STEPS, YS[1], np.float32)
    times = []
    for _ in range(PASSES):
        start = time.perf_counter_ns()
        ours.session.run_many(ours.train_op, feeds, steps=LOOP_STEPS)
        times.append((time.perf_counter_ns() - start) / LOOP_STEPS)
    return min(times)
