"""HTTP/1.1 that lies about its lengths, is too big, is smuggled or is noise."""

import json
import random
import re
import socket

import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans

BODY = b'{"instances":[[0.5,0.5]]}'
BODY_MAX = 4_096
LIMITS = {"body_bytes_max": BODY_MAX, "first_byte_timeout": 2, "header_timeout": 2}


@pytest.fixture(scope="module")
def server():
    model = KMeans(2, n_init=1, random_state=0).fit(np.eye(2))
    with ferrule.Server(model, name="eye", limits=LIMITS) as server:
        yield server


@pytest.fixture
def connect(server):
    host, port = server.http_url.removeprefix("http://").split(":")
    opened = []

    def connect():
        opened.append(socket.create_connection((host, int(port)), timeout=10))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def head(*lines, target="/v1/models/eye:predict", method="POST"):
    start = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n"
    return (start + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode("latin-1")


def whole(body=BODY):
    return head(f"Content-Length: {len(body)}") + body


def read_all(connection):
    """Everything until the server closes, or nothing more comes for a while."""
    connection.settimeout(0.25)
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def exchange(connect, request):
    connection = connect()
    connection.sendall(request)
    return read_all(connection)


def padded(length):
    return BODY[:-1] + b" " * (length - len(BODY)) + b"}"


@pytest.mark.parametrize(("length", "status"), [(-1, 200), (0, 200), (1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_be_as_long_as_the_limit_and_no_byte_more(connect, length, status, chunked):
    body = padded(BODY_MAX + length)
    if chunked:
        middle = len(body) // 2
        parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:])]
        request = head("Transfer-Encoding: chunked") + b"".join(parts) + b"0\r\n\r\n"
    else:
        request = whole(body)
    received = exchange(connect, request)
    assert statuses(received)[0] == status, received
    if status == 413:
        assert b'{"error":' in received
        assert str(BODY_MAX).encode() in received


def test_a_body_too_long_is_refused_before_it_is_sent(connect):
    connection = connect()
    connection.sendall(head(f"Content-Length: {10**15}", "Expect: 100-continue"))
    assert statuses(connection.recv(65_536))[0] == 413


def test_expect_100_continue_is_answered(connect):
    connection = connect()
    connection.sendall(head(f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
    assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
    connection.sendall(BODY)
    assert statuses(connection.recv(65_536)) == [200]


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 6"],
        ["Content-Length: -5"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5 5"],
        ["Content-Length: 99999999999999999999999"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: identity, chunked, gzip"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length : 5"],
        ["Bad Header: x"],
        ["Header\x00: x"],
        ["X: a\x00b"],
    ],
)
def test_ambiguous_framing_is_refused_and_the_connection_closed(connect, lines):
    received = exchange(connect, head(*lines) + b"hello" + whole())
    codes = statuses(received)
    assert len(codes) == 1, received
    assert 400 <= codes[0] < 500


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "\tchunked"])
def test_a_request_hidden_behind_both_lengths_is_not_answered(connect, coding):
    hidden = head(target="/v2", method="GET")
    smuggled = head(f"Content-Length: {5 + len(hidden)}", f"Transfer-Encoding: {coding}")
    received = exchange(connect, smuggled + b"0\r\n\r\n" + hidden)
    assert b'"extensions"' not in received
    assert len(statuses(received)) == 1


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!!\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"5" + b";x=" + b"y" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_lie_are_refused(connect, chunks):
    received = exchange(connect, head("Transfer-Encoding: chunked") + chunks)
    assert all(400 <= status < 500 for status in statuses(received)), received


def test_a_body_of_one_byte_chunks_is_read(connect):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in padded(BODY_MAX)) + b"0\r\n\r\n"
    assert statuses(exchange(connect, head("Transfer-Encoding: chunked") + chunks)) == [200]


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head("X: " + "a" * 20_000), 431),
        (head(*[f"X-{number}: 1" for number in range(200)]), 431),
        (head(target="/" + "a" * 9_000, method="GET"), 414),
        (head(target="/v2?" + "a" * 9_000, method="GET"), 414),
        (head(target="/v2/%", method="GET"), 404),
        (head(target="/%00", method="GET"), 404),
        (head(target="*", method="OPTIONS"), 404),
        (head(target="/v2", method="get"), 405),
        (head("Upgrade: websocket", "Connection: upgrade", target="/v2", method="GET"), 200),
        (head(target="http://localhost/v2", method="GET"), 200),
    ],
)
def test_heads_that_are_too_big_or_odd_have_their_status(connect, request_head, status):
    assert statuses(exchange(connect, request_head))[:1] == [status]


def test_head_has_the_headers_of_get_and_no_body(connect):
    answers = {}
    for method in ("GET", "HEAD"):
        received = exchange(connect, head("Connection: close", target="/v2", method=method))
        fields, body = received.split(b"\r\n\r\n", 1)
        kept = [line for line in fields.split(b"\r\n") if line.lower().startswith(b"content-")]
        answers[method] = (fields.split(b"\r\n")[0], sorted(kept), body)
    assert answers["HEAD"][:2] == answers["GET"][:2]
    assert answers["HEAD"][2] == b""
    assert json.loads(answers["GET"][2])["name"] == "ferrule"


def test_pipelined_requests_are_answered_in_order(connect):
    labels = [exchange(connect, whole(row)).rsplit(b"\r\n", 1)[1] for row in ROWS]
    assert labels[0] != labels[1]
    received = exchange(connect, b"".join(whole(row) for row in ROWS * 20))
    assert statuses(received) == [200] * 40
    answers = [part[: part.index(b"}") + 1] for part in received.split(b"\r\n\r\n")[1:]]
    assert answers == labels * 20


ROWS = [b'{"instances":[[1,0]]}', b'{"instances":[[0,1]]}']


def test_noise_is_refused_or_dropped_and_good_traffic_goes_on(connect):
    rng = random.Random(0)
    for size in [1, 2, 24, 100, 1_000, 20_000]:
        for _ in range(5):
            received = exchange_fast(connect, rng.randbytes(size) + b"\r\n\r\n")
            assert all(400 <= status < 500 for status in statuses(received))
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for _ in range(5):
        exchange_fast(connect, preface + rng.randbytes(2_000))
    assert statuses(exchange(connect, whole())) == [200]


def exchange_fast(connect, request):
    """As `exchange`, with our side closed, so that the server does not wait for more."""
    connection = connect()
    try:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return read_all(connection)
