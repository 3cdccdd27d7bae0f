"""Serving K-Means against its peers and against the practical limit.

usage: python benches/serve_kmeans.py [--server PATH] [--rounds N] [--seconds S] [--smoke]

One model (k=3, two features), one row a request; the server on one CPU, the load generator on
another. Prints requests a second at each number of connections, ratios to the peers and to bare
echo servers of the same messages, open-loop latency at half the peak rate, cold start, memory and
CPU time a request. Writes benches/results/serve_kmeans.json.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

import numpy as np

from harness import machine, results
from serve import contenders
from serve.contenders import GRPC, REST, Contender, Process
from serve.load import Run, Target, h2load, open_loop, wrk

SERVER = machine.ROOT / "target" / "dist" / "ferrule-server"
# (connections, calls in flight on each)
GRPC_LOADS = [(1, 1), (8, 1), (64, 1), (8, 16)]
REST_LOADS = [(1, 1), (8, 1), (64, 1)]
GRPC_PEAK, REST_PEAK = (8, 16), (64, 1)
SAMPLE_ROWS = 100
PACKAGES = [
    "scikit-learn",
    "numpy",
    "grpcio",
    "protobuf",
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
]

Rates = dict[str, dict[str, list[Run]]]


def main() -> None:
    """Start every server, load each in turn, print and write what came out."""
    options = arguments()
    if len(contenders.CPUS) < 2:
        raise SystemExit("two CPUs are needed: one for the server, one for the load generator")
    outcome = {"machine": machine.facts(), "versions": machine.versions(PACKAGES)}
    with tempfile.TemporaryDirectory(prefix="ferrule-bench-") as name:
        folder = pathlib.Path(name)
        rows, labels = make_model(folder)
        commands = contenders.commands(options.server, folder)
        outcome["server"] = {"bytes": options.server.stat().st_size}
        outcome["cold_start"] = cold_starts(commands, rows, folder, options.cold)
        processes = {
            process: Process(command, folder / f"{process}.log")
            for process, command in commands.items()
        }
        try:
            targets = [
                prepare(contender, processes[contender.process], rows, labels, folder)
                for contender in GRPC + REST
            ]
            outcome["memory"] = {k: process.resident_bytes() for k, process in processes.items()}
            outcome |= load_all(targets, options)
            outcome["wrong_after"] = {
                target.contender.name: contenders.wrong_answers(target.contender, rows, labels)
                for target in targets
            }
            outcome["memory_after"] = {k: p.resident_bytes() for k, p in processes.items()}
        finally:
            for process in processes.values():
                process.stop()
    outcome["claims"] = claims(outcome)
    print(describe(outcome))
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, default=SERVER, help="ferrule-server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each load run")
    parser.add_argument("--cold", type=int, default=20, help="cold starts of our server")
    parser.add_argument("--smoke", action="store_true", help="one short round")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="JSON file to write")
    options = parser.parse_args()
    if not options.server.exists():
        raise SystemExit(f"{options.server} is missing: run `make server-binary`, or say --server")
    if options.smoke:
        options.rounds, options.seconds, options.cold = 1, 0.2, 2
    elif options.out is None:
        options.out = results.RESULTS / "serve_kmeans.json"
    return options


def make_model(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Fit and save the model for every server; return sample rows and scikit-learn's labels.

    The first row's label is 1, the label that the echo servers answer.
    """
    import ferrule
    from ferrule.cluster import KMeans
    from serve.servers.centers import load

    rng = np.random.default_rng(7)
    x = rng.standard_normal((100_000, 2)) + rng.choice([-8.0, 0.0, 8.0], (100_000, 1))
    ours = KMeans(3, n_init=1, random_state=0).fit(x)
    ferrule.save(ours, folder / f"{contenders.calls.MODEL}.safetensors")
    np.save(folder / "centers.npy", ours.cluster_centers_)
    rows = rng.uniform(-12, 12, (SAMPLE_ROWS, 2)).round(3)
    labels = load(folder / "centers.npy").predict(rows)
    order = np.argsort(labels != 1, kind="stable")
    return rows[order], labels[order]


