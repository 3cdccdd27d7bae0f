"""A matrix of hostile requests gets answers that say what is wrong, and no server error."""

import http.client
import json
import time
from collections import Counter

import grpc
import numpy as np
import pandas as pd
import pytest
from field_matrix import rest_cases
from wire_matrix import PREDICT_REQUEST, grpc_cases

import ferrule
from ferrule.cluster import KMeans

GRPC_CODES = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
}
# What no answer may tell of the machine: folders, file names, sources, stack traces.
SECRETS = (b"/tmp", b"/root", b"/home", b".safetensors", b".rs:", b"panicked", b"Traceback")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    ferrule.save(KMeans(3, n_init=1, random_state=0).fit(centers), folder / "iris.safetensors")
    named = pd.DataFrame(centers, columns=["length", "width"])
    ferrule.save(KMeans(3, n_init=1, random_state=0).fit(named), folder / "named.safetensors")
    with ferrule.Server(folder) as server:
        yield server


class Client:
    """A kept-alive connection that is opened anew where the server closed it."""

    def __init__(self, url):
        self.address = url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.address, timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def post(self, path, body, headers):
        for attempt in (1, 2):
            try:
                self.connection.request("POST", path, body=body, headers=headers)
                response = self.connection.getresponse()
                return response.status, response.getheader("content-type"), response.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError


def assert_good_traffic_is_answered(url):
    with Client(url) as client:
        answer = client.post("/v1/models/iris:predict", b'{"instances":[[0.1,0.2]]}', {})
    assert (answer[0], len(json.loads(answer[2])["predictions"])) == (200, 1)


def strict(text):
    """Parse JSON as its standard says: no NaN, no Infinity."""

    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def client(server):
    with Client(server.http_url) as client:
        yield client


def test_ten_thousand_rest_requests_get_only_2xx_and_4xx(server, client):
    statuses = Counter()
    wrong = []
    slowest = 0.0
    for what, path, body, headers in rest_cases(doubles=450):
        started = time.perf_counter()
        status, kind, answer = client.post(path, body, headers)
        slowest = max(slowest, time.perf_counter() - started)
        statuses[status] += 1
        if not (200 <= status < 300 or 400 <= status < 500):
            wrong.append((what, status, answer[:200]))
        if any(secret in answer for secret in SECRETS):
            wrong.append((what, "leaks", answer[:200]))
        if kind == "application/json":
            answer = strict(answer)
            if status >= 400 and not answer["error"]:
                wrong.append((what, "no text", answer))
        elif kind != "application/octet-stream":
            wrong.append((what, kind, answer[:200]))
    assert wrong == []
    assert statuses.total() >= 10_000
    assert statuses[200] > 300
    assert statuses[400] > 5_000
    assert slowest < 5.0
    assert_good_traffic_is_answered(server.http_url)


def test_a_thousand_raw_protobuf_edits_get_no_server_error(server):
    codes = Counter()
    wrong = []
    with grpc.insecure_channel(server.grpc_address) as channel:
        calls = {}
        for what, method, message in grpc_cases():
            call = calls.get(method) or calls.setdefault(method, channel.unary_unary(method))
            try:
                call(message, timeout=10)
                code, text = grpc.StatusCode.OK, ""
            except grpc.RpcError as error:
                code, text = error.code(), error.details()
            codes[code] += 1
            leaks = any(secret.decode() in text for secret in SECRETS)
            if code not in GRPC_CODES or leaks or (code is not grpc.StatusCode.OK and not text):
                wrong.append((what, code, text))
        assert wrong == []
        assert codes.total() >= 1_000
        assert codes[grpc.StatusCode.OK] > 50
        assert codes[grpc.StatusCode.INVALID_ARGUMENT] > 300
        predict = channel.unary_unary("/ferrule.v1.Predictor/Predict")
        assert predict(PREDICT_REQUEST.encode(), timeout=10)
    assert_good_traffic_is_answered(server.http_url)
