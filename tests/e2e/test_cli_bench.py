"""`ferrule bench` against servers of ours, of others, right and wrong."""

import json
from concurrent import futures

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as service

import ferrule as package
import ferrule.flow.compat.v1 as tf
from ferrule.cli._run import run
from ferrule.cluster import KMeans

QUICK = ("--seconds", "0.3", "--concurrency", "1,4")


@pytest.fixture
def bench(capsys):
    def call(*arguments):
        capsys.readouterr()
        code = run(["bench", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model of three clusters in blobs.safetensors, in the current folder."""
    monkeypatch.chdir(tmp_path)
    centers = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    package.save(KMeans(3, init=centers).fit(centers), "blobs.safetensors")
    return tmp_path / "blobs.safetensors"


class Peer(service.GRPCInferenceServiceServicer):
    """Another's server: the label is what `answer` makes of the row and the number of the call."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = 0

    def ModelInfer(self, request, context):  # noqa: N802 -- the protocol's name
        self.calls += 1
        row = np.frombuffer(request.raw_input_contents[0])
        label = self.answer(row, self.calls)
        if label is None:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls")
        reply = messages.ModelInferResponse(model_name=request.model_name)
        reply.outputs.add(name="label", datatype="INT32", shape=[1])
        reply.raw_output_contents.append(np.int32(label).tobytes())
        return reply


@pytest.fixture
def peer(model):
    """Starts such servers."""
    right = package.load(model)
    servers = []

    def start(answer):
        server = grpc.server(futures.ThreadPoolExecutor(4))
        spoiled = Peer(lambda row, call: answer(int(right.predict(row.reshape(1, -1))[0]), call))
        service.add_GRPCInferenceServiceServicer_to_server(spoiled, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"grpc://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


def test_a_model_file_is_served_and_measured_over_both_protocols(bench, model):
    code, out, err = bench(model, *QUICK, "--json")
    assert code == 0, err
    results = json.loads(out)["results"]
    loops = [(one["protocol"], one["loop"], one["in_flight"]) for one in results]
    assert [loop[:2] for loop in loops] == [
        ("grpc", "closed"), ("grpc", "closed"), ("grpc", "open"),
        ("rest", "closed"), ("rest", "closed"), ("rest", "open"),
    ]  # fmt: skip
    for one in results:
        assert one["errors"] == {}
        assert one["wrong"] == one["abandoned"] == 0
        assert one["checked"] > 0
        assert 0 < one["p50_ms"] <= one["p99_ms"] <= one["max_ms"]
    assert (model.parent / "blobs-bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_graph_is_measured_by_the_numbers_that_it_gives(bench, model):
    graph = tf.Graph()
    with graph.as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3])
        package.save(session, "graph.safetensors", inputs={"x": x}, outputs={"y": tf.sin(x)})
    code, out, err = bench("graph.safetensors", *QUICK, "--json", "--no-plot")
    assert code == 0, err
    for one in json.loads(out)["results"]:
        assert (one["errors"], one["wrong"]) == ({}, 0)
        assert one["checked"] > 0


def test_the_table_names_servers_and_loads(bench, model):
    code, out, err = bench(model, *QUICK, "--no-plot", "--rate", 200)
    assert (code, err) == (0, "")
    assert out.count("200/s, open loop") == 2
    for word in ("requests/s", "p50 ms", "p99 ms", "errors", "grpc 127.0.0.1:", "rest 127.0.0.1:"):
        assert word in out
    assert not list(model.parent.glob("*.png"))


def test_a_running_server_is_asked_what_it_serves(bench, model):
    with package.Server(model) as server:
        urls = (server.http_url, f"grpc://{server.grpc_address}")
        code, out, err = bench(*urls, *QUICK, "--json", "--no-plot")
        assert code == 0, err
        answer = json.loads(out)
        assert answer["model"] == {"name": "blobs", "input": "X", "dtype": "FP64"}
        assert {one["protocol"] for one in answer["results"]} == {"grpc", "rest"}
        code, _, err = bench(server.http_url, "--name", "other", *QUICK, "--no-plot")
        assert code == 1
        assert "answered 404" in err


def test_a_server_with_a_key_is_measured_with_it(bench, model):
    key = model.parent / "keys"
    key.write_text("0123456789abcdef" * 4 + "\n")
    with package.Server(model, api_key_file=key) as server:
        urls = (server.http_url, f"grpc://{server.grpc_address}")
        code, _, err = bench(*urls, *QUICK, "--no-plot", "--api-key-file", key)
        assert code == 0, err
        code, _, err = bench(*urls, *QUICK, "--no-plot")
        assert code == 1
        assert "answered 401" in err


def test_calls_in_flight_are_spread_over_the_connections_allowed(bench, model):
    with package.Server(model) as server:
        url = f"grpc://{server.grpc_address}"
        command = (model, url, "--seconds", 0.2, "--concurrency", 16, "--connections", 2)
        code, out, err = bench(*command, "--json", "--no-plot")
    assert code == 0, err
    assert {one["connections"] for one in json.loads(out)["results"]} == {2}


def test_anothers_server_of_the_same_protocol_is_measured(bench, model, peer):
    url = peer(lambda label, call: label)
    code, out, err = bench(model, url, *QUICK, "--json", "--no-plot")
    assert code == 0, err
    assert all(one["throughput"] > 0 for one in json.loads(out)["results"])


def test_a_server_of_another_model_is_found_before_the_run(bench, model, peer):
    code, out, err = bench(model, peer(lambda label, call: (label + 1) % 3), *QUICK, "--no-plot")
    assert (code, out) == (1, "")
    assert "gives other answers than" in err
    assert "to 64 of 64 rows" in err


def test_answers_that_turn_wrong_under_load_fail_the_run(bench, model, peer):
    url = peer(lambda label, call: label if call <= 64 else label + 1)
    code, out, err = bench(model, url, *QUICK, "--no-plot")
    assert code == 1
    assert "requests/s" in out
    assert "answers that were checked were wrong" in err


def test_failed_calls_are_counted_and_fail_the_run(bench, model, peer):
    url = peer(lambda label, call: label if call <= 64 or call % 10 else None)
    code, out, err = bench(model, url, *QUICK, "--json", "--no-plot")
    assert code == 1
    assert "calls failed, most by: grpc status 8: too many calls" in err
    counts = [one["errors"]["grpc status 8: too many calls"] for one in json.loads(out)["results"]]
    assert min(counts) > 0
