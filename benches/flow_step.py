"""One step of one-sample linear regression: ours beside MiniFlow, TensorFlow, torch and JAX.

usage: python benches/flow_step.py [--rounds N] [--seconds S] [--peers NAMES] [--smoke] [--out FILE]

A unit is one `run(train_op, feed_dict)` with two scalars fed, or what comes nearest to it in the
contender's way. Each contender is a process of its own; all start at w = b = 0 and first take the
same steps, after which w and b must be those of float64 arithmetic, by as much as float32 rounds.
They are timed in turn, round by round; a ratio is the median over rounds. Then the parts of our
step, in nanoseconds. A peer that is not installed is left out.
Writes benches/results/flow_step.json.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys

from harness import machine, results
from step.contenders import CONTENDERS, PACKAGES
from step.task import by_hand

OURS, OUR_LOOP = "ferrule", "ferrule run_many"
CHECKED_STEPS = 3200
CHECKED_OFF_MAX = 1e-5
# What has a ratio to reach, and to which of ours.
RATIO_MIN = {"miniflow": (OURS, 6), "tf.compat.v1": (OURS, 500), "jax fori_loop": (OUR_LOOP, 1)}
RUN_SUM_NS_MAX = 110
FIRST_TRY_STEPS = 200


class Contender:
    """A contender's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "step.worker", name]
        here = pathlib.Path(__file__).parent
        self.process = subprocess.Popen(
            command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.steps = 0
        self.rounds: list[float] = []  # nanoseconds a step

    def ask(self, what: object) -> dict:
        """Send a line; return what the process answers."""
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended with code {self.process.wait()}")

    def check(self) -> dict[str, float]:
        """Hold w and b after the first steps to float64 arithmetic; return them."""
        answer = self.ask(CHECKED_STEPS)
        due = by_hand(CHECKED_STEPS)
        off = max(abs(answer["w"] - due[0]), abs(answer["b"] - due[1]))
        if not off <= CHECKED_OFF_MAX * max(map(abs, due)):
            raise SystemExit(f"{self.name} learns {answer}, which is not {due}")
        return {"w": answer["w"], "b": answer["b"]}

    def settle(self, seconds: float) -> None:
        """Find how many steps take so long, and take them once."""
        self.steps = FIRST_TRY_STEPS
        for _ in range(4):
            self.ask(self.steps)
            taken = self.ask(self.steps)["seconds"]
            self.steps = max(FIRST_TRY_STEPS, int(self.steps * min(seconds / taken, 100)))
        self.ask(self.steps)

    def round(self) -> None:
        """Time the steps once more."""
        self.rounds.append(1e9 * self.ask(self.steps)["seconds"] / self.steps)

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Run all, print it and write it down."""
    options = arguments()
    outcome = {"machine": machine.facts(), "skipped": missing(options.peers)}
    packages = ["jax", "miniflow", "numpy", "tensorflow-cpu", "torch"]
    outcome["versions"] = machine.versions(packages)
    print(f"{outcome['machine']['cpu']}, load {outcome['machine']['load_average']:.1f}")
    for name in outcome["skipped"]:
        print(f"{name} is left out: {PACKAGES[name]} is not installed")
    contenders = {
        name: Contender(name)
        for name in CONTENDERS
        if name not in outcome["skipped"] and (name not in PACKAGES or name in options.peers)
    }
    try:
        outcome["learned"] = {name: one.check() for name, one in contenders.items()}
        for one in contenders.values():
            one.settle(options.seconds)
        for _ in range(options.rounds):
            for one in contenders.values():
                one.round()
        outcome["parts ns"] = contenders[OURS].ask("parts")
    finally:
        for one in contenders.values():
            one.close()
    outcome["steps"] = {name: figures(one, contenders) for name, one in contenders.items()}
    outcome["claims"] = claims(outcome)
    describe(outcome)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="after a warm-up")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each contender a round")
    parser.add_argument("--peers", default=",".join(PACKAGES), help="names, with commas between")
    parser.add_argument("--smoke", action="store_true", help="few steps, one round")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name]
    if unknown := set(options.peers) - set(PACKAGES):
        parser.error(f"no peers named {sorted(unknown)}; there are {sorted(PACKAGES)}")
    if options.smoke:
        options.rounds, options.seconds = 1, 0.01
    elif options.out is None and len(options.peers) == len(PACKAGES):
        options.out = results.RESULTS / "flow_step.json"
    return options


def missing(peers: list[str]) -> list[str]:
    """Return the peers that are asked for and not installed."""
    return [name for name in peers if importlib.util.find_spec(PACKAGES[name]) is None]


def figures(one: Contender, all_of: dict[str, Contender]) -> dict[str, float]:
    """Return what is reported of a contender: medians over the rounds."""
    found = {
        "ns": statistics.median(one.rounds),
        "least ns": min(one.rounds),
        "steps_per_second": 1e9 / statistics.median(one.rounds),
    }
    for ours in (OURS, OUR_LOOP):
        pairs = zip(one.rounds, all_of[ours].rounds, strict=True)
        found[f"x {ours}"] = statistics.median(a / b for a, b in pairs)
    return found


def claims(outcome: dict) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    found = [
        results.claim(f"x {peer}, {ours}", outcome["steps"][peer][f"x {ours}"], at_least=least)
        for peer, (ours, least) in RATIO_MIN.items()
        if peer in outcome["steps"]
    ]
    run_sum = outcome["parts ns"]["run(c) of a sum with a variable"]
    return [*found, results.claim("run(c), ns", run_sum, below=RUN_SUM_NS_MAX + 0.5)]


def describe(outcome: dict) -> None:
    """Print the figures as tables."""
    rows = [
        [
            name,
            f"{row['ns']:.0f}" if row["ns"] > 100 else f"{row['ns']:.1f}",
            f"{row['steps_per_second']:,.0f}",
            f"{row[f'x {OURS}']:.2f}",
            f"{row[f'x {OUR_LOOP}']:.2f}",
        ]
        for name, row in outcome["steps"].items()
    ]
    print("\n" + results.table(["", "ns a step", "steps/s", "x ours", "x our loop"], rows))
    parts = [[name, f"{ns:.1f}"] for name, ns in outcome["parts ns"].items()]
    print("\n" + results.table(["where the time goes", "ns"], parts))


if __name__ == "__main__":
    main()
