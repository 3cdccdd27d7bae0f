"""A contender's process: answers lines `TASK NUMBER` with the seconds of so many steps."""

import json
import sys
import time

from dense.contenders import build
from dense.task import TASKS


def main() -> None:
    """Build what is asked for, step, answer."""
    name = sys.argv[1]
    built: dict[int, tuple] = {}
    for line in sys.stdin:
        place, steps = map(int, line.split())
        if place not in built:
            built.clear()
            built[place] = build(name, TASKS[place])
        step, number = built[place]
        started = time.perf_counter()
        for _ in range(steps):
            made = step()
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "number": number(made)}), flush=True)


if __name__ == "__main__":
    main()
