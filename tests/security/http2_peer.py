"""An HTTP/2 peer that sends what no library would, and a server process to send it to."""

import contextlib
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

START = "import sys; from ferrule import _core; sys.exit(_core.serve_main(sys.argv))"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x8, 0x9,
)  # fmt: skip
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
INITIAL_WINDOW_SIZE = 0x4


def frame(kind, flags=0, stream=0, payload=b""):
    """One frame of RFC 9113, section 4.1."""
    return struct.pack(">IBBI", len(payload), kind, flags, stream)[1:] + payload


def integer(value, prefix_bits):
    """RFC 7541, section 5.1, with nothing in the bits before the prefix."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([value])
    coded, value = bytearray([most]), value - most
    while value >= 0x80:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*coded, value])


def field(name, value, kind=0x00):
    """A header field spelt out; `kind` 0x40 puts it in the peer's table too."""
    return bytes([kind]) + b"".join(integer(len(text), 7) + text for text in (name, value))


def grpc_head(method=b"/ferrule.v1.Predictor/Predict"):
    pseudo = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", method),
        (b":authority", b"localhost"),
    ]  # fmt: skip
    rest = [(b"content-type", b"application/grpc"), (b"te", b"trailers")]
    return b"".join(field(name, value) for name, value in pseudo + rest)


OPEN = PREFACE + frame(SETTINGS)


def connect(address, start=OPEN):
    host, port = address.split(":")
    peer = socket.create_connection((host, int(port)), timeout=10)
    peer.sendall(start)
    return peer


def read_frames(peer):
    """Each frame that comes, as (kind, flags, stream, payload), until the peer closes."""
    with contextlib.suppress(ConnectionResetError), peer.makefile("rb") as received:
        while len(head := received.read(9)) == 9:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + head)
            yield kind, flags, stream, received.read(length)


class ServerProcess:
    """A server with one I/O thread, in a process whose memory and time can be told from ours."""

    def __init__(self, model, *arguments):
        command = [sys.executable, "-c", START, "--http-port=0", "--grpc-port=0", "--threads=1"]
        self.process = subprocess.Popen(
            [*command, str(model), *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )
        said = ""
        while not (found := re.search(r"REST http://(\S+)  gRPC (\S+)", said)):
            line = self.process.stderr.readline()
            assert line, said
            said += line
        self.rest, self.grpc = found.groups()
        self.folder = Path("/proc") / str(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def most_bytes(self):
        """The most memory that it has had so far."""
        text = (self.folder / "status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) << 10

    def cpu_seconds(self):
        fields = (self.folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def open_files(self):
        return sum(1 for _ in (self.folder / "fd").iterdir())

    def limit_open_files(self, count):
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (count, count))


class Meanwhile(threading.Thread):
    """Runs while its block does; `done` says when to end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.done = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


class Flood(Meanwhile):
    """Sends the same bytes over and over and reads nothing; connects again where it is cut."""

    def __init__(self, address, start, bytes_again):
        super().__init__()
        self.address, self.start_bytes, self.bytes_again = address, start, bytes_again
        self.sent, self.cut = 0, 0

    def run(self):
        while not self.done.is_set():
            try:
                with connect(self.address, self.start_bytes) as peer:
                    self.send_on(peer)
            except OSError:
                self.cut += 1

    def send_on(self, peer):
        peer.settimeout(0.5)
        while not self.done.is_set():
            try:
                self.sent += peer.send(self.bytes_again)
            except TimeoutError:
                # The server waits for us to read: it has stopped reading, as it should.
                time.sleep(0.05)
