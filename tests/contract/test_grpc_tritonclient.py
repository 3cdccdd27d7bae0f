"""Triton's own client talks to us unmodified."""

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.grpc_address) as client:
        yield client


def tensor(x, name="X"):
    datatype = {"float64": "FP64", "float32": "FP32", "int64": "INT64"}[str(x.dtype)]
    return triton.InferInput(name, list(x.shape), datatype).set_data_from_numpy(x)


def test_labels_and_distances_are_those_of_the_estimator(client, served):
    asked = [triton.InferRequestedOutput("label"), triton.InferRequestedOutput("distances")]
    result = client.infer("blobs", [tensor(served.x)], outputs=asked, request_id="id-1")
    np.testing.assert_array_equal(result.as_numpy("label"), served.labels)
    np.testing.assert_allclose(result.as_numpy("distances"), served.distances, rtol=1e-12)
    assert result.get_response().id == "id-1"
    assert result.get_response().model_version == "1"


def test_distances_come_only_on_request(client, served):
    outputs = client.infer("blobs", [tensor(served.x[:1])]).get_response().outputs
    assert [(o.name, o.datatype, list(o.shape)) for o in outputs] == [("label", "INT32", [1])]


@pytest.mark.parametrize("rows", [0, 1, 2, 256])
def test_a_row_has_the_same_label_whatever_rows_it_comes_with(client, served, rows):
    result = client.infer("blobs", [tensor(served.x[:rows])])
    np.testing.assert_array_equal(result.as_numpy("label"), served.labels[:rows])


def test_a_large_request_that_leaves_the_io_thread_has_the_same_labels(client, served):
    many = np.tile(served.x, (1200, 1))
    labels = client.infer("blobs", [tensor(many)]).as_numpy("label")
    np.testing.assert_array_equal(labels, np.tile(served.labels, 1200))


def test_float32_models_take_float32(client, served):
    result = client.infer("wide", [tensor(served.wide_x)])
    np.testing.assert_array_equal(result.as_numpy("label"), served.wide.predict(served.wide_x))


def test_versions_stand_side_by_side_and_the_latest_is_the_default(client, served):
    def version(asked):
        result = client.infer("wide", [tensor(served.wide_x[:1])], model_version=asked)
        return result.get_response().model_version

    assert (version(""), version("1"), version("3")) == ("3", "1", "3")


def test_metadata_tells_signature_and_versions(client):
    metadata = client.get_model_metadata("wide", as_json=True)
    assert metadata["versions"] == ["1", "3"]
    assert metadata["inputs"] == [{"name": "X", "datatype": "FP32", "shape": ["-1", "20"]}]
    assert [output["name"] for output in metadata["outputs"]] == ["label", "distances"]
    assert client.get_server_metadata(as_json=True)["name"] == "ferrule"


def test_the_repository_can_be_listed_unloaded_and_loaded(client, served):
    assert client.is_server_live()
    assert client.is_server_ready()
    client.unload_model("wide")
    try:
        assert not client.is_model_ready("wide")
        index = client.get_model_repository_index(as_json=True)["models"]
        states = {(m["name"], m["version"]): m["state"] for m in index}
        assert states == {
            ("blobs", "1"): "READY",
            ("wide", "1"): "UNAVAILABLE",
            ("wide", "3"): "UNAVAILABLE",
        }
        with pytest.raises(InferenceServerException, match='no model "wide" is loaded'):
            client.infer("wide", [tensor(served.wide_x[:1])])
    finally:
        client.load_model("wide")
    assert client.is_model_ready("wide", "3")


def test_statistics_count_requests_and_rows(client, served):
    def counts():
        stats = client.get_inference_statistics("blobs", as_json=True)["model_stats"][0]
        return int(stats["inference_count"]), int(stats["execution_count"])

    rows, requests = counts()
    client.infer("blobs", [tensor(served.x)])
    assert counts() == (rows + len(served.x), requests + 1)


def test_async_and_streams_of_calls_answer_each_its_own(client, served):
    import queue

    answers = queue.Queue()
    for row in range(64):
        client.async_infer(
            "blobs",
            [tensor(served.x[row : row + 1])],
            lambda result, error, row=row: answers.put((row, result, error)),
        )
    for _ in range(64):
        row, result, error = answers.get(timeout=10)
        assert error is None
        assert result.as_numpy("label")[0] == served.labels[row]


def refused(client, *inputs, model="blobs", **options):
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, list(inputs), **options)
    return caught.value.status(), caught.value.message()


def test_each_malformed_request_is_told_field_expected_and_got(client, served):
    x = served.x[:2]
    nan = x.copy()
    nan[1, 2] = np.nan
    infinite = x.copy()
    infinite[0, 1] = -np.inf
    lying = tensor(x)
    lying.set_shape([3, 3])
    invalid = "StatusCode.INVALID_ARGUMENT"
    cases = [
        (refused(client, tensor(x[:, :2].copy())), "must have shape [-1, 3], got [2, 2]"),
        (refused(client, tensor(x[0])), "must have shape [-1, 3], got [3]"),
        (refused(client, tensor(x.astype(np.float32))), "must have datatype FP64, got FP32"),
        (refused(client, tensor(x.astype(np.int64))), "must have datatype FP64, got INT64"),
        (refused(client, lying), "needs 72 bytes, got 48"),
        (refused(client, tensor(nan)), 'input "X" has NaN at element 5'),
        (refused(client, tensor(infinite)), 'input "X" has -inf at element 1'),
        (refused(client, tensor(x, "Y")), 'unknown input "Y"; expected "X"'),
        (refused(client, tensor(x), tensor(x)), 'input "X" is given twice'),
        (refused(client), "no input is given"),
        (
            refused(client, tensor(x), outputs=[triton.InferRequestedOutput("proba")]),
            'unknown output "proba"; the model has "label", "distances"',
        ),
        (
            refused(client, tensor(x), outputs=[triton.InferRequestedOutput("label")] * 2),
            'output "label" is asked for twice',
        ),
        (refused(client, tensor(x), request_id="i" * 129), "id has 129 bytes; at most 128"),
        (refused(client, tensor(x), model="../blobs"), "must match [A-Za-z0-9._-]{1,128}"),
    ]
    for (status, message), expected in cases:
        assert expected in message
        assert status == invalid, message


def test_unknown_models_and_versions_are_not_found(client, served):
    status, message = refused(client, tensor(served.x), model="nope")
    assert (status, "loaded: blobs, wide" in message) == ("StatusCode.NOT_FOUND", True)
    status, message = refused(client, tensor(served.x), model_version="2")
    assert (status, "loaded: 1" in message) == ("StatusCode.NOT_FOUND", True)
    with pytest.raises(InferenceServerException, match="NOT_FOUND"):
        client.load_model("nope")