def cold_starts(
    commands: dict[str, list[str]], rows: np.ndarray, folder: pathlib.Path, count: int
) -> dict[str, float]:
    """Return the median seconds from exec to the first answer (peers: of three starts)."""
    seconds = {}
    for contender in (REST[0], GRPC[0], REST[2], GRPC[2]):
        times = []
        for _ in range(count if contender.process == "ferrule" else min(count, 3)):
            process = Process(commands[contender.process], folder / "cold.log")
            try:
                times.append(process.wait_for(contender, contender.call.body(rows[0])))
            finally:
                process.stop()
        seconds[contender.name] = statistics.median(times)
    return seconds


def prepare(
    contender: Contender,
    process: Process,
    rows: np.ndarray,
    labels: np.ndarray,
    folder: pathlib.Path,
) -> Target:
    """Wait for a server, hold its answers to scikit-learn's, write its request for the load."""
    body = contender.call.body(rows[0])
    process.wait_for(contender, body)
    wrong = contenders.wrong_answers(contender, rows, labels)
    if wrong:
        raise SystemExit(f"{contender.name}: {wrong} of {len(rows)} answers are not scikit-learn's")
    path = folder / f"{contender.name.replace('/', '').replace(' ', '-')}.body"
    path.write_bytes(body)
    (reply,) = contenders.ask(contender, [body])
    return Target(contender, process, path, contender.call.reply_bytes(reply))


def load_all(targets: list[Target], options: argparse.Namespace) -> dict[str, object]:
    """Measure rates in interleaved rounds, then latency at half of each peak."""
    runs: Rates = {}
    guesses: dict[tuple[str, str], int] = {}
    for turn in range(options.rounds + 1):  # the first round warms up and sizes the others
        for kind, loads in (("grpc", GRPC_LOADS), ("rest", REST_LOADS)):
            for load in loads:
                for target in (t for t in targets if t.contender.call.kind == kind):
                    name, at = target.contender.name, label(load)
                    run = measure(target, load, options, guesses.get((name, at)))
                    guesses[name, at] = max(200, int(run.rate * options.seconds))
                    if turn:
                        runs.setdefault(at + " " + kind, {}).setdefault(name, []).append(run)
    return {
        "rates": {at: {name: summary(r) for name, r in by.items()} for at, by in runs.items()},
        "ratios": ratios(runs),
        "latency": latencies(targets, runs, options),
        "drained": drained(targets, runs, options),
    }


def measure(
    target: Target, load: tuple[int, int], options: argparse.Namespace, guess: int | None
) -> Run:
    """Do one load run; without a guess of its size, a short one."""
    connections, streams = load
    if target.contender.call.kind == "grpc":
        return h2load(target, connections, streams, guess or 20 * connections * streams)
    return wrk(target, connections, options.seconds if guess else 1)


def label(load: tuple[int, int]) -> str:
    """Return how a load is called in tables."""
    return f"{load[0]}x{load[1]}"


def summary(runs: list[Run]) -> dict[str, float]:
    """Return the medians of a contender's runs and the sum of their errors."""
    figures = {
        key: statistics.median(getattr(r, key) for r in runs) for key in ("rate", "cpu_us", "busy")
    }
    return figures | {"errors": sum(r.errors for r in runs), "rates": [r.rate for r in runs]}


def ratios(runs: Rates) -> dict[str, dict[str, float]]:
    """Return, for each load, the median over rounds of our rate over each other's."""
    found = {}
    for at, by in runs.items():
        ours = GRPC[0] if at.endswith("grpc") else REST[0]
        found[at] = {
            name: statistics.median(
                o.rate / t.rate for o, t in zip(by[ours.name], theirs, strict=True)
            )
            for name, theirs in by.items()
        }
    return found


