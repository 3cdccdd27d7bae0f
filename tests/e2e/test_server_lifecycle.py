"""The server's life in a process of its own: start, load, reload, drain, mistakes."""

import contextlib
import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import tritonclient.grpc as triton

import ferrule
from ferrule.cluster import KMeans

ROW = np.array([[0.25, 0.5]])
START = "import sys; from ferrule import _core; sys.exit(_core.serve_main(sys.argv))"


def fit(seed, clusters=3):
    x = np.random.default_rng(seed).normal(size=(90, 2))
    return KMeans(clusters, n_init=1, random_state=seed).fit(x)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "iris.safetensors"
    ferrule.save(fit(0), path)
    return path


class Process:
    """A server started as its users start it."""

    def __init__(self, *arguments):
        command = [sys.executable, "-c", START, "--http-port=0", "--grpc-port=0"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        while not (found := re.search(r"REST (\S+)  gRPC (\S+)", self.said)):
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.url, self.grpc = found.groups()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self, *signals, pause=0.0):
        for number in signals:
            self.process.send_signal(number)
            time.sleep(pause)
        _, rest = self.process.communicate(timeout=40)
        return self.process.returncode, self.said + rest


class Load(threading.Thread):
    """Calls until told to stop, or until the server says that it goes."""

    def __init__(self, address):
        super().__init__()
        self.address, self.answers, self.errors = address, 0, []
        self.stopped = threading.Event()

    def run(self):
        tensor = triton.InferInput("X", [1, 2], "FP64").set_data_from_numpy(ROW)
        with triton.InferenceServerClient(self.address) as client:
            while not self.stopped.is_set():
                try:
                    client.infer("iris", [tensor])
                    self.answers += 1
                except Exception as error:
                    self.errors.append(str(error))
                    return


def under_load(address, threads=4):
    loads = [Load(address) for _ in range(threads)]
    for load in loads:
        load.start()
    while min(load.answers for load in loads) < 20:
        assert not any(load.errors for load in loads)
        time.sleep(0.01)
    return loads


class RestLoad(threading.Thread):
    """Sends whole requests until it is refused a connection, and counts what became of each."""

    BODY = b'{"instances": [[0.25, 0.5]]}'

    def __init__(self, address):
        super().__init__()
        self.address, self.sent, self.answers, self.lost = address, 0, 0, []
        self.requests_a_connection = 1
        self.refused = None

    def run(self):
        while self.refused is None:
            connection = http.client.HTTPConnection(self.address, timeout=10)
            try:
                connection.connect()
            except OSError as error:
                self.refused = error
                return
            with contextlib.closing(connection):
                self.use(connection)

    def use(self, connection):
        for number in range(self.requests_a_connection):
            try:
                connection.request("POST", "/v1/models/iris:predict", self.BODY)
            except OSError as error:
                # The kernel shakes hands for a listener until it is closed, and resets who came too
                # late to be taken: nothing was sent on such a connection before.
                if number:
                    self.lost.append(repr(error))
                return
            self.sent += 1
            try:
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                return
            if (response.status, b"predictions" in body) != (200, True):
                self.lost.append((response.status, body))
                return
            self.answers += 1
            if response.will_close:
                return


class GrpcLoad(threading.Thread):
    """Keeps several calls in flight on one channel until the server goes, and counts what became
    of each."""

    IN_FLIGHT = 8

    def __init__(self, address, rows):
        super().__init__()
        self.address, self.rows = address, rows
        self.answers, self.refused, self.lost = 0, [], []

    def run(self):
        shape = [self.rows, 2]
        tensor = triton.InferInput("X", shape, "FP64").set_data_from_numpy(np.zeros(shape))
        # A connection of its own. A call that the client had not sent, or that the server's GOAWAY
        # says it has not seen, gRPC sends again by itself if it still holds the whole of it.
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.per_rpc_retry_buffer_size", 16 << 20),
        ]
        with triton.InferenceServerClient(self.address, channel_args=options) as client:
            while not self.refused and not self.lost:
                calls = Queue()
                for _ in range(self.IN_FLIGHT):
                    client.async_infer(
                        "iris", [tensor], lambda result, error, calls=calls: calls.put(error)
                    )
                for _ in range(self.IN_FLIGHT):
                    self.count(calls.get(timeout=10))

    def count(self, error):
        if error is None:
            self.answers += 1
        elif "Connection refused" in str(error):
            # It was never sent: nobody listens any more.
            self.refused.append(str(error))
        else:
            self.lost.append(str(error))


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_ends_with_exit_0_and_no_accepted_request_lost(model, number):
    with Process(model, "--threads=1") as server:
        assert get(server.url + "/readyz")[0] == 200
        loads = under_load(server.grpc)
        code, said = server.end(number)
        for load in loads:
            load.join()
    assert code == 0, said
    assert "stopped" in said
    # A call that came after the end finds nobody; one that was accepted has its answer.
    for load in loads:
        assert re.search("Connection refused|GOAWAY|Socket closed|UNAVAILABLE", load.errors[0])
        assert "Stream removed" not in load.errors[0]


