"""A graph trained in Python answers over gRPC and REST with the same bits as there."""

import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client
from sklearn.datasets import load_digits
from tritonclient.utils import InferenceServerException

import ferrule
import ferrule.flow.compat.v1 as tf

ROWS = [1, 2, 3, 17, 64, 200]


class Trained:
    """A session in a graph of its own, the ports of its model, and rows to ask about."""

    def __init__(self, build, x, steps=20):
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(7)
            self.inputs, self.outputs, train, feeds = build(x)
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())
            for _ in range(steps):
                self.session.run(train, feeds)
        self.x = x

    def save(self, path):
        return ferrule.save(self.session, path, inputs=self.inputs, outputs=self.outputs)

    def expected(self, rows):
        [x] = self.inputs.values()
        return self.session.run(self.outputs, {x: rows})


def digits():
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y


def classifier(logits, y):
    labels = tf.placeholder(tf.int64, [None])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    outputs = {"probability": tf.nn.softmax(logits), "label": tf.argmax(logits, 1)}
    return outputs, tf.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(losses)), {labels: y}


def mlp(x):
    rows = tf.placeholder(tf.float32, [None, 64])
    hidden = tf.layers.dense(rows, 32, activation=tf.nn.relu)
    outputs, train, feeds = classifier(tf.layers.dense(hidden, 10), digits()[1])
    return {"x": rows}, outputs, train, {rows: x, **feeds}


def cnn(x):
    rows = tf.placeholder(tf.float32, [None, 64])
    images = tf.reshape(rows, [-1, 8, 8, 1])
    maps = tf.layers.conv2d(images, 8, 3, padding="same", activation=tf.nn.relu)
    pooled = tf.nn.max_pool(maps, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    logits = tf.layers.dense(tf.reshape(pooled, [-1, 4 * 4 * 8]), 10)
    outputs, train, feeds = classifier(logits, digits()[1])
    return {"x": rows}, outputs, train, {rows: x, **feeds}


def logistic_regression(x):
    rows = tf.placeholder(tf.float64, [None, 64])
    is_even = tf.placeholder(tf.float64, [None])
    w = tf.get_variable("w", [64, 1], tf.float64, tf.zeros_initializer())
    b = tf.get_variable("b", [1], tf.float64, tf.zeros_initializer())
    logits = tf.squeeze(tf.matmul(rows, w) + b, [1])
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=is_even, logits=logits)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(losses))
    outputs = {"probability": tf.sigmoid(logits), "even": logits > 0}
    return {"x": rows}, outputs, train, {rows: x, is_even: digits()[1] % 2 == 0}


MODELS = {"mlp": mlp, "cnn": cnn, "logistic": logistic_regression}


@pytest.fixture(scope="module")
def trained():
    x = digits()[0][:200]
    wide = {"logistic": np.float64}
    full = digits()[0]
    made = {n: Trained(build, full.astype(wide.get(n, full.dtype))) for n, build in MODELS.items()}
    for model in made.values():
        model.x = model.x[: len(x)]
    return made


