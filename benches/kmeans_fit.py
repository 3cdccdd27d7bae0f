"""K-Means training against its peers: same samples, same initial centres, same iterations.

usage: python benches/kmeans_fit.py [--shape TEXT] [--data blobs|uniform] [--peers NAME ...]
                                    [--rounds N] [--budget SECONDS] [--smoke]

Prints, for each shape and kind of data, seconds, milliseconds an iteration, the median ratio of
each contender's time to ours, how far its inertia (recomputed in float64 from its centres) is from
that of scikit-learn on the same numbers in float64, and our rate beside what the machine was
measured to do. Writes benches/results/kmeans_fit.json.
"""

import argparse
import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from fit import contest
from fit.cases import SHAPES, SMOKE, Shape
from harness import machine, results

REFERENCE = "scikit-learn lloyd"
INERTIA_TOLERANCE = 1e-6
SCALING_MAX = 11.5
# The smaller size of the scaling run is past a last cache of up to this many bytes.
SCALING_BYTES_MAX = 512 << 20
# A fit may take the labels (4 bytes a row) and 16 bytes a row, and this much whatever the rows:
# packed centres, a stack a thread, pages of code touched for the first time.
ROW_BYTES_MAX, FIXED_BYTES = 20, 4 << 20
# Where the target over the best peer is at most this, so much of the GEMM rate does as well.
LIMIT_COUNTS_UP_TO, LIMIT_SHARE = 1.5, 0.85
# Edge of the square matrices and seconds of the GEMM that the machine is measured by.
GEMM, GEMM_SMOKE = (4096, 0.8), (256, 0.05)
# Lloyd on one million two-dimensional rows has a target against scikit-learn as well.
FIRST_SHAPE_TARGET = 8


def main() -> None:
    """Run what was asked for, print it and write it down."""
    options = arguments()
    names = contest.available(options.peers)
    if not names or names[0] != contest.OURS:
        raise SystemExit("ferrule cannot be imported: run `make setup` first")
    shapes = [
        shape for shape in (SMOKE if options.smoke else SHAPES) if options.shape in shape.name
    ]
    outcome = {"machine": machine.facts(), "threads": machine.cpu_count(), "cases": []}
    outcome["peaks"] = peaks(options.smoke)
    print(f"{outcome['machine']['cpu']}, {outcome['threads']} CPUs; measured peaks:")
    print("  " + ", ".join(f"{name} {value:.1f}" for name, value in outcome["peaks"].items()))
    for shape in shapes:
        for data in options.data:
            case = run_case(shape, data, names, options)
            print(describe(case), flush=True)
            outcome["cases"].append(case)
    if not options.shape:
        outcome["scaling"] = [scaling(options.smoke, columns) for columns in (2, 16)]
        for entry in outcome["scaling"]:
            print("scaling {what}: 10x the rows took {ratio:.2f}x the time".format(**entry))
        if "scikit-learn lloyd" in names:
            outcome["spread"] = spread(options.smoke)
            print(
                "root mean square of the inertia's distance from float64, {what}: ".format(
                    **outcome["spread"]
                ),
                end="",
            )
            print(
                "ours {ferrule:.1e}, scikit-learn's own {scikit-learn:.1e}".format(
                    **outcome["spread"]
                )
            )
    outcome["claims"] = claims(outcome)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="", help="only shapes whose name has this in it")
    parser.add_argument("--data", nargs="+", choices=["blobs", "uniform"], default=None)
    parser.add_argument("--peers", nargs="+", choices=contest.CONTENDERS, default=None)
    parser.add_argument("--rounds", type=int, default=5, help="after one round of warm-up")
    parser.add_argument("--budget", type=float, default=20, help="seconds a contender and case")
    parser.add_argument("--smoke", action="store_true", help="tiny shapes, one round")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    options.chosen = options.peers is not None
    options.peers = [contest.OURS, *(options.peers or contest.CONTENDERS)]
    options.data = options.data or ["blobs", "uniform"]
    if options.smoke:
        options.rounds, options.budget = 1, 5
    elif options.out is None and not options.shape:
        options.out = results.RESULTS / "kmeans_fit.json"
    return options