def end_under(loads, server):
    """End `server` once each of `loads` has answers: those before, the exit code, the log."""
    for load in loads:
        load.start()
    while min(load.answers for load in loads) < 20:
        assert not any(load.lost for load in loads)
        time.sleep(0.01)
    before = sum(load.answers for load in loads)
    code, said = server.end(signal.SIGTERM)
    for load in loads:
        load.join()
    return before, code, said


@pytest.mark.parametrize("requests_a_connection", [1, 1_000_000])
def test_sigterm_under_load_answers_every_request_that_was_sent(model, requests_a_connection):
    with Process(model, "--threads=1") as server:
        loads = [RestLoad(server.url.removeprefix("http://")) for _ in range(4)]
        for load in loads:
            load.requests_a_connection = requests_a_connection
        before, code, said = end_under(loads, server)
    assert code == 0, said
    assert [load.lost for load in loads] == [[], [], [], []]
    assert [load.answers for load in loads] == [load.sent for load in loads]
    assert sum(load.answers for load in loads) > before
    # Afterwards nobody listens, and that is all that a client sees.
    assert all(isinstance(load.refused, ConnectionRefusedError) for load in loads)


@pytest.mark.parametrize("rows", [1, 20_000])
def test_sigterm_under_load_answers_every_grpc_call_that_was_sent(model, rows):
    with Process(model, "--threads=1") as server:
        loads = [GrpcLoad(server.grpc, rows) for _ in range(4)]
        before, code, said = end_under(loads, server)
    assert code == 0, said
    assert [load.lost for load in loads] == [[], [], [], []]
    assert all(load.refused for load in loads)
    assert sum(load.answers for load in loads) > before


