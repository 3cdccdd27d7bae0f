"""A million cubes to a checksum: in constant memory, interrupted, killed and resumed.

usage: python benches/cubes_million.py [-n CUBES] [--dtype D] [--no-reference] [--smoke]
                                       [--out FILE]

Makes a stack of 100 frames of 1000 x 1000, and runs `ferrule data cubes STACK -n N --sink checksum
--state FILE` with cubes of 100 x 100 x 100: stopped by Ctrl-C after a fifth, killed by SIGKILL
after two fifths, and resumed to the end; then once more in one go. Prints cubes a second, the most
memory that was resident beside the stack, how long Ctrl-C took, and whether both checksums are the
same.
"""

import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

from gather import steps
from harness import machine, results

# Beside the stack's own pages.
RSS_MAX_MB = 200
# 200 ms, and what the end of the interpreter adds on a machine with other work.
CTRL_C_SECONDS_MAX = 0.5
POLL_SECONDS = 0.05


def main() -> None:
    """Run all, print it and write it down."""
    options = arguments()
    size = steps.SMOKE if options.smoke else steps.ARTICLE
    outcome = {"machine": machine.facts(), "n": options.n, "dtype": options.dtype}
    with tempfile.TemporaryDirectory(prefix="ferrule-bench-") as folder:
        stack = pathlib.Path(folder) / "frames.safetensors"
        save_stack(stack, size, options.dtype)
        command = Command(stack, size, options.n)
        outcome["broken"] = command.broken_run(stack.with_name("broken.json"))
        print(json.dumps(outcome["broken"], indent=1), flush=True)
        if options.reference:
            outcome["whole"] = command.run(stack.with_name("whole.json"))
            print(json.dumps(outcome["whole"], indent=1), flush=True)
    outcome["claims"] = claims(outcome)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1_000_000, help="cubes")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float32")
    parser.add_argument("--no-reference", dest="reference", action="store_false")
    parser.add_argument("--smoke", action="store_true", help="a tiny size")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    if options.smoke:
        options.n = 400_000
    elif options.out is None:
        options.out = results.RESULTS / "cubes_million.json"
    return options


def save_stack(path: pathlib.Path, size: steps.Size, dtype: str) -> None:
    """Save random frames, in a process of its own so that their memory is gone."""
    code = (
        "import sys, numpy as np; from ferrule.data import FrameStack\n"
        "path, frames, side, dtype = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]\n"
        "values, rng = np.empty((frames, side, side), dtype), np.random.default_rng(0)\n"
        "for frame in values: rng.random(out=frame, dtype=dtype)\n"
        "FrameStack(values).save(path)\n"
    )
    sizes = [str(size.frames), str(size.side), dtype]
    subprocess.run([sys.executable, "-c", code, str(path), *sizes], check=True)


class Command:
    """`ferrule data cubes` on one stack."""

    def __init__(self, stack: pathlib.Path, size: steps.Size, n: int) -> None:
        self._n = n
        shape = ",".join([str(size.edge)] * 3)
        code = "import sys; from ferrule.cli import main; sys.exit(main())"
        self._words = [sys.executable, "-c", code, "data", "cubes", str(stack), "-n", str(n)]
        self._words += ["--shape", shape, "--sink", "checksum", "--json"]

    def run(self, state: pathlib.Path) -> dict[str, object]:
        """Run to the end."""
        process = self._start(state)
        most = watch(process, lambda: False)
        return self._told(process) | {"rss_mb": most}

    def broken_run(self, state: pathlib.Path) -> dict[str, object]:
        """Interrupt it, kill it, and resume it to the end."""
        first = self._start(state)
        most = watch(first, lambda: made(state) >= self._n // 5)
        asked = time.perf_counter()
        first.send_signal(signal.SIGINT)
        first.communicate()
        seconds = time.perf_counter() - asked
        interrupted = {"code": first.returncode, "seconds": seconds, "made": made(state)}
        second = self._start(state)
        most = max(most, watch(second, lambda: made(state) >= 2 * self._n // 5))
        second.kill()
        second.communicate()
        killed = made(state)
        last = self._start(state)
        most = max(most, watch(last, lambda: False))
        found = self._told(last)
        return {**found, "interrupted": interrupted, "killed_at": killed, "rss_mb": most}

    def _start(self, state: pathlib.Path) -> subprocess.Popen:
        words = [*self._words, "--state", str(state)]
        # A process started in the background of a shell inherits that it ignores Ctrl-C.
        heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=heed)

    @staticmethod
    def _told(process: subprocess.Popen) -> dict[str, object]:
        out, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"ferrule data cubes failed with {process.returncode}")
        return json.loads(out)


def watch(process: subprocess.Popen, enough: Callable[[], bool]) -> float:
    """Wait for the end or until it is enough; return the most MB resident beside mapped files."""
    most = 0.0
    while process.poll() is None and not enough():
        most = max(most, resident_mb(process.pid))
        time.sleep(POLL_SECONDS)
    return most


def resident_mb(pid: int) -> float:
    """Return what a process holds of memory that is no file's."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def made(state: pathlib.Path) -> int:
    """Return how many cubes the state file knows of."""
    ranges = json.loads(state.read_text())["ranges"] if state.exists() else []
    return sum(done["next"] - done["start"] for done in ranges)


def claims(outcome: dict[str, object]) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    broken, n = outcome["broken"], outcome["n"]
    found = [
        results.claim("exit code of Ctrl-C", broken["interrupted"]["code"], at_least=130),
        results.claim(
            "s from Ctrl-C to the end", broken["interrupted"]["seconds"], below=CTRL_C_SECONDS_MAX
        ),
        results.claim("cubes kept by kill -9", broken["killed_at"], at_least=2 * n // 5),
        results.claim("cubes missing", broken["missing"], below=1),
        results.claim("MB resident beside the stack", broken["rss_mb"], below=RSS_MAX_MB),
    ]
    if "whole" in outcome:
        same = broken["total_checksum"] == outcome["whole"]["total_checksum"]
        found.append(results.claim("same checksum in one go", float(same), at_least=1))
    return found


if __name__ == "__main__":
    main()
