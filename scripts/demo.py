"""Runs `make demo`: a million points, one fit, one file, a native service, and a peer beside it.

All that it makes lies in .demo/; every process that it starts ends with it.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import ferrule
from ferrule.cli import _plots

ROOT = Path(__file__).resolve().parent.parent
DEMO = Path(".demo")
FERRULE = Path(sys.executable).with_name("ferrule")
PEER = DEMO / "venv" / "bin" / "python"
PEER_PACKAGES = ("grpcio", "grpcio-tools", "numpy", "scikit-learn==1.9.1")
POINTS = 1_000_000
BLOBS = np.array([[-6.0, -2.0], [0.5, 5.0], [6.0, -1.5]])
ROW = (5.5, -1.0)
START_S = 60
FLIGHTS = "1,8,64"
SECONDS = "3"


def main() -> int:
    """Tell the story, step by step."""
    os.chdir(ROOT)
    DEMO.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    model = DEMO / "blobs.safetensors"
    make_points(DEMO / "points.parquet")
    step("Train it: one command, one file")
    plot = DEMO / "clusters.svg"
    train = ["train", "kmeans", DEMO / "points.parquet", "--k", "3", "-o", model, "--plot", plot]
    show([FERRULE, *train])
    step("What the file holds")
    show([FERRULE, "inspect", model])
    prepare_peer(model)
    http, grpc, peer = free_ports(3)
    step("Serve it: gRPC and REST, no code written, no Python on the hot path")
    command = [FERRULE, "serve", model, "--http-port", http, "--grpc-port", grpc]
    print(f"$ {shown(command)} &")
    with running(command, f"http://127.0.0.1:{http}/readyz"):
        ask(model.stem, http, grpc)
        results = measure(model, grpc, http, peer)
    report(results)
    return 0


def make_points(path: Path) -> None:
    """Write the data set, unless it is there."""
    step(f"A data set: {POINTS:,} points of 2 features around {len(BLOBS)} centres, seeded")
    if not path.exists():
        generator = np.random.default_rng(42)
        x = BLOBS[generator.integers(len(BLOBS), size=POINTS)]
        x = x + generator.normal(size=x.shape)
        partial = path.with_suffix(".partial")
        pq.write_table(pa.table({"x": x[:, 0], "y": x[:, 1]}), partial)
        partial.replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


def prepare_peer(model: Path) -> None:
    """Make the peer's environment, its messages and its centres, unless they are there."""
    step("The peer: scikit-learn behind a Python gRPC server, with the same centres")
    messages = DEMO / "messages"
    if not (messages / "inference_pb2_grpc.py").exists():
        print(f"installing {', '.join(PEER_PACKAGES)} into {PEER.parent.parent}")
        subprocess.run([sys.executable, "-m", "venv", PEER.parent.parent], check=True)
        subprocess.run([PEER, "-m", "pip", "install", "--quiet", *PEER_PACKAGES], check=True)
        messages.mkdir(exist_ok=True)
        out = [f"--python_out={messages}", f"--grpc_python_out={messages}"]
        proto = ROOT / "crates" / "proto" / "proto"
        command = [PEER, "-m", "grpc_tools.protoc", "-I", proto, *out, "inference.proto"]
        subprocess.run(command, check=True)
    np.save(DEMO / "centers.npy", ferrule.load(model).cluster_centers_)
    print(f"{PEER} scripts/demo_peer.py serve")


def ask(name: str, http: int, grpc: int) -> None:
    """Send one request over each protocol."""
    step("Ask it over REST, as curl would")
    url = f"http://127.0.0.1:{http}/v1/models/{name}:predict"
    body = json.dumps({"instances": [list(ROW)]})
    print(f"$ curl -H 'content-type: application/json' -d '{body}' {url}")
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        print(response.read().decode().strip())
    step("Ask it over gRPC: the Open Inference Protocol, raw contents, Google's Python client")
    row = ",".join(map(str, ROW))
    show([PEER, "scripts/demo_peer.py", "call", f"127.0.0.1:{grpc}", name, row], env=peer_env())


