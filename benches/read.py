"""Files into one array: pandas, polars, pyarrow and ours, with equal answers.

usage: python benches/read.py [--case TEXT] [--frames N] [--rounds N] [--smoke] [--out FILE]

100 frames of 1000 x 1000 random floats, written by pandas as Parquet and by pyarrow as CSV (as many
digits as it takes to read the same numbers). Each contender reads all of them from the page cache
into one float64 array, with every thread that it wants; the first round, a warm-up, holds each
frame of each contender to ours, bit for bit. Then the first 100 rows of each frame, from the
files that `ferrule.data.convert` makes of the Parquet. Writes benches/results/read.json.
"""

import argparse
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from ferrule.data import FrameStack, convert
from harness import machine, results

OURS = "ferrule"
PANDAS_RATIO_MIN = {"parquet": 3, "csv": 5}
HEAD_RATIO_MIN = 4
Reader = Callable[[list[pathlib.Path]], np.ndarray]


def main() -> None:
    """Write the files, read them, print and write down what came out."""
    options = arguments()
    outcome = {"machine": machine.facts(), "frames": options.frames, "side": options.side}
    outcome["versions"] = machine.versions(["numpy", "pandas", "polars", "pyarrow"])
    print(f"{outcome['machine']['cpu']}, load {outcome['machine']['load_average']:.1f}")
    with tempfile.TemporaryDirectory(prefix="ferrule-bench-") as folder:
        files = written(pathlib.Path(folder), options.frames, options.side)
        cases = {
            "parquet": (files["parquet"], all_rows(one_parquet)),
            "csv": (files["csv"], all_rows(one_csv)),
            "parquet, first rows": (files["converted"], first_rows(options.head)),
        }
        rounds = {
            name: contest(*case, options.rounds)
            for name, case in cases.items()
            if options.case in name
        }
    outcome["cases"] = {name: figures(options.frames, seconds) for name, seconds in rounds.items()}
    values = 8 * options.frames * options.side**2
    size = 1 << 24 if options.smoke else 1 << 29
    outcome["copy GB/s"] = machine.copy_bandwidth(size, 0.05 if options.smoke else 1)
    for name, case in outcome["cases"].items():
        print(f"\n{name}\n{describe(case)}")
    outcome["values GB/s"] = {
        name: values / case[OURS]["seconds"] / 1e9
        for name, case in outcome["cases"].items()
        if name in PANDAS_RATIO_MIN
    }
    made = ", ".join(f"{rate:.2f} of {name}" for name, rate in outcome["values GB/s"].items())
    print(f"\nours makes values, GB/s: {made}; all CPUs copy {outcome['copy GB/s']:.1f}")
    outcome["claims"] = claims(outcome["cases"], rounds)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="", help="only cases whose name has this in it")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="after one round of warm-up")
    parser.add_argument("--smoke", action="store_true", help="tiny frames, one round")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    options.side, options.head = 1000, 100
    if options.smoke:
        options.frames, options.side, options.head, options.rounds = 3, 40, 4, 1
    elif options.out is None and not options.case:
        options.out = results.RESULTS / "read.json"
    return options


def written(folder: pathlib.Path, frames: int, side: int) -> dict[str, list[pathlib.Path]]:
    """Write the frames in every form; return the files of each."""
    rng = np.random.default_rng(0)
    names = [f"c{index}" for index in range(side)]
    for form in ("parquet", "csv"):
        (folder / form).mkdir()
    for index in range(frames):
        frame = pd.DataFrame(rng.random((side, side)), columns=names)
        frame.to_parquet(folder / "parquet" / f"{index:03}.parquet")
        table = pa.Table.from_pandas(frame)
        arrow_csv.write_csv(table, folder / "csv" / f"{index:03}.csv")
    convert(folder / "parquet", f"{folder / 'converted'}/")
    forms = ("parquet", "csv", "converted")
    return {form: sorted((folder / form).iterdir()) for form in forms}


