"""Training cubes: the article's steps, NumPy's best and ours, beside a memcpy of as many bytes.

usage: python benches/cubes.py [--rounds N] [--seconds S] [--smoke] [--out FILE]

100 frames of 1000 x 1000 random floats; a cube is the first 100 rows of 100 random columns of each.
Prints cubes a second of each step; ours beside memcpy (same threads, as many bytes read from all
over the same arena and written to the same ring of 4 cubes), with cubes held to NumPy's indexing,
bit for bit; and how ours grows with threads. Writes benches/results/cubes.json.
"""

import argparse
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np

from gather import steps
from gather.ours import RING, Copy, Ours, streams, use_threads, wrong
from harness import machine, results

COPY_SHARE_MIN = 0.8
FANCY_RATIO_MIN, TAKE_RATIO_MIN = 8, 1.5
CHECKED = 3
# Times that a round writes the ring: the first finds in the caches what another maker left there.
PASSES = 16
# The article's machine, and what two sockets of six channels of DDR4-2666 copy, read plus written.
ARTICLE_RATE, ARTICLE_VCPUS, ARTICLE_COPY = 2027, 80, 200e9
FILES = 10


def main() -> None:
    """Run all, print it and write it down."""
    options = arguments()
    size = steps.SMOKE if options.smoke else steps.ARTICLE
    threads = machine.cpu_count()
    outcome = {"machine": machine.facts(), "threads": threads, "size": vars(size)}
    outcome["versions"] = machine.versions(["numpy", "pandas", "pyarrow"])
    outcome["load_before"] = outcome["machine"]["load_average"]
    print(f"{outcome['machine']['cpu']}, {threads} CPUs, load {outcome['load_before']:.1f}")
    outcome["cases"] = []
    for dtype in ("float64", "float32"):
        arena = made_arena(size, dtype)
        outcome["cases"] += run_dtype(arena, size, threads, options)
        if dtype == "float64":
            outcome["steps"] = run_steps(arena, size, threads, options)
            outcome["scaling"] = run_scaling(arena, size, threads, options)
        del arena
    describe(outcome)
    outcome["claims"] = claims(outcome)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds of ours and memcpy")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each step of the article")
    parser.add_argument("--smoke", action="store_true", help="a tiny size, one round")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.seconds = 1, 0.01
    elif options.out is None:
        options.out = results.RESULTS / "cubes.json"
    return options


def made_arena(size: steps.Size, dtype: str) -> np.ndarray:
    """Return random frames as (frame, column, row)."""
    rng = np.random.default_rng(0)
    arena = np.empty((size.frames, size.side, size.side), dtype)
    for frame in arena:
        rng.random(out=frame, dtype=dtype)
    return arena


def run_dtype(
    arena: np.ndarray, size: steps.Size, threads: int, options: argparse.Namespace
) -> list[dict[str, object]]:
    """Time both streams of one precision in turns with memcpy."""
    use_threads(threads)
    made = streams(arena, size)
    ring = made["shared"].empty(RING)
    makers = {name: Ours(cubes, ring) for name, cubes in made.items()}
    rates = in_turns({"memcpy": Copy(arena, ring, threads), **makers}, options.rounds, size)
    return [
        {
            "dtype": str(arena.dtype),
            "columns": name,
            "cubes_per_second": statistics.median(rates[name]),
            "memcpy_per_second": statistics.median(rates["memcpy"]),
            "of_memcpy": ratio(rates[name], rates["memcpy"]),
            "wrong_cubes": wrong(cubes, arena, range(10**6, 10**6 + CHECKED)),
        }
        for name, cubes in made.items()
    ]