def latencies(
    targets: list[Target], runs: Rates, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Return each contender's open-loop latency at half of its own peak rate.

    Rounds take turns and each figure is the median over them: a stall of the machine then spoils
    one round of one contender, not what is said of it.
    """
    seen: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for target in targets:
            kind, name = target.contender.call.kind, target.contender.name
            connections, streams = GRPC_PEAK if kind == "grpc" else REST_PEAK
            rates = runs[f"{label((connections, streams))} {kind}"][name]
            peak = statistics.median(run.rate for run in rates)
            found = open_loop(target, peak / 2, connections, streams, options.seconds)
            seen.setdefault(name, []).append(found)
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        | {"errors": sum(row["errors"] for row in rows), "p99s": [row["p99"] for row in rows]}
        for name, rows in seen.items()
    }


def drained(
    targets: list[Target], runs: Rates, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Send a fixed number of REST requests with h2load, to the last answer."""
    found = {}
    for target in (t for t in targets if t.contender.call.kind == "rest"):
        rate = runs[f"{label(REST_PEAK)} rest"][target.contender.name][0].rate
        requests = max(200, int(rate * options.seconds / 2))
        found[target.contender.name] = vars(h2load(target, *REST_PEAK, requests)) | {
            "requests": requests
        }
    return found


def claims(outcome: dict[str, object]) -> list[dict]:
    """Hold the figures to what is claimed of them."""
    grpc, rest, ratio = GRPC[0].name, REST[0].name, outcome["ratios"]
    peer, echo, web = GRPC[2].name, GRPC[4].name, REST[2].name
    full, many = f"{label(GRPC_PEAK)} grpc", f"{label((64, 1))} grpc"
    found = [
        results.claim(f"gRPC 8x16, x {peer}", ratio[full][peer], at_least=25),
        results.claim(f"gRPC 8x16, x {echo}", ratio[full][echo], at_least=0.85),
        results.claim(f"gRPC 64x1, x {echo}", ratio[many][echo], at_least=0.85),
        results.claim(f"REST 64x1, x {web}", ratio[f"{label(REST_PEAK)} rest"][web], at_least=25),
    ]
    for name in (grpc, rest):
        milliseconds = outcome["latency"][name]["p99"] / 1e3
        found.append(results.claim(f"{name}: p99 ms at half the peak", milliseconds, below=3))
    start = 1e3 * outcome["cold_start"][rest]
    memory = outcome["memory"]["ferrule"] / 1e6
    found.append(results.claim("ms from exec to the first answer", start, below=50))
    found.append(results.claim("MB of ferrule-server", outcome["server"]["bytes"] / 1e6, below=12))
    found.append(results.claim("MB resident with the model", memory, below=20))
    ours = {contender.name for contender in GRPC + REST if contender.process == "ferrule"}
    errors = sum(
        row["errors"] for by in outcome["rates"].values() for k, row in by.items() if k in ours
    )
    errors += sum(row["errors"] for k, row in outcome["latency"].items() if k in ours)
    errors += sum(row["errors"] for k, row in outcome["drained"].items() if k in ours)
    found.append(results.claim("errors of ferrule under all load", errors, below=1))
    wrong = sum(outcome["wrong_after"].values())
    found.append(results.claim("answers that are not scikit-learn's", wrong, below=1))
    return found


def describe(outcome: dict[str, object]) -> str:
    """Return everything as text."""
    parts = []
    for at, by in outcome["rates"].items():
        head = [at, "requests/s", "ours/this", "CPU us/request", "CPU busy", "errors"]
        rows = [
            [
                name,
                f"{row['rate']:,.0f}",
                f"{outcome['ratios'][at][name]:.2f}",
                f"{row['cpu_us']:.1f}",
                f"{row['busy']:.2f}",
                str(row["errors"]),
            ]
            for name, row in by.items()
        ]
        parts.append(results.table(head, rows))
    head = ["open loop, half the peak", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "errors"]
    rows = [
        [
            name,
            f"{row['rate']:,.0f}",
            *(f"{row[q] / 1e3:.2f}" for q in ("p50", "p99", "p999")),
            str(row["errors"]),
        ]
        for name, row in outcome["latency"].items()
    ]
    parts.append(results.table(head, rows))
    parts.append(
        "\n".join(
            f"exec to first answer, {k}: {1e3 * v:.1f} ms" for k, v in outcome["cold_start"].items()
        )
    )
    memory = ", ".join(f"{k} {v / 1e6:.1f}" for k, v in outcome["memory"].items())
    parts.append(f"resident MB with the model loaded: {memory}")
    parts.append(f"ferrule-server: {outcome['server']['bytes'] / 1e6:.2f} MB")
    lost = sum(row["errors"] for row in outcome["drained"].values())
    parts.append(f"REST requests sent to the last answer: {lost} errors")
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