def one_parquet(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Return how each peer reads a whole Parquet file."""
    return {
        "pandas": lambda: pd.read_parquet(path).to_numpy(),
        "polars": lambda: pl.read_parquet(path).to_numpy(),
        "pyarrow": lambda: matrix_of(pq.read_table(path)),
    }


def one_csv(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Return how each peer reads a whole CSV file."""
    return {
        # pandas' default parser of numbers is off by a bit or two in some.
        "pandas": lambda: pd.read_csv(path, float_precision="round_trip").to_numpy(),
        "pandas, default floats": lambda: pd.read_csv(path).to_numpy(),
        "polars": lambda: pl.read_csv(path).to_numpy(),
        "pyarrow": lambda: matrix_of(arrow_csv.read_csv(path)),
    }


def matrix_of(table: pa.Table) -> np.ndarray:
    """Return the quickest matrix that pyarrow makes of a table."""
    return table.combine_chunks().to_batches()[0].to_tensor(row_major=False).to_numpy()


def all_rows(one: Callable[[pathlib.Path], dict]) -> dict[str, Reader]:
    """Return readers of all rows; a peer's frames are put into one array, ours are in one."""

    def reader(name: str) -> Reader:
        def read(paths: list[pathlib.Path]) -> np.ndarray:
            first = one(paths[0])[name]()
            stack = np.empty((len(paths), *first.shape))
            stack[0] = first
            for index, path in enumerate(paths[1:], 1):
                stack[index] = one(path)[name]()
            return stack

        return read

    return {OURS: ours, **{name: reader(name) for name in one(pathlib.Path())}}


def ours(paths: list[pathlib.Path]) -> np.ndarray:
    """Return our stack as (frame, row, column), a view."""
    return FrameStack.read(paths).values.transpose(0, 2, 1)


def first_rows(count: int) -> dict[str, Reader]:
    """Return readers of the first `count` rows of each file."""

    def peer(paths: list[pathlib.Path]) -> np.ndarray:
        return np.stack([pl.read_parquet(path, n_rows=count).to_numpy() for path in paths])

    def own(paths: list[pathlib.Path]) -> np.ndarray:
        return FrameStack.read(paths, rows=count).values.transpose(0, 2, 1)

    return {OURS: own, "polars": peer}


def contest(
    paths: list[pathlib.Path], readers: dict[str, Reader], rounds: int
) -> dict[str, list[float]]:
    """Time the readers in turn, round by round; returns the seconds of each."""
    truth = readers[OURS](paths)
    for name, read in readers.items():
        wrong = differing(read(paths), truth, exact="default floats" not in name)
        if wrong:
            raise SystemExit(f"{name} reads {wrong} frames otherwise than ours")
    del truth
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            start = time.perf_counter()
            read(paths)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def differing(got: np.ndarray, truth: np.ndarray, *, exact: bool = True) -> int:
    """Count the frames that are not the same."""
    if got.shape != truth.shape:
        return len(truth)
    same = np.array_equal if exact else np.allclose
    return sum(not same(one, due) for one, due in zip(got, truth, strict=True))


def figures(frames: int, seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return what is reported of each reader: medians over the rounds."""
    return {
        name: {
            "seconds": statistics.median(taken),
            "files_per_second": frames / statistics.median(taken),
            "ratio_to_ours": ratio(taken, seconds[OURS]),
        }
        for name, taken in seconds.items()
    }


def ratio(ones: list[float], others: list[float]) -> float:
    """Return the median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(ones, others, strict=True))


def describe(case: dict[str, dict[str, float]]) -> str:
    """Return the case as a table."""
    rows = [
        [
            name,
            f"{row['seconds']:.3f}",
            f"{row['files_per_second']:.1f}",
            f"{row['ratio_to_ours']:.2f}",
        ]
        for name, row in case.items()
    ]
    return results.table(["", "s", "files/s", "x ours"], rows)


def claims(cases: dict[str, dict], rounds: dict[str, dict[str, list[float]]]) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    found = []
    for form, least in PANDAS_RATIO_MIN.items():
        if form not in cases:
            continue
        # The quickest way of pandas, even where its numbers are off by a bit.
        best = min(row["ratio_to_ours"] for name, row in cases[form].items() if "pandas" in name)
        found.append(results.claim(f"{form}: x pandas", best, at_least=least))
        for peer in ("polars", "pyarrow"):
            row = cases[form][peer]
            found.append(results.claim(f"{form}: x {peer}", row["ratio_to_ours"], at_least=1))
    if rounds.keys() >= {"parquet", "parquet, first rows"}:
        head = ratio(rounds["parquet"][OURS], rounds["parquet, first rows"][OURS])
        found.append(results.claim("all rows over the first", head, at_least=HEAD_RATIO_MIN))
    return found


if __name__ == "__main__":
    main()
