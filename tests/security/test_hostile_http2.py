"""Floods of HTTP/2 frames, and more connections than descriptors, leave good traffic as it was."""

import contextlib
import http.client
import random
import socket
import time

import numpy as np
import pytest
from http2_peer import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    OPEN,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Flood,
    ServerProcess,
    connect,
    field,
    frame,
    grpc_head,
    read_frames,
)

import ferrule
from ferrule.cluster import KMeans

SECONDS = 0.5
# What a flood may cost in memory: buffers of a few connections, not of all that was sent.
GROWTH_BYTES_MAX = 48 << 20
# A good request waits for its turn, never for the flood to end.
LONGEST_WAIT_S = 1.0
CANCEL = (8).to_bytes(4, "big")
STREAMS = range(1, 40_001, 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "eye.safetensors"
    ferrule.save(KMeans(2, n_init=1, random_state=0).fit(np.eye(2)), path)
    return path


@pytest.fixture(scope="module")
def server(model):
    with ServerProcess(model) as server:
        yield server


def each_stream(*kinds_and_payloads):
    """On each of many streams: a request's head, then these frames."""
    head = grpc_head()
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, head)
        + b"".join(frame(kind, 0, stream, payload) for kind, payload in kinds_and_payloads)
        for stream in STREAMS
    )


def bomb():
    """A field of 4,000 bytes in the peer's table, then a byte for each time it is meant."""
    head = grpc_head() + field(b"x", b"a" * 4_000, kind=0x40) + b"\xbe" * 8_000
    return b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, stream, head) for stream in range(1, 401, 2)
    )


def long_list():
    """Whole header lists of a megabyte each."""
    part = field(b"x", b"a" * 8_000) * 2
    return frame(HEADERS, 0, 1, grpc_head()) + b"".join(
        frame(CONTINUATION, END_HEADERS if number == 63 else 0, 1, part) for number in range(64)
    )


def noise():
    return random.Random(0).randbytes(100_000)


# name: (how a connection starts, what is then sent for as long as it goes)
FLOODS = {
    "rapid reset": (OPEN, lambda: each_stream((RST_STREAM, CANCEL))),
    "resets that we are made to send": (OPEN, lambda: each_stream((WINDOW_UPDATE, bytes(4)))),
    "PING": (OPEN, lambda: frame(PING, 0, 0, bytes(8)) * 5_000),
    "SETTINGS": (OPEN, lambda: frame(SETTINGS) * 5_000),
    "SETTINGS of the table's size": (
        OPEN,
        lambda: frame(SETTINGS, 0, 0, b"\0\1\0\0\0\0" + b"\0\1\0\0\x10\0") * 5_000,
    ),
    "CONTINUATION": (
        OPEN + frame(HEADERS, 0, 1, grpc_head()),
        lambda: frame(CONTINUATION, 0, 1, field(b"x", b"a" * 8_000)) * 50,
    ),
    "empty CONTINUATION": (
        OPEN + frame(HEADERS, 0, 1, grpc_head()),
        lambda: frame(CONTINUATION, 0, 1) * 5_000,
    ),
    "empty DATA": (
        OPEN + frame(HEADERS, END_HEADERS, 1, grpc_head()),
        lambda: frame(DATA, 0, 1) * 5_000,
    ),
    "DATA of a byte": (
        OPEN + frame(HEADERS, END_HEADERS, 1, grpc_head()),
        lambda: frame(DATA, 0, 1, b"\0") * 5_000,
    ),
    "headers that unfold": (OPEN, bomb),
    "long header lists": (OPEN, long_list),
    "noise after the preface": (OPEN, noise),
    "noise for a preface": (b"", noise),
    "half a preface": (PREFACE[:10], lambda: PREFACE),
}


def ask(connection):
    """Seconds that a good request took; asserts that it was answered."""
    started = time.perf_counter()
    connection.request("POST", "/v1/models/eye:predict", b'{"instances":[[1,0]]}')
    response = connection.getresponse()
    body = response.read()
    assert (response.status, b"predictions" in body) == (200, True), body
    return time.perf_counter() - started


@pytest.mark.parametrize("face", ["rest", "grpc"])
@pytest.mark.parametrize("name", FLOODS)
def test_good_traffic_and_memory_are_unharmed_by_a_flood_of(server, name, face):
    start, build = FLOODS[name]
    address = getattr(server, face)
    before = server.most_bytes()
    waits = []
    with (
        contextlib.closing(http.client.HTTPConnection(server.rest, timeout=10)) as good,
        Flood(address, start, build()) as flood,
    ):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            waits.append(ask(good))
            time.sleep(0.01)
    assert flood.sent > 0 or flood.cut > 0
    assert max(waits) < LONGEST_WAIT_S
    assert server.most_bytes() - before < GROWTH_BYTES_MAX
    # Those who come after it are served as well.
    with contextlib.closing(http.client.HTTPConnection(server.rest, timeout=10)) as late:
        ask(late)


@pytest.mark.parametrize(
    "name",
    [
        "rapid reset",
        "resets that we are made to send",
        "CONTINUATION",
        "empty CONTINUATION",
        "DATA of a byte",
        "noise after the preface",
        "noise for a preface",
    ],
)
def test_the_connection_is_cut_of_who_floods_with(server, name):
    start, build = FLOODS[name]
    with connect(server.grpc, start) as peer:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(20):
                peer.sendall(build())
        # Ends where the server closes; were it to keep the connection, this would time out.
        assert all(frames is not None for frames in read_frames(peer))


def test_without_a_descriptor_left_the_server_rests_serves_on_and_recovers(model):
    with ServerProcess(model) as server, contextlib.ExitStack() as held:
        good = held.enter_context(contextlib.closing(http.client.HTTPConnection(server.rest)))
        ask(good)
        server.limit_open_files(server.open_files() + 20)
        host, port = server.rest.split(":")
        for _ in range(100):
            held.enter_context(socket.create_connection((host, int(port)), timeout=5))
        time.sleep(0.3)
        files, cpu = server.open_files(), server.cpu_seconds()
        time.sleep(1.0)
        assert server.cpu_seconds() - cpu < 0.3
        assert ask(good) < LONGEST_WAIT_S
        with socket.create_connection((host, int(port)), timeout=0.3) as turned_away:
            turned_away.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with pytest.raises(TimeoutError):
                turned_away.recv(1)
        assert server.open_files() == files
        held.close()
        with contextlib.closing(http.client.HTTPConnection(server.rest, timeout=5)) as late:
            assert ask(late) < 3 * LONGEST_WAIT_S