def test_readiness_goes_before_the_server_does(model, tmp_path):
    config = tmp_path / "serve.toml"
    config.write_text("[limits]\ndrain_timeout = 2.0\n")
    with Process(model, "--config", config) as server:
        host, port = re.match(r"http://(.*):(\d+)", server.url).groups()
        held = socket.create_connection((host, int(port)), timeout=10)
        held.sendall(b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\n")
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        probe = http.client.HTTPConnection(host, int(port), timeout=5)
        probe.request("GET", "/readyz")
        answer = probe.getresponse()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        probe.close()
        started = time.monotonic()
        code, _ = server.end()
        held.close()
    assert code == 0
    assert time.monotonic() - started < 6


def test_a_second_signal_stops_at_once(model):
    with Process(model) as server:
        host, port = re.match(r"http://(.*):(\d+)", server.url).groups()
        with socket.create_connection((host, int(port))) as held:
            held.sendall(b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\n")
            time.sleep(0.1)
            started = time.monotonic()
            code, said = server.end(signal.SIGTERM, signal.SIGTERM, pause=0.1)
    assert code == 1
    assert "stopped at once" in said
    assert time.monotonic() - started < 5


def test_200_reloads_under_load_fail_no_request(model):
    with ferrule.Server(model) as server:
        loads = under_load(server.grpc_address, threads=2)
        with triton.InferenceServerClient(server.grpc_address) as client:
            for seed in range(200):
                if seed % 50 == 0:
                    ferrule.save(fit(seed), model)
                client.load_model("iris")
        for load in loads:
            load.stopped.set()
        for load in loads:
            load.join()
        assert [load.errors for load in loads] == [[], []]


def label(server, version=""):
    tensor = triton.InferInput("X", [1, 2], "FP64").set_data_from_numpy(ROW)
    with triton.InferenceServerClient(server.grpc_address) as client:
        outputs = [triton.InferRequestedOutput("distances")]
        result = client.infer("iris", [tensor], outputs=outputs, model_version=version)
        return result.as_numpy("distances").shape[1]


def test_a_changed_file_is_served_and_a_broken_one_leaves_what_was(model):
    with ferrule.Server(model) as server:
        assert label(server) == 3
        ferrule.save(fit(1, clusters=5), model)
        server.refresh()
        assert label(server) == 5
        model.write_bytes(model.read_bytes()[:-8])
        server.refresh()
        assert label(server) == 5
        with triton.InferenceServerClient(server.grpc_address) as client:
            index = client.get_model_repository_index(as_json=True)["models"]
        assert index[0]["state"] == "READY"
        assert str(model.parent) not in index[0]["reason"]
        assert index[0]["reason"]


def test_watching_serves_a_changed_file_by_itself(model):
    with ferrule.Server(model, watch=True) as server:
        ferrule.save(fit(1, clusters=4), model)
        end = time.monotonic() + 10
        while label(server) != 4:
            assert time.monotonic() < end
            time.sleep(0.1)


def run(*arguments):
    command = [sys.executable, "-c", START, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def test_each_mistake_ends_at_once_and_says_what_to_do(model, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run(model, "--http-port", port)
        assert (code, "give another by --http-port" in said) == (1, True), said
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(model.read_bytes()[:-1])
    empty = tmp_path / "empty"
    empty.mkdir()
    ports = ("--http-port=0", "--grpc-port=0")
    cases = [
        ((tmp_path / "none.safetensors",), 1, "No such file"),
        ((damaged,), 1, "damaged.safetensors"),
        ((empty,), 1, "holds no model"),
        ((), 2, "no model given"),
        ((model, "--host=0.0.0.0"), 2, "--api-key-file"),
        ((model, "--tls-cert=x.pem"), 2, "belong together"),
        ((model, "--bogus"), 2, "--bogus"),
        ((model, "--name=a/b"), 1, "cannot name a model"),
        ((model, damaged, "--name=x"), 2, "--name is for one model"),
    ]
    for arguments, expected, text in cases:
        code, said = run(*arguments, *ports)
        assert (code, text in said) == (expected, True), said
        assert "Traceback" not in said
        assert "panicked" not in said


def test_each_bad_file_of_a_folder_is_told_at_once(model, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(model.read_bytes()[:-1])
    (tmp_path / "pickled.safetensors").write_bytes(b"\x80\x04\x95" + bytes(64))
    code, said = run(tmp_path, "--http-port=0", "--grpc-port=0")
    assert code == 1
    first, *rest = said.splitlines()
    assert first == "error: 2 models cannot be loaded:"
    assert ["cut.safetensors" in rest[0], "a pickle" in rest[1]] == [True, True]


def test_mistakes_have_a_hint_and_no_number_of_the_system(model):
    code, said = run(model, "--host=192.0.2.1", "--no-auth")
    what, hint = said.splitlines()
    assert (code, what) == (1, "error: cannot listen on 192.0.2.1:8080: address not available")
    assert hint == "hint: give an address of this machine by --host"


@pytest.mark.parametrize(
    ("option", "hint"), [("--bogus", "--help lists the options"), ("--htp-port", "'--http-port'")]
)
def test_an_unknown_option_is_told_in_one_line_with_a_hint(model, option, hint):
    code, said = run(model, option)
    first, second = said.splitlines()
    assert (code, first) == (2, f"error: unexpected argument '{option}' found")
    assert second.startswith("hint: ")
    assert hint in second


def test_a_server_on_every_address_shows_a_request_that_works(model):
    with Process(model, "--host=0.0.0.0", "--no-auth") as server:
        tried = server.process.stderr.readline()
        url = re.search(r"http://\S+", tried)[0]
        assert url.startswith("http://127.0.0.1:")
        body = re.search(r"-d '(.*)'", tried)[1].encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def test_a_toml_file_sets_options_and_limits_and_refuses_what_it_does_not_know(model, tmp_path):
    config = tmp_path / "serve.toml"
    config.write_text('models = ["iris.safetensors"]\nname = "flowers"\n')
    with Process("--config", config) as server:
        assert "serving flowers (version 1)" in server.said
    for text in ("bogus = 1", "[limits]\nrequest_timeout = 0", "http_port = 70000"):
        config.write_text(text)
        code, said = run(model, "--config", config)
        assert (code, "serve.toml" in said) == (2, True), said


def io_threads():
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith("ferrule-io") for name in names)


def test_serving_leaves_no_thread_or_port_behind(model):
    before = io_threads()
    with ferrule.Server(model) as server:
        address = server.http_url.removeprefix("http://").split(":")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address[0], int(address[1])), timeout=5)
    assert io_threads() == before
