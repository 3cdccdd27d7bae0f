"""An HTTP/2 peer that keeps its window shut loses the reply; one that reads slowly does not."""

import http.client
import struct
import threading
import time

import numpy as np
import pandas as pd
import pytest
from http2_peer import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Meanwhile,
    ServerProcess,
    connect,
    field,
    frame,
    read_frames,
)

import ferrule
from ferrule.cluster import KMeans

PATIENCE_S = 1.0
# The deadline, and the time of a busy machine.
CUT_WITHIN_S = 5.0
# They make the server's description of itself long: its columns are in it.
COLUMNS = 2_000
DOCUMENT = b"".join(
    [
        field(b":method", b"GET"),
        field(b":scheme", b"http"),
        field(b":path", b"/openapi.json"),
        field(b":authority", b"localhost"),
    ]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    columns = [f"a_column_with_a_rather_long_name_{number}" for number in range(COLUMNS)]
    x = pd.DataFrame(np.eye(2, COLUMNS), columns=columns)
    ferrule.save(KMeans(2, n_init=1, random_state=0).fit(x), folder / "wide.safetensors")
    config = folder / "serve.toml"
    config.write_text(f"[limits]\nbody_idle_timeout = {PATIENCE_S}\n")
    with ServerProcess(folder / "wide.safetensors", "--config", config) as server:
        yield server


def window(size):
    return PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, size))


def more(stream, count):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", count))


class Pinging(Meanwhile):
    """Keeps a connection lively: a PING of its own every tenth of a second."""

    def __init__(self, peer):
        super().__init__()
        self.peer = peer

    def run(self):
        while not self.done.wait(0.1):
            self.peer.sendall(frame(PING, 0, 0, bytes(8)))


def ask(*streams):
    return b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, stream, DOCUMENT) for stream in streams
    )


def ends_of(peer, count):
    """How the first `count` streams to end did: stream -> (kind, bytes of data, seconds)."""
    started = time.monotonic()
    received, ends = {}, {}
    for kind, flags, stream, payload in read_frames(peer):
        if kind == DATA:
            received[stream] = received.get(stream, 0) + len(payload)
        if kind == RST_STREAM or (kind == DATA and flags & END_STREAM):
            ends[stream] = (kind, received.get(stream, 0), time.monotonic() - started)
        if len(ends) == count:
            break
    return ends


@pytest.mark.parametrize("size", [0, 1, 5_000, 40_000])
def test_a_reply_that_finds_no_room_is_reset_in_time(server, size):
    streams = range(1, 41, 2)
    with connect(server.rest, window(size) + ask(*streams)) as peer, Pinging(peer):
        ends = ends_of(peer, len(streams))
    assert sorted(ends) == list(streams)
    for kind, received, seconds in ends.values():
        assert (kind, received <= size) == (RST_STREAM, True)
        assert 0.9 * PATIENCE_S < seconds < CUT_WITHIN_S


def test_the_other_streams_of_the_connection_go_on(server):
    with connect(server.rest, window(0) + ask(1, 3)) as peer, Pinging(peer):
        peer.sendall(more(3, 1 << 20) + more(0, 1 << 20))
        ends = ends_of(peer, 2)
        assert (ends[1][0], ends[3][0]) == (RST_STREAM, DATA)
        peer.sendall(ask(5) + more(5, 1 << 20))
        assert ends_of(peer, 1)[5][:2] == ends[3][:2]


def test_a_peer_that_reads_slowly_has_the_whole_reply(server):
    whole = http.client.HTTPConnection(server.rest, timeout=10)
    whole.request("GET", "/openapi.json")
    length = len(whole.getresponse().read())
    whole.close()
    with connect(server.rest, window(0) + more(0, 1 << 20) + ask(1)) as peer:

        def read_on():
            for _ in range(0, length, 20_000):
                time.sleep(0.2)
                peer.sendall(more(1, 20_000))

        reader = threading.Thread(target=read_on)
        reader.start()
        kind, received, seconds = ends_of(peer, 1)[1]
        reader.join()
    assert (kind, received) == (DATA, length)
    assert seconds > PATIENCE_S


def test_a_call_that_waits_for_news_is_not_cut(server):
    health = field(b":path", b"/grpc.health.v1.Health/Watch")
    rest = [(b":method", b"POST"), (b":scheme", b"http"), (b"content-type", b"application/grpc")]
    head = b"".join(field(name, value) for name, value in rest[:2]) + health + field(*rest[2])
    call = frame(HEADERS, END_HEADERS, 1, head) + frame(DATA, END_STREAM, 1, bytes(5))
    with connect(server.grpc, window(65_535) + call) as peer:
        peer.settimeout(2.5 * PATIENCE_S)
        with pytest.raises(TimeoutError):
            ends_of(peer, 1)