def measure(model: Path, grpc: int, http: int, peer: int) -> list[dict]:
    """Drive both servers with the same driver and the same messages."""
    step(f"Measure: one row a call, {FLIGHTS} calls in flight, {SECONDS} s each, answers checked")
    ours = bench(model, [f"grpc://127.0.0.1:{grpc}", f"http://127.0.0.1:{http}"])
    command = [PEER, "scripts/demo_peer.py", "serve", peer, DEMO / "centers.npy"]
    with running(command, f"tcp://127.0.0.1:{peer}", env=peer_env()):
        theirs = bench(model, [f"grpc://127.0.0.1:{peer}"])
    names = {"grpc": "ferrule gRPC", "rest": "ferrule REST"}
    return [{**one, "name": names[one["protocol"]]} for one in ours] + [
        {**one, "name": "grpcio + scikit-learn"} for one in theirs
    ]


def bench(model: Path, urls: list[str]) -> list[dict]:
    """Run `ferrule bench` and return what it measured."""
    options = ["--concurrency", FLIGHTS, "--seconds", SECONDS, "--no-plot", "--json"]
    command = [FERRULE, "bench", model, *urls, *options]
    print(f"$ {shown(command)}", flush=True)
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)["results"]


def report(results: list[dict]) -> None:
    """Print the comparison and draw it."""
    closed = [one for one in results if one["loop"] == "closed"]
    baseline = {
        one["in_flight"]: one["throughput"] for one in closed if one["name"].startswith("grpcio")
    }
    head = ("server", "in flight", "requests/s", "p50 ms", "p99 ms", "x peer")
    print(f"\n{head[0]:<24}" + "".join(f"{title:>12}" for title in head[1:]))
    for one in closed:
        ratio = one["throughput"] / baseline[one["in_flight"]]
        print(
            f"{one['name']:<24}{one['in_flight']:>12}{one['throughput']:>12,.0f}"
            f"{one['p50_ms']:>12.3f}{one['p99_ms']:>12.3f}{ratio:>11.1f}x"
        )
    for one in (one for one in results if one["loop"] == "open"):
        print(
            f"{one['name']} at a fixed {one['rate']:,.0f} requests/s (half its peak), counted from"
            f" the intended send: p50 {one['p50_ms']:.3f} ms, p99 {one['p99_ms']:.3f} ms"
        )
    checked = sum(one["checked"] for one in results)
    print(f"{checked:,} answers compared with the model's: all equal; no call failed.")
    print(f"Servers and load driver shared this machine's {os.cpu_count()} cores.")
    plot = DEMO / "serving.svg"
    if _plots.available():
        _plots.load(plot, f"One row a call, K-Means, {os.cpu_count()} cores", closed)
    print(f"\nPlots: {DEMO / 'clusters.svg'}, {plot}   Model: {DEMO / 'blobs.safetensors'}")


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running(command: Sequence[object], ready: str, env: dict | None = None) -> Iterator[None]:
    """Run `command` in the background until the block ends, whatever ends it."""
    process = subprocess.Popen(list(map(str, command)), env=env, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(process, ready)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen, url: str) -> None:
    """Wait until `url` answers; a tcp:// one, until it accepts."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"demo: `{shown(process.args)}` ended with {process.returncode}")
        try:
            if url.startswith("tcp://"):
                host, port = url.removeprefix("tcp://").split(":")
                socket.create_connection((host, int(port)), timeout=1).close()
            else:
                urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"demo: `{shown(process.args)}` did not answer within {START_S} s")


def peer_env() -> dict:
    """Return an environment in which the peer finds its messages."""
    return {**os.environ, "PYTHONPATH": str(DEMO / "messages")}


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n== {title}", flush=True)


def show(command: Sequence[object], env: dict | None = None) -> None:
    """Print a command and run it."""
    print(f"$ {shown(command)}", flush=True)
    subprocess.run(list(map(str, command)), check=True, env=env)


def shown(command: Sequence[object]) -> str:
    """Write a command as one would type it."""
    words = [str(word) for word in command]
    if words[0] == str(FERRULE):
        words[0] = "ferrule"
    return shlex.join(words)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"demo: `{shown(error.cmd)}` failed with {error.returncode}")
    except KeyboardInterrupt:
        sys.exit(130)