@pytest.fixture(scope="module")
def server(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    for name, model in trained.items():
        model.save(folder / f"{name}.safetensors")
    with ferrule.Server(folder) as server:
        yield server


def asked(client, rows):
    datatype = {"float32": "FP32", "float64": "FP64"}[str(rows.dtype)]
    tensor = client.InferInput("x", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows)
    return tensor


def same_bits(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", ROWS)
def test_grpc_gives_the_bits_of_the_session(server, trained, name, rows):
    model = trained[name]
    with grpc_client.InferenceServerClient(server.grpc_address) as client:
        result = client.infer(name, [asked(grpc_client, model.x[:rows])])
    for output, expected in model.expected(model.x[:rows]).items():
        same_bits(result.as_numpy(output), expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", [1, 17])
def test_binary_rest_gives_the_bits_of_the_session(server, trained, name, rows):
    model = trained[name]
    address = server.http_url.removeprefix("http://").rstrip("/")
    with http_client.InferenceServerClient(address) as client:
        result = client.infer(name, [asked(http_client, model.x[:rows])])
    for output, expected in model.expected(model.x[:rows]).items():
        same_bits(result.as_numpy(output), expected)


def post(server, path, body):
    url = f"{server.http_url.rstrip('/')}/{path}"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


@pytest.mark.parametrize("name", MODELS)
def test_rows_as_json_give_the_numbers_of_the_session(server, trained, name):
    model = trained[name]
    rows = model.x[:3]
    answer = post(server, f"v1/models/{name}:predict", {"instances": rows.tolist()})
    expected = model.expected(rows)["probability"]
    same_bits(np.asarray(answer["predictions"], expected.dtype), expected)


def test_truth_values_go_as_json(server, trained):
    model = trained["logistic"]
    rows = model.x[:4]
    spec = {"name": "x", "datatype": "FP64", "shape": [4, 64], "data": rows.ravel().tolist()}
    body = {"inputs": [spec], "outputs": [{"name": "even"}]}
    [output] = post(server, "v2/models/logistic/infer", body)["outputs"]
    assert output["datatype"] == "BOOL"
    assert output["data"] == model.expected(rows)["even"].tolist()


@pytest.mark.parametrize("name", MODELS)
def test_the_file_gives_the_bits_back_in_process(trained, name, tmp_path):
    model = trained[name]
    digest = model.save(tmp_path / "model.safetensors")
    loaded = ferrule.load(tmp_path / "model.safetensors")
    assert loaded.digest == digest == model.save(tmp_path / "again.safetensors")
    whole = model.expected(model.x)
    for row in range(0, len(model.x), 9):
        one = loaded.predict(x=model.x[row : row + 1])
        for output, expected in whole.items():
            same_bits(one[output], expected[row : row + 1])


def test_a_wrong_shape_is_told_with_what_was_expected(server, trained):
    rows = trained["mlp"].x[:1, :3].copy()
    with (
        grpc_client.InferenceServerClient(server.grpc_address) as client,
        pytest.raises(InferenceServerException, match=r"must have shape \[-1, 64\]"),
    ):
        client.infer("mlp", [asked(grpc_client, rows)])


def deep(x):
    rows = tf.placeholder(tf.float32, [None, 64])
    hidden = rows
    for _ in range(5):
        hidden = tf.layers.dense(hidden, 1024, activation=tf.nn.relu)
    outputs, train, feeds = classifier(tf.layers.dense(hidden, 10), digits()[1][: len(x)])
    return {"x": rows}, outputs, train, {rows: x, **feeds}


def runs(server):
    """Requests, and runs that answered them, by the metrics."""
    with urllib.request.urlopen(f"{server.http_url.rstrip('/')}/metrics") as response:
        text = response.read().decode()
    found = re.findall(r"ferrule_shared_requests_(sum|count)\{[^}]*\} (\d+)", text)
    counts = {name: int(value) for name, value in found}
    return counts["sum"], counts["count"]


def test_requests_that_wait_share_runs_and_each_gets_its_own_rows(tmp_path):
    model = Trained(deep, digits()[0][:64], steps=1)
    model.save(tmp_path / "deep.safetensors")
    expected = model.expected(model.x)["probability"]

    def ask(start):
        rows = 1 + start % 3
        place = start % (len(model.x) - 3)
        with grpc_client.InferenceServerClient(server.grpc_address) as client:
            for _ in range(12):
                result = client.infer("deep", [asked(grpc_client, model.x[place : place + rows])])
                same_bits(result.as_numpy("probability"), expected[place : place + rows])

    with ferrule.Server(tmp_path / "deep.safetensors") as server:
        with ThreadPoolExecutor(24) as pool:
            list(pool.map(ask, range(24)))
        requests, made = runs(server)
    assert requests == 24 * 12
    assert made < requests
