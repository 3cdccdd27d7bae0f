"""The servers that are compared: their commands, and the processes while they run."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import grpc
import numpy as np

from serve import calls
from serve.calls import Call

BENCHES = pathlib.Path(__file__).resolve().parents[1]
BUILT = BENCHES.parent / ".bench" / "target" / "release"
SERVERS = BENCHES / "serve" / "servers"
# The server has the first of our CPUs, the load generator (and this program) the last.
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = {CPUS[0]}, {CPUS[-1]}
START_SECONDS_MAX = 60
PORTS = {
    "ferrule": 7811,
    "grpcio": 7821,
    "aio": 7822,
    "fastapi": 7823,
    "tonic": 7824,
    "hyper": 7825,
}


@dataclass(frozen=True)
class Contender:
    """One way to ask one server."""

    name: str
    process: str
    call: Call
    answers: bool = True  # an echo has no model to ask

    @property
    def port(self) -> int:
        """The port to ask; ours has its gRPC port after its HTTP port."""
        own = self.process == "ferrule" and self.call.kind == "grpc"
        return PORTS[self.process] + own


GRPC = [
    Contender("ferrule ModelInfer", "ferrule", calls.INFER),
    Contender("ferrule Predict", "ferrule", calls.PREDICT),
    Contender("grpcio + scikit-learn", "grpcio", calls.PEER_GRPC),
    Contender("grpc.aio + NumPy", "aio", calls.PEER_GRPC),
    Contender("bare tonic echo", "tonic", calls.INFER, answers=False),
]
REST = [
    Contender("ferrule :predict", "ferrule", calls.REST_PREDICT),
    Contender("ferrule /v2 infer", "ferrule", calls.REST_INFER),
    Contender("FastAPI + scikit-learn", "fastapi", calls.PEER_REST),
    Contender("bare hyper echo", "hyper", calls.REST_PREDICT, answers=False),
]


def commands(server: pathlib.Path, folder: pathlib.Path) -> dict[str, list[str]]:
    """Return the command of each process."""
    ports = {name: str(port) for name, port in PORTS.items()}
    centers = str(folder / "centers.npy")
    ours = [str(server), str(folder / f"{calls.MODEL}.safetensors"), "--threads", "1"]
    ours += ["--http-port", ports["ferrule"], "--grpc-port", str(PORTS["ferrule"] + 1)]
    python = sys.executable
    return {
        "ferrule": ours,
        "grpcio": [python, str(SERVERS / "sklearn_grpcio.py"), ports["grpcio"], centers],
        "aio": [python, str(SERVERS / "numpy_grpc_aio.py"), ports["aio"], centers],
        "fastapi": [python, str(SERVERS / "sklearn_fastapi.py"), ports["fastapi"], centers],
        "tonic": [str(BUILT / "tonic-echo"), ports["tonic"]],
        "hyper": [str(BUILT / "hyper-echo"), ports["hyper"]],
    }


class Process:
    """A running server, pinned to its CPU."""

    def __init__(self, command: list[str], log: pathlib.Path) -> None:
        os.sched_setaffinity(0, SERVER_CPU)  # inherited; a wrapper would cost an exec of its own
        try:
            with log.open("wb") as out:
                self.started = time.perf_counter()
                self.popen = subprocess.Popen(command, stdout=out, stderr=out, close_fds=False)
        finally:
            os.sched_setaffinity(0, LOAD_CPU)
        self.log = log

    def wait_for(self, contender: Contender, body: bytes) -> float:
        """Return the seconds from exec to the first answer."""
        while time.perf_counter() - self.started < START_SECONDS_MAX:
            if self.popen.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", contender.port), timeout=5):
                    pass
                ask(contender, [body])
            except (ConnectionError, grpc.RpcError):
                time.sleep(0.0005)
                continue
            return time.perf_counter() - self.started
        raise RuntimeError(f"{contender.name} did not start: {self.log.read_text()[-2000:]}")

    def cpu_seconds(self) -> float:
        """Return the CPU time of all threads so far."""
        total = 0
        for stat in pathlib.Path(f"/proc/{self.popen.pid}/task").glob("*/schedstat"):
            total += int(stat.read_text().split()[0])
        return total / 1e9

    def resident_bytes(self) -> int:
        """Return the resident memory."""
        status = pathlib.Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def stop(self) -> None:
        """End it."""
        self.popen.terminate()
        try:
            self.popen.wait(15)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def ask(contender: Contender, bodies: list[bytes]) -> list[bytes]:
    """Send each body over one connection of an ordinary client; return the reply messages.

    Raises `grpc.RpcError` for any status but OK and `ConnectionError` for any HTTP status but 200.
    """
    if contender.call.kind == "grpc":
        with grpc.insecure_channel(f"127.0.0.1:{contender.port}") as channel:
            method = channel.unary_unary(contender.call.path)
            return [method(body[5:], timeout=30) for body in bodies]
    connection = http.client.HTTPConnection("127.0.0.1", contender.port, timeout=30)
    replies = []
    for body in bodies:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", contender.call.path, body, headers)
        response = connection.getresponse()
        replies.append(response.read())
        if response.status != http.client.OK:
            raise ConnectionError(f"{contender.name}: {response.status} {replies[-1][:200]}")
    connection.close()
    return replies


def wrong_answers(contender: Contender, rows: np.ndarray, labels: np.ndarray) -> int:
    """Return how many of the rows get another label than scikit-learn's."""
    if not contender.answers:
        return 0
    replies = ask(contender, [contender.call.body(row) for row in rows])
    pairs = zip(replies, labels, strict=True)
    return sum(contender.call.decode(reply) != int(label) for reply, label in pairs)
