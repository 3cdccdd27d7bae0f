"""The load generators: h2load and wrk for the rate, our open-loop client for latency."""

import json
import pathlib
import re
import subprocess
from dataclasses import dataclass

from serve.contenders import BUILT, Contender, Process

HEADERS = {
    "grpc": ["content-type: application/grpc", "te: trailers"],
    "rest": ["content-type: application/json"],
}
WRK_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "application/json"
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("JSON [%d, %d, %d]\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """A contender that runs, the file with its request, the length of its reply."""

    contender: Contender
    process: Process
    body: pathlib.Path
    reply_bytes: int


@dataclass(frozen=True)
class Run:
    """What one load run saw."""

    rate: float
    errors: int
    cpu_us: float  # of the server, a request
    busy: float  # share of the server's CPU


def h2load(target: Target, connections: int, streams: int, requests: int) -> Run:
    """Send a fixed number of requests and wait for every answer.

    h2load sees HTTP statuses only. A gRPC error has no body, so replies of the wrong total length
    count as an error too.
    """
    contender = target.contender
    command = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}"]
    command += [f"-d{target.body}", *(f"-H{header}" for header in HEADERS[contender.call.kind])]
    command += ["--h1"] if contender.call.kind == "rest" else []
    url = f"http://127.0.0.1:{contender.port}{contender.call.path}"
    before = target.process.cpu_seconds()
    text = _output([*command, url])
    used = target.process.cpu_seconds() - before
    succeeded = int(re.search(r"(\d+) succeeded", text)[1])
    length = int(re.search(r"\((\d+)\) data", text)[1])
    errors = requests - int(re.search(r"(\d+) 2xx", text)[1]) + (succeeded != requests)
    errors += length != requests * target.reply_bytes
    rate = float(re.search(r"([\d.]+) req/s", text)[1])
    return Run(rate, errors, 1e6 * used / requests, used * rate / requests)


def wrk(target: Target, connections: int, seconds: float) -> Run:
    """Send requests for a time; those in flight at its end are neither counted nor errors."""
    contender = target.contender
    script = target.body.with_suffix(".lua")
    script.write_text(WRK_SCRIPT.format(body=target.body))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
    before = target.process.cpu_seconds()
    text = _output([*command, f"http://127.0.0.1:{contender.port}{contender.call.path}"])
    used = target.process.cpu_seconds() - before
    requests, micros, errors = json.loads(re.search(r"JSON (.*)", text)[1])
    return Run(requests / micros * 1e6, errors, 1e6 * used / max(requests, 1), used / micros * 1e6)


def open_loop(
    target: Target, rate: float, connections: int, streams: int, seconds: float
) -> dict[str, float]:
    """Send at a fixed rate; return latencies from the intended send time, in microseconds."""
    contender = target.contender
    where = [contender.call.kind, str(contender.port), contender.call.path, str(target.body)]
    how = [f"{rate:.1f}", str(seconds), str(connections), str(streams), str(target.reply_bytes)]
    return json.loads(_output([str(BUILT / "open-loop"), *where, *how])) | {"rate": rate}


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")
    return done.stdout
