"""One contender of `flow_step.py`, in a process of its own.

usage: python -m step.worker NAME

For each line of input, a number of steps, takes them and prints one line of JSON: the seconds, and
w and b afterwards. For the line `parts` (ours only) prints nanoseconds by part.
"""

import importlib
import json
import sys
import time

from step.contenders import CONTENDERS


def main() -> None:
    """Answer until the input ends."""
    module, kind = CONTENDERS[sys.argv[1]]
    learner = getattr(importlib.import_module(f"step.contenders.{module}"), kind)()
    for line in sys.stdin:
        if line.strip() == "parts":
            from step.parts import parts

            print(json.dumps(parts(learner)), flush=True)
            continue
        steps = int(line)
        start = time.perf_counter()
        learner.learn(steps)
        seconds = time.perf_counter() - start
        w, b = learner.learned()
        print(json.dumps({"seconds": seconds, "w": w, "b": b}), flush=True)


if __name__ == "__main__":
    main()