def in_turns(
    makers: dict[str, Callable[[int], None]], rounds: int, size: steps.Size
) -> dict[str, list[float]]:
    """Return cubes a second of each maker, round by round, after one round of warm-up."""
    cubes = RING if size is steps.SMOKE else PASSES * RING
    rates: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds + 1):
        for name, make in makers.items():
            start = time.perf_counter()
            make(cubes)
            rates[name].append(cubes / (time.perf_counter() - start))
    return {name: found[1:] for name, found in rates.items()}


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over rounds of the ratio of two rates."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def run_steps(
    arena: np.ndarray, size: steps.Size, threads: int, options: argparse.Namespace
) -> dict[str, float]:
    """Return cubes a second of the article's steps and of NumPy's best."""
    stacked = np.ascontiguousarray(arena.transpose(0, 2, 1))
    n_files = 2 if size is steps.SMOKE else FILES
    found = {}
    with tempfile.TemporaryDirectory(prefix="ferrule-bench-") as folder:
        naive = steps.files_each_time(size, pathlib.Path(folder), n_files)
        found["files read for every cube"] = rate(naive, 0)
    seconds = options.seconds
    found["dict of frames"] = rate(steps.dict_of_frames(size, stacked), seconds)
    shared, layers = steps.fancy_shared, steps.fancy_per_layer
    found["NumPy, shared"] = rate(shared(size, stacked), seconds)
    several = steps.threaded(lambda: shared(size, stacked), threads)
    found[f"NumPy, shared, {threads} threads"] = threads * rate(several, seconds)
    found["NumPy, per layer"] = rate(layers(size, stacked), seconds)
    found["NumPy take(out=), per layer"] = rate(steps.take_per_layer(size, arena), seconds)
    several = steps.threaded(lambda: steps.take_per_layer(size, arena), threads)
    found[f"NumPy take(out=), per layer, {threads} threads"] = threads * rate(several, seconds)
    return found


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often a second `work` is done; once more, first, where there is time for it."""
    if seconds:
        work()
    times, start = 0, time.perf_counter()
    while times == 0 or time.perf_counter() - start < seconds:
        work()
        times += 1
    return times / (time.perf_counter() - start)


def run_scaling(
    arena: np.ndarray, size: steps.Size, threads: int, options: argparse.Namespace
) -> list[dict[str, float]]:
    """Time ours and memcpy, columns per layer, with 1 thread, 2, 4, … and all."""
    counts = sorted({*(2**k for k in range(10) if 2**k < threads), threads})
    found = []
    for count in counts:
        use_threads(count)
        cubes = streams(arena, size)["per_layer"]
        ring = cubes.empty(RING)
        makers = {"memcpy": Copy(arena, ring, count), "ours": Ours(cubes, ring)}
        rates = in_turns(makers, max(1, options.rounds // 2), size)
        medians = {name: statistics.median(values) for name, values in rates.items()}
        found.append({"threads": count, **medians})
    return found


def describe(outcome: dict[str, object]) -> None:
    """Print the figures."""
    first = outcome["steps"]["files read for every cube"]
    rows = [[name, f"{r:,.2f}", f"{r / first:,.0f}"] for name, r in outcome["steps"].items()]
    for case in outcome["cases"]:
        name = f"ferrule, {case['columns']}, {case['dtype']}, {outcome['threads']} threads"
        r = case["cubes_per_second"]
        rows.append([name, f"{r:,.0f}", f"{r / first:,.0f}"])
    print("\n" + results.table(["step", "cubes/s", "x first"], rows))
    rows = [
        [
            f"{case['dtype']}, {case['columns']}",
            f"{case['cubes_per_second']:,.0f}",
            f"{case['memcpy_per_second']:,.0f}",
            f"{case['of_memcpy']:.2f}",
            str(case["wrong_cubes"]),
        ]
        for case in outcome["cases"]
    ]
    print("\n" + results.table(["ours", "cubes/s", "memcpy", "of memcpy", "wrong"], rows))
    rows = [
        [str(row["threads"]), f"{row['ours']:,.0f}", f"{row['memcpy']:,.0f}"]
        for row in outcome["scaling"]
    ]
    print("\n" + results.table(["threads", "ours", "memcpy"], rows))
    print("\n" + on_the_articles_machine(outcome))


def on_the_articles_machine(outcome: dict[str, object]) -> str:
    """Say what the article's machine would do, were it held to what it copies a second."""
    share = min(case["of_memcpy"] for case in outcome["cases"] if case["dtype"] == "float64")
    copied = 2 * 8 * outcome["size"]["edge"] ** 3
    outcome["article_machine"] = share * ARTICLE_COPY / copied
    return (
        f"{ARTICLE_VCPUS} vCPU that copy {ARTICLE_COPY / 1e9:.0f} GB/s, at {share:.2f} of memcpy:"
        f" {outcome['article_machine']:,.0f} float64 cubes/s (the article: {ARTICLE_RATE:,})"
    )


def claims(outcome: dict[str, object]) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    found = []
    for case in outcome["cases"]:
        name = f"{case['dtype']} {case['columns']}: "
        found.append(results.claim(name + "wrong cubes", case["wrong_cubes"], below=1))
        found.append(results.claim(name + "of memcpy", case["of_memcpy"], at_least=COPY_SHARE_MIN))
    ours = next(
        case["cubes_per_second"]
        for case in outcome["cases"]
        if (case["dtype"], case["columns"]) == ("float64", "per_layer")
    )
    took = outcome["steps"]
    fancy = took["NumPy, per layer"]
    best = max(r for name, r in took.items() if "take" in name)
    found.append(results.claim("x NumPy, per layer", ours / fancy, at_least=FANCY_RATIO_MIN))
    found.append(results.claim("x NumPy's best take(out=)", ours / best, at_least=TAKE_RATIO_MIN))
    return found


if __name__ == "__main__":
    main()
