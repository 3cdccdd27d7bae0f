"""Contenders in processes of their own, timed in turn on the same samples."""

import importlib.util
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fit.cases import Shape, inertia, initial_centers, samples

BENCHES = pathlib.Path(__file__).resolve().parents[1]
BUILT = BENCHES.parent / ".bench" / "target" / "release"
OURS = "ferrule"
LINFA = "linfa"
# The judge of the answers is not timed: scikit-learn on the same numbers in float64.
JUDGE = "scikit-learn float64"
CONTENDERS = [
    OURS,
    "ferrule lloyd",
    "scikit-learn lloyd",
    "scikit-learn elkan",
    "scikit-learn-intelex",
    "faiss",
    LINFA,
]
MODULES = {"scikit-learn": "sklearn", "scikit-learn-intelex": "sklearnex", OURS: "ferrule"}
# Idle OpenMP threads spin for up to 0.2 s after their work, at the cost of whoever comes next.
SETTLE_SECONDS = 0.3
# Beyond this many multiply-adds a fit, linfa takes minutes and is left out unless asked for.
LINFA_WORK_MAX = 2e10


@dataclass
class Record:
    """What one contender did on one case. By round; round 0 is the warm-up."""

    versions: dict[str, str]
    seconds: dict[int, float] = field(default_factory=dict)
    limits: dict[int, float] = field(default_factory=dict)
    iterations: int | None = None
    own_inertia: float = float("nan")
    inertia: float = float("nan")
    extra_bytes: int = 0

    @property
    def median(self) -> float:
        """Seconds of a fit: the warm-up counts only where there is nothing else."""
        return statistics.median([t for r, t in self.seconds.items() if r] or [self.seconds[0]])

    def rates(self, work: float) -> tuple[float, float, float]:
        """Return the medians of `work` a second, of the limit, and of the one by the other."""
        rounds = [r for r in self.limits if r] or list(self.limits)
        ours = [work / self.seconds[r] for r in rounds]
        limits = [self.limits[r] for r in rounds]
        shares = [rate / limit for rate, limit in zip(ours, limits, strict=True)]
        return statistics.median(ours), statistics.median(limits), statistics.median(shares)

    def ratio_to(self, ours: "Record") -> float:
        """Return how many times as long as ours it took, by the rounds that both ran."""
        both = [r for r in self.seconds if r and r in ours.seconds]
        if not both:
            return self.median / ours.median
        return statistics.median(self.seconds[r] / ours.seconds[r] for r in both)


class Worker:
    """A contender's process, its samples loaded."""

    def __init__(self, name: str, shape: Shape, folder: pathlib.Path) -> None:
        self.out = folder / f"{name}.centers"
        files = [str(folder / "samples"), str(folder / "centers")]
        sizes = [str(shape.rows), str(shape.columns), str(shape.clusters), shape.dtype]
        self.process = subprocess.Popen(
            [*_program(name), *files, *sizes, str(self.out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.record = Record(self._line())

    def fit(self, iterations: int, turn: int) -> None:
        """Fit once and note what it took; the first fit is also watched for memory."""
        before = self._reset_peak() if turn == 0 else 0
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        answer = self._line()
        if turn == 0:
            self.record.extra_bytes = self._memory("VmHWM") - before
        self.record.seconds[turn] = answer["seconds"]
        self.record.own_inertia = answer["inertia"]
        self.record.iterations = answer.get("iterations")

    def stop(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait(60)

    def _line(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[:3]} died: see its message above")
        return json.loads(line)

    def _reset_peak(self) -> int:
        """Make the kernel forget the peak so far; return the bytes resident now."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def _memory(self, key: str) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+)", status)[1]) * 1024


def available(names: list[str]) -> list[str]:
    """Return the contenders of `names` that can run here, ours and scikit-learn's first."""
    return [name for name in CONTENDERS if name in names and _is_here(name)]


def run(
    shape: Shape,
    data: str,
    names: list[str],
    rounds: int,
    budget: float,
    folder: pathlib.Path,
    limit: Callable[[np.ndarray], float],
) -> dict[str, Record]:
    """Time the contenders in interleaved rounds; return their records.

    All get the same samples, initial centres and number of iterations: `shape.iterations`, or
    fewer where the first contender's labels stand still earlier. One that has had `budget`
    seconds sits out the later rounds. Right after each fit of the first contender, `limit` of the
    samples measures the machine, whose clock drifts by a tenth within minutes.
    """
    x = samples(shape, data)
    x.tofile(folder / "samples")
    initial_centers(shape, x).tofile(folder / "centers")
    workers: dict[str, Worker] = {}
    judge = [JUDGE] if shape.dtype != "float64" and "scikit-learn lloyd" in names else []
    try:
        for name in names + judge:
            workers[name] = Worker(name, shape, folder)
        iterations = shape.iterations
        for turn in range(rounds + 1):
            for name, worker in workers.items():
                spent = budget if name == JUDGE else sum(worker.record.seconds.values())
                if turn == 0 or spent + worker.record.median <= budget:
                    time.sleep(SETTLE_SECONDS)
                    worker.fit(iterations, turn)
                    if name == names[0]:
                        worker.record.limits[turn] = limit(x)
                if turn == 0 and name == names[0]:
                    iterations = worker.record.iterations or iterations
        for worker in workers.values():
            centers = np.fromfile(worker.out, shape.dtype).reshape(shape.clusters, shape.columns)
            worker.record.inertia = inertia(x, centers)
    finally:
        for worker in workers.values():
            worker.stop()
    return {name: worker.record for name, worker in workers.items()}


def _program(name: str) -> list[str]:
    if name == LINFA:
        return [str(BUILT / "bench-linfa")]
    return [sys.executable, str(BENCHES / "fit" / "worker.py"), name]


def _is_here(name: str) -> bool:
    if name == LINFA:
        return (BUILT / "bench-linfa").exists()
    module = MODULES.get(name.split()[0], name)
    return importlib.util.find_spec(module) is not None
