"""A module trained in Python answers over gRPC and REST with the same bits as there."""

import json
import urllib.request

import numpy as np
import pytest
import tritonclient.grpc as grpc_client
from sklearn.datasets import load_digits

import ferrule
from ferrule import flow
from ferrule.errors import InvalidArgumentError, UnimplementedError
from ferrule.flow import nn


def trained():
    """A small network on digits, after a few steps; its images."""
    flow.manual_seed(0)
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    model = nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10), nn.Softmax(1)
    )
    loss = nn.NLLLoss()
    optimizer = flow.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(20):
        loss(model(flow.tensor(X)).log(), flow.tensor(y)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, X


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    model, X = trained()
    path = tmp_path_factory.mktemp("served") / "digits.safetensors"
    ferrule.save(model, path, inputs={"image": X[:1]}, outputs=["chances"])
    assert model.training
    with ferrule.Server(path) as server:
        yield server, model.eval(), X, path


@pytest.mark.parametrize("rows", [1, 2, 7, 300])
def test_grpc_gives_the_bits_that_the_module_gives(served, rows):
    server, model, X, _ = served
    with grpc_client.InferenceServerClient(server.grpc_address) as client:
        tensor = grpc_client.InferInput("image", [rows, 64], "FP32")
        tensor.set_data_from_numpy(X[:rows])
        answer = client.infer("digits", [tensor]).as_numpy("chances")
    assert np.array_equal(answer, model(flow.tensor(X[:rows])).detach().numpy())


def test_rest_gives_the_numbers_that_the_module_gives(served):
    server, model, X, _ = served
    tensor = {"name": "image", "datatype": "FP32", "shape": [3, 64], "data": X[:3].tolist()}
    body = json.dumps({"inputs": [tensor]}).encode()
    url = f"{server.http_url.rstrip('/')}/v2/models/digits/infer"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        [output] = json.load(response)["outputs"]
    found = np.array(output["data"], np.float32).reshape(output["shape"])
    assert np.array_equal(found, model(flow.tensor(X[:3])).detach().numpy())


def test_load_gives_the_module_back_as_a_function_of_arrays(served):
    _, model, X, path = served
    loaded = ferrule.load(path)
    assert np.array_equal(loaded(X[:5]), model(flow.tensor(X[:5])).detach().numpy())
    assert loaded.inputs[0].shape == (-1, 64)
    names = {tensor.name for tensor in ferrule.inspect(path).tensors}
    assert {"0.weight", "0.bias", "3.weight", "3.bias"} <= names


def test_a_convolutional_module_keeps_its_number_of_images_open(tmp_path):
    flow.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip
    images = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    ferrule.save(model, tmp_path / "cnn.safetensors", inputs={"x": images[:1]})
    loaded = ferrule.load(tmp_path / "cnn.safetensors")
    for rows in (1, 5):
        expected = model(flow.tensor(images[:rows])).detach().numpy()
        assert np.array_equal(loaded.predict(x=images[:rows])["output"], expected)


def test_a_function_of_several_tensors_is_saved_with_its_names(tmp_path):
    scale = flow.tensor([1.0, 2.0, 3.0])

    @flow.function
    def both(a, b):
        return a @ b.T, (a * scale).sum(1)

    path = tmp_path / "both.safetensors"
    a, b = np.ones((2, 3), np.float32), np.full((4, 3), 2, np.float32)
    ferrule.save(both, path, inputs={"a": a, "b": b}, outputs=["product", "total"])
    made = ferrule.load(path).predict(a=a, b=b)
    assert np.array_equal(made["product"], a @ b.T)
    assert np.array_equal(made["total"], [6, 6])


@pytest.mark.parametrize(
    ("model", "options", "error", "says"),
    [
        (lambda x: x + x.shape[0], {}, InvalidArgumentError, "of rows"),
        (lambda x: x, {"outputs": ["a", "b"]}, InvalidArgumentError, "gives 1 tensors"),
        (lambda x: 5, {}, InvalidArgumentError, "not int"),
        (lambda x: x * flow.rand(3), {}, UnimplementedError, "random|variable"),
        (lambda x: x, {"inputs": None}, InvalidArgumentError, "inputs="),
    ],
)  # fmt: skip
def test_what_cannot_be_saved_says_why_and_leaves_no_file(model, options, error, says, tmp_path):
    path = tmp_path / "model.safetensors"
    options = {"inputs": {"x": np.ones((1, 3), np.float32)}, **options}
    with pytest.raises(error, match=says):
        ferrule.save(flow.function(model), path, **options)
    assert not path.exists()