def peaks(smoke: bool) -> dict[str, float]:
    """Measure what the machine can do: GB/s past the last cache, GFLOP/s of NumPy's GEMM."""
    size = 1 << 24 if smoke else 2 * machine.last_cache_bytes()
    edge, seconds = GEMM_SMOKE if smoke else GEMM
    single, double = np.dtype("float32"), np.dtype("float64")
    return {
        "read GB/s": machine.read_bandwidth(np.ones(size // 8), seconds),
        "copy GB/s": machine.copy_bandwidth(size, seconds),
        "sgemm GFLOP/s": machine.gemm_rate(single, edge, edge, edge, seconds),
        "dgemm GFLOP/s": machine.gemm_rate(double, edge, edge, edge, seconds),
    }


def run_case(
    shape: Shape,
    data: str,
    names: list[str],
    options: argparse.Namespace,
) -> dict[str, object]:
    """Time one shape on one kind of data; return all that is reported of it."""
    too_long = shape.work * shape.iterations > contest.LINFA_WORK_MAX
    if too_long and not options.chosen:
        names = [name for name in names if name != contest.LINFA]
    with tempfile.TemporaryDirectory(prefix="ferrule-bench-") as folder:
        place = pathlib.Path(folder)
        measure = functools.partial(machine_limit, shape, smoke=options.smoke)
        records = contest.run(shape, data, names, options.rounds, options.budget, place, measure)
    ours = records[contest.OURS]
    judge = records.pop(contest.JUDGE, None) or records.get(REFERENCE, ours)
    rows = {
        name: {
            "seconds": record.median,
            "rounds": len(record.seconds),
            "ms_per_iteration": 1e3 * record.median / ours.iterations,
            "ratio_to_ours": record.ratio_to(ours),
            "inertia_off": record.inertia / judge.inertia - 1,
            "own_inertia_off": record.own_inertia / record.inertia - 1,
            "extra_bytes_per_row": record.extra_bytes / shape.rows,
            "extra_bytes_over": record.extra_bytes - ROW_BYTES_MAX * shape.rows - FIXED_BYTES,
            "versions": record.versions,
        }
        for name, record in records.items()
    }
    return {
        "shape": shape.name,
        "target": shape.target,
        "data": data,
        "iterations": ours.iterations,
        "contenders": rows,
        "limit": limit(shape, ours),
    }


def machine_limit(shape: Shape, x: np.ndarray, *, smoke: bool) -> float:
    """Measure what bounds this shape: bytes a second of reading `x`, or GEMM's operations."""
    if shape.limit == "bandwidth":
        return 1e9 * machine.read_bandwidth(x)
    edge, seconds = GEMM_SMOKE if smoke else GEMM
    return 1e9 * machine.gemm_rate(x.dtype, edge, edge, edge, seconds)


def limit(shape: Shape, ours: contest.Record) -> dict[str, float]:
    """Return our rate, the machine's, and the share that we reach.

    A fit that used up its iterations ends with one more pass, for labels that fit the centres.
    """
    passes = ours.iterations + (ours.iterations == shape.iterations)
    if shape.limit == "bandwidth":
        work, unit = (
            passes * shape.rows * shape.columns * np.dtype(shape.dtype).itemsize,
            "GB/s read",
        )
    else:
        work, unit = 2 * passes * shape.work, "GFLOP/s"
    rate, peak, share = ours.rates(work)
    return {"ours": rate / 1e9, "peak": peak / 1e9, "share": share, "unit": unit}


def describe(case: dict[str, object]) -> str:
    """Return the case as text."""
    head = ["", "s", "ms/iter", "x ours", "inertia off", "own differs", "extra B/row", "runs"]
    rows = []
    for name, row in case["contenders"].items():
        agrees = abs(row["inertia_off"]) <= INERTIA_TOLERANCE
        off = "same" if agrees else f"{row['inertia_off']:+.1e}"
        own = abs(row["own_inertia_off"])
        figures = [f"{row['seconds']:.4f}", f"{row['ms_per_iteration']:.2f}"]
        figures += [f"{row['ratio_to_ours']:.2f}", off, f"{own:.0e}" if own > 1e-6 else "same"]
        rows.append([name, *figures, f"{row['extra_bytes_per_row']:.1f}", str(row["rounds"])])
    bound = case["limit"]
    reach = "{ours:.1f} of {peak:.1f} {unit}: {share:.2f} of the limit".format(**bound)
    title = f"\n{case['shape']} on {case['data']}, {case['iterations']} iterations; ours {reach}"
    return f"{title}\n{results.table(head, rows)}"


def claims(outcome: dict[str, object]) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    found = [claim for case in outcome["cases"] for claim in case_claims(case)]
    found += [
        results.claim(f"10x of {entry['what']}", entry["ratio"], below=SCALING_MAX)
        for entry in outcome.get("scaling", [])
    ]
    if "spread" in outcome:
        ours, allowed = outcome["spread"]["ferrule"], outcome["spread"]["scikit-learn"]
        allowed = max(allowed, INERTIA_TOLERANCE)
        found.append(results.claim("float32's distance from float64", ours, below=allowed))
    return found


def case_claims(case: dict[str, object]) -> list[dict]:
    """Hold one case to speed, equal answers and memory."""
    name, rows = f"{case['shape']} {case['data']}: ", case["contenders"]
    ours, peers = rows[contest.OURS], {k: r for k, r in rows.items() if contest.OURS not in k}
    off, over = abs(ours["inertia_off"]), ours["extra_bytes_over"] / 1e6
    found = [
        results.claim(name + "inertia off", off, below=INERTIA_TOLERANCE),
        results.claim(name + "MB over the memory bound", over, below=0.001),
    ]
    if peers:
        best = min(peers, key=lambda peer: peers[peer]["ratio_to_ours"])
        ratio, share = peers[best]["ratio_to_ours"], case["limit"]["share"]
        if ratio < case["target"] <= LIMIT_COUNTS_UP_TO and share >= LIMIT_SHARE:
            found.append(results.claim(name + "share of sgemm", share, at_least=LIMIT_SHARE))
        else:
            found.append(results.claim(f"{name}x {best}", ratio, at_least=case["target"]))
    if REFERENCE in peers and case["shape"] == SHAPES[0].name:
        ratio = peers[REFERENCE]["ratio_to_ours"]
        found.append(results.claim(f"{name}x {REFERENCE}", ratio, at_least=FIRST_SHAPE_TARGET))
    return found


def scaling(smoke: bool, columns: int) -> dict[str, object]:
    """Time ours at a size past the last cache and at ten times that."""
    dtype, clusters = ("float64", 3) if columns == 2 else ("float32", 64)
    past = min(machine.last_cache_bytes() * 5 // 4, SCALING_BYTES_MAX)
    rows = 1000 if smoke else past // (columns * np.dtype(dtype).itemsize)
    sizes = [rows, columns, clusters, dtype, 3, 1 if smoke else 3]
    small, large = answer_of("scaling.py", sizes).values()
    what = f"{rows / 1e6:.1f}M rows x {columns} {dtype}, k={clusters}"
    return {"what": what, "seconds": [small, large], "ratio": large / small}


def spread(smoke: bool) -> dict[str, object]:
    """Measure how far float32 takes us, and scikit-learn, from the inertia in float64."""
    rows, iterations, data_sets = (4000, 3, 2) if smoke else (1_000_000, 20, 8)
    off = answer_of("spread.py", [rows, 16, 64, iterations, data_sets])
    what = f"{data_sets} uniform data sets of {rows} rows x 16 float32, k=64"
    roots = {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in off.items()}
    return {"what": what, "off": off} | roots


def answer_of(script: str, words: list[object]) -> dict:
    """Run a script of this bench; return what it printed."""
    path = pathlib.Path(contest.__file__).with_name(script)
    command = [sys.executable, str(path), *map(str, words)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


if __name__ == "__main__":
    main()
