"""Clients that others wrote, and plain curl, talk to the REST face unmodified."""

import json
import shutil
import subprocess
import sys

import httpx
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

import ferrule
from ferrule.cluster import KMeans

NAMES = ["length", "width"]


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    X = centers[rng.integers(3, size=300)] + rng.normal(size=(300, 2))
    return KMeans(3, n_init=1, random_state=0).fit(X)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    ferrule.save(model, folder / "iris.safetensors")
    named = KMeans(3, n_init=1, init=model.cluster_centers_, max_iter=1)
    named.fit(pd.DataFrame(model.cluster_centers_, columns=NAMES))
    ferrule.save(named, folder / "named.safetensors")
    single = KMeans(3, n_init=1, random_state=0)
    single.fit(model.cluster_centers_.astype(np.float32))
    ferrule.save(single, folder / "single.safetensors")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with ferrule.Server(folder) as server:
        yield server


@pytest.fixture
def rows():
    return np.random.default_rng(1).uniform(-2, 12, size=(50, 2))


@pytest.fixture(name="client")
def triton_client(server):
    client = triton.InferenceServerClient(server.http_url.removeprefix("http://"))
    yield client
    client.close()


def triton_infer(client, rows, outputs, *, binary_in, model="iris", dtype="FP64", **options):
    tensor = triton.InferInput("X", list(rows.shape), dtype)
    tensor.set_data_from_numpy(rows, binary_data=binary_in)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name, binary in outputs]
    return client.infer(model, [tensor], outputs=wanted, **options)


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_label", [True, False])
@pytest.mark.parametrize("binary_distances", [True, False])
def test_tritonclient_infers_with_json_and_binary_tensors(
    client, model, rows, binary_in, binary_label, binary_distances
):
    outputs = [("label", binary_label), ("distances", binary_distances)]
    result = triton_infer(client, rows, outputs, binary_in=binary_in, request_id="a-7")
    assert result.get_response()["id"] == "a-7"
    labels, distances = result.as_numpy("label"), result.as_numpy("distances")
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, model.predict(rows))
    np.testing.assert_allclose(distances, model.transform(rows), rtol=1e-12)


def test_tritonclient_asks_for_all_outputs_as_binary_by_default(client, model, rows):
    tensor = triton.InferInput("X", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows)
    result = client.infer("iris", [tensor])
    np.testing.assert_array_equal(result.as_numpy("label"), model.predict(rows))
    assert result.as_numpy("distances") is None


def test_tritonclient_sends_single_precision(client, folder, rows):
    X = rows.astype(np.float32)
    result = triton_infer(
        client, X, [("label", True)], binary_in=True, model="single", dtype="FP32"
    )
    loaded = ferrule.load(folder / "single.safetensors")
    np.testing.assert_array_equal(result.as_numpy("label"), loaded.predict(X))


