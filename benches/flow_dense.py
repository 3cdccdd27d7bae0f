"""Dense training steps and element-wise chains: ours beside torch and JAX, on two threads.

usage: python benches/flow_dense.py [--task TEXT] [--rounds N] [--seconds S] [--smoke] [--out FILE]

An MLP 784-256-10 at batch 1, 32 and 512 and a CNN at 32, trained by SGD; chains of additions,
products and maxima on 1e3 to 1e7 float32. Each contender is a process of its own; all start from
the same numbers, and the loss after the same steps must be the same. They are timed in turn, round
by round; a ratio is the median over rounds. Then the rate beside the machine's measured peak.
A peer that is not installed is left out. Writes benches/results/flow_dense.json.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys

import numpy as np

from dense.contenders import CONTENDERS
from dense.task import TASKS, Task
from harness import machine, results

CHECKED_STEPS = 5
CHECKED_OFF_MAX = 2e-3
EAGER, COMPILED = "ferrule eager", "ferrule function"
PEAK_SHARE, MEMORY_SHARE = 0.7, 0.8


class Contender:
    """A contender's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "dense.worker", name]
        here = pathlib.Path(__file__).parent
        self.process = subprocess.Popen(
            command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, place: int, steps: int) -> dict:
        """Take steps of a task; return the seconds and the number of the last."""
        self.process.stdin.write(f"{place} {steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended with code {self.process.wait()}")

    def settle(self, place: int, seconds: float) -> int:
        """Return how many steps take so long."""
        steps = 3
        for _ in range(4):
            taken = self.ask(place, steps)["seconds"]
            steps = max(3, int(steps * min(seconds / taken, 50)))
        return steps


def main() -> None:
    """Time all tasks, print, write down."""
    options = arguments()
    names = [name for name, (_, needs) in CONTENDERS.items() if all(map(is_there, needs))]
    contenders = [Contender(name) for name in names]
    outcome = {"machine": machine.facts(), "cases": [], "claims": []}
    outcome["peaks"] = peaks(options)
    print(f"{outcome['machine']['cpu']}; peaks: {outcome['peaks']}")
    for place, task in enumerate(TASKS):
        if options.task in task.name:
            case = run_case(place, task, contenders, options)
            print(describe(case), flush=True)
            outcome["cases"].append(case)
            outcome["claims"] += claims(task, case, outcome["peaks"])
    for contender in contenders:
        contender.process.stdin.close()
    results.report(outcome, options.out)


def is_there(package: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="", help="only tasks with this in their name")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one timing")
    parser.add_argument("--smoke", action="store_true", help="a quick look that proves nothing")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.seconds = 1, 0.02
    elif not options.task and not options.out:
        options.out = results.RESULTS / "flow_dense.json"
    return options


def peaks(options: argparse.Namespace) -> dict[str, float]:
    """Measure NumPy's sgemm and a copy on two threads: GFLOP/s and GB/s."""
    size, elements = (512, 10**6) if options.smoke else (4096, 10**7)
    return {
        "sgemm GFLOP/s": machine.gemm_rate(np.dtype("float32"), *3 * [size], options.seconds),
        "copy GB/s": machine.copy_bandwidth(elements * 4, options.seconds),
    }


def run_case(
    place: int, task: Task, contenders: list[Contender], options: argparse.Namespace
) -> dict:
    """Check that the contenders agree, then time them in turn."""
    firsts = {one.name: one.ask(place, CHECKED_STEPS)["number"] for one in contenders}
    ours = firsts[EAGER]
    for name, number in firsts.items():
        if not abs(number - ours) <= CHECKED_OFF_MAX * abs(ours):
            raise SystemExit(f"{task.name}: {name} gives {number}, {EAGER} {ours}")
    steps = {one.name: one.settle(place, options.seconds) for one in contenders}
    seconds: dict[str, list[float]] = {one.name: [] for one in contenders}
    for _ in range(options.rounds):
        for one in contenders:
            taken = one.ask(place, steps[one.name])["seconds"]
            seconds[one.name].append(taken / steps[one.name])
    median = {name: statistics.median(all_) for name, all_ in seconds.items()}
    ratios = {
        ours: {
            name: statistics.median(
                b / a for a, b in zip(seconds[ours], seconds[name], strict=True)
            )
            for name in seconds
        }
        for ours in (EAGER, COMPILED)
    }
    rates = {name: task.operations / taken / 1e9 for name, taken in median.items()}
    return {"task": task.name, "seconds": median, "ratios": ratios, "rates": rates}


def describe(case: dict) -> str:
    """Return a table of a task's times."""
    unit = "GB/s" if case["task"].startswith("chain") else "GFLOP/s"
    rows = [
        [
            name,
            f"{1e6 * seconds:.1f}",
            f"{case['ratios'][EAGER][name]:.2f}",
            f"{case['ratios'][COMPILED][name]:.2f}",
            f"{case['rates'][name]:.1f}",
        ]
        for name, seconds in case["seconds"].items()
    ]
    head = ["", "us a step", "x our eager", "x our function", unit]
    return f"\n{case['task']}\n{results.table(head, rows)}"


def claims(task: Task, case: dict, peaks: dict[str, float]) -> list[dict]:
    """Return what is claimed of a task, and whether it held."""
    made, ratios = [], case["ratios"]
    if task.kind == "mlp" and task.size <= 32:
        for ours, peer in ((EAGER, "torch eager"), (COMPILED, "torch compile")):
            if peer in ratios[ours]:
                got = ratios[ours][peer]
                made.append(results.claim(f"{task.name}: {ours}, x {peer}", got, at_least=2))
        return made
    peers = {name: ratio for name, ratio in ratios[COMPILED].items() if "ferrule" not in name}
    if peers:
        best = min(peers, key=peers.get)
        made.append(results.claim(f"{task.name}: x {best}", peers[best], at_least=0.9))
    if task.kind != "chain":
        share = case["rates"][COMPILED] / peaks["sgemm GFLOP/s"]
        made.append(results.claim(f"{task.name}: share of sgemm", share, at_least=PEAK_SHARE))
    elif task.size == 10**7:
        share = case["rates"][COMPILED] / peaks["copy GB/s"]
        made.append(results.claim(f"{task.name}: share of a copy", share, at_least=MEMORY_SHARE))
    return made


if __name__ == "__main__":
    main()
