"""A thousand connections that dawdle are closed, and nobody else notices them."""

import contextlib
import http.client
import resource
import socket
import statistics
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans

CONNECTIONS = 1_000
LIMITS = {
    "first_byte_timeout": 2,
    "header_timeout": 3,
    "body_idle_timeout": 3,
    "request_timeout": 5,
}
# The longest timeout, the time that a goodbye takes, and that of a busy machine.
CLOSED_WITHIN_S = 20
HEAD = b"POST /v1/models/eye:predict HTTP/1.1\r\nHost: localhost\r\n"
SLOW_READS = 1_500
KINDS = {
    # name: (what is sent at once, what is then sent a byte a second)
    "no byte": (b"", b""),
    "slow head": (HEAD[:30], HEAD[30:] + b"X: " + b"a" * 1_000),
    "slow body": (HEAD + b"Content-Length: 1000\r\n\r\n", b" " * 1_000),
    # The answers are more than the system buffers of both ends hold.
    "slow read": (b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * SLOW_READS, b""),
}
# Few read slowly: each of them fills megabytes of the kernel's memory.
SLOW_READERS = 40


@pytest.fixture(scope="module")
def server():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    model = KMeans(2, n_init=1, random_state=0).fit(np.eye(2))
    with ferrule.Server(model, name="eye", limits=LIMITS) as server:
        yield server
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class GoodTraffic(threading.Thread):
    """Sends predictions at a steady pace and keeps how long each took from when it was due."""

    PERIOD_S = 0.02

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.seconds = []
        self.errors = []
        self.done = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        due = time.perf_counter()
        while not self.done.is_set():
            try:
                connection.request("POST", "/v1/models/eye:predict", b'{"instances":[[1,0]]}')
                response = connection.getresponse()
                if response.status != 200 or b"predictions" not in response.read():
                    self.errors.append(response.status)
            except OSError as error:
                self.errors.append(error)
                connection.close()
            self.seconds.append(time.perf_counter() - due)
            due += self.PERIOD_S
            time.sleep(max(0.0, due - time.perf_counter()))
        connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.join()

    def p99(self):
        return statistics.quantiles(self.seconds, n=100)[98]


def open_loris(address, first):
    host, port = address.split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((host, int(port)))
    connection.setblocking(False)
    if first:
        connection.send(first)
    return connection


def drip(kind_of, position):
    """Send the next byte on each connection that has one."""
    for connection, kind in kind_of.items():
        rest = KINDS[kind][1]
        if position < len(rest):
            # A connection that was closed refuses, as it should.
            with contextlib.suppress(OSError):
                connection.send(rest[position : position + 1])


def open_files():
    """The open files of this process, which holds both ends of every connection."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def dawdle(kind_of, files_at_the_end):
    """Play every part until the server has closed its ends, or it is late."""
    for position in range(CLOSED_WITHIN_S):
        drip(kind_of, position)
        time.sleep(1)
        if open_files() <= files_at_the_end:
            return


@pytest.mark.timeout(90)
def test_good_traffic_goes_on_and_slow_connections_are_closed(server):
    address = server.http_url.removeprefix("http://")
    with GoodTraffic(address) as quiet:
        time.sleep(2)
    kinds = ["slow read"] * SLOW_READERS
    while len(kinds) < CONNECTIONS:
        kinds += ["no byte", "slow head", "slow body"]
    with GoodTraffic(address) as traffic:
        time.sleep(0.2)
        files = open_files()
        kind_of = {open_loris(address, KINDS[kind][0]): kind for kind in kinds}
        dawdle(kind_of, files_at_the_end=files + len(kind_of))
        still_open = open_files() - files - len(kind_of)
    quiet_p99, p99 = quiet.p99(), traffic.p99()
    for connection in kind_of:
        connection.close()
    print(f"p99 of good traffic: {quiet_p99 * 1e3:.2f} ms alone, {p99 * 1e3:.2f} ms beside them")
    assert still_open <= 0
    assert traffic.errors == []
    assert len(traffic.seconds) > 100
    # In this process the interpreter is shared with a thousand dawdlers, so the bound is loose.
    assert p99 < max(0.5, 20 * quiet_p99)


def test_an_idle_connection_costs_no_thread(server):
    address = server.http_url.removeprefix("http://")

    def threads():
        with contextlib.closing(http.client.HTTPConnection(address)) as connection:
            connection.request("GET", "/metrics")
            body = connection.getresponse().read().decode()
        return next(line for line in body.splitlines() if line.startswith("process_threads "))

    before = threads()
    with contextlib.ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(open_loris(address, HEAD))
        assert threads() == before