def test_tritonclient_reads_health_metadata_and_index(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris")
    assert client.is_model_ready("iris", "1")
    assert not client.is_model_ready("nope")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("iris")
    assert metadata["inputs"] == [{"name": "X", "datatype": "FP64", "shape": [-1, 2]}]
    assert [output["name"] for output in metadata["outputs"]] == ["label", "distances"]
    index = client.get_model_repository_index()
    assert {entry["name"]: entry["state"] for entry in index} == dict.fromkeys(
        ["iris", "named", "single"], "READY"
    )


def test_tritonclient_unloads_and_loads_and_reads_statistics(folder, rows):
    with ferrule.Server(folder) as server:
        client = triton.InferenceServerClient(server.http_url.removeprefix("http://"))
        triton_infer(client, rows, [("label", True)], binary_in=True)
        statistics = client.get_inference_statistics("iris")["model_stats"][0]
        assert statistics["inference_count"] == len(rows)
        assert statistics["inference_stats"]["success"]["count"] == 1
        client.unload_model("iris")
        assert not client.is_model_ready("iris")
        client.load_model("iris")
        assert client.is_model_ready("iris")
        client.close()


def test_tritonclient_is_told_what_is_wrong(client, rows):
    with pytest.raises(InferenceServerException, match=r"\[-1, 2\], got \[25, 4\]"):
        triton_infer(client, rows.reshape(25, 4), [("label", True)], binary_in=True)
    with pytest.raises(InferenceServerException, match="compressed"):
        triton_infer(
            client,
            rows,
            [("label", True)],
            binary_in=True,
            request_compression_algorithm="gzip",
        )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_predicts_with_no_header_set(server, protocol):
    body = json.dumps({"instances": [[0.0, 0.5], [9.0, 1.0], [0.0, 9.0]]})
    url = f"{server.http_url}/v1/models/iris:predict"
    command = ["curl", "--silent", "--show-error", "--fail-with-body", protocol, url, "-d", body]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert len(set(json.loads(output)["predictions"])) == 3


def test_httpx_predicts_rows_columns_and_named_features(server, folder, rows):
    loaded = ferrule.load(folder / "named.safetensors")
    expected = loaded.predict(pd.DataFrame(rows, columns=NAMES)).tolist()
    with httpx.Client(base_url=server.http_url) as client:
        lists = {"instances": rows.tolist()}
        objects = {"instances": [dict(zip(NAMES, row, strict=True)) for row in rows.tolist()]}
        columns = {"inputs": {name: rows[:, i].tolist() for i, name in enumerate(NAMES)}}
        tensors = {
            "inputs": [
                {"name": name, "datatype": "FP64", "shape": [50], "data": rows[:, i].tolist()}
                for i, name in enumerate(NAMES)
            ]
        }
        predict = "/v1/models/named:predict"
        assert client.post(predict, json=lists).json() == {"predictions": expected}
        assert client.post(predict, json=objects).json() == {"predictions": expected}
        assert client.post(predict, json=columns).json() == {"outputs": expected}
        answer = client.post("/v2/models/named/infer", json=tensors).json()
        assert answer["outputs"][0]["data"] == expected


def test_a_double_keeps_every_bit_on_its_way_in_and_out(server, model):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(1000, 2)) * 10.0 ** rng.integers(-8, 8, size=(1000, 1))
    tensor = {"name": "X", "datatype": "FP64", "shape": [1000, 2], "data": rows.ravel().tolist()}
    body = {"inputs": [tensor], "outputs": [{"name": "distances"}]}
    answer = httpx.post(f"{server.http_url}/v2/models/iris/infer", json=body).json()
    distances = np.array(answer["outputs"][0]["data"]).reshape(1000, 3)
    loaded = model.transform(rows)
    np.testing.assert_array_equal(distances, loaded)


def test_a_request_id_is_echoed_and_made_where_there_is_none(server):
    url = f"{server.http_url}/v2/models/iris"
    assert httpx.get(url, headers={"x-request-id": "abc"}).headers["x-request-id"] == "abc"
    made = {httpx.get(url).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("kind", ["example", "openapi", "proto"])
def test_schema_describes_the_model(folder, kind):
    from ferrule import _core

    text = _core.schema(folder / "named.safetensors", kind)
    if kind == "openapi":
        assert "/v1/models/named:predict" in json.loads(text)["paths"]
    else:
        assert "named" in text


def block(text, language):
    """Return the first fenced block of `language`."""
    return text.split(f"```{language}\n")[1].split("\n```")[0] + "\n"


@pytest.mark.parametrize("name", ["iris", "named"])
@pytest.mark.parametrize(
    ("language", "command"),
    [("python", [sys.executable, "-"]), ("sh", ["sh"])],
)
def test_the_example_programs_print_a_prediction(server, folder, name, language, command):
    from ferrule import _core

    if language == "sh" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = _core.schema(folder / f"{name}.safetensors", "example")
    program = block(text, language).replace("http://127.0.0.1:8080", server.http_url)
    output = subprocess.run(command, input=program, check=True, capture_output=True, text=True)
    answer = json.loads(output.stdout)
    labels = answer["predictions"] if isinstance(answer, dict) else answer
    assert labels[0] in {0, 1, 2}


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_the_go_example_compiles(folder, tmp_path):
    from ferrule import _core

    program = tmp_path / "main.go"
    program.write_text(block(_core.schema(folder / "iris.safetensors", "example"), "go"))
    formatted = subprocess.run(["gofmt", "-l", program], check=True, capture_output=True, text=True)
    assert formatted.stdout == ""
    subprocess.run(["go", "vet", program], check=True)
