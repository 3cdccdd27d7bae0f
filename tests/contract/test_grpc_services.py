"""Health, reflection, `ferrule.v1` and typed contents, by grpcio's generic clients."""

import socket

import grpc
import h2.connection
import numpy as np
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

import ferrule


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield channel


@pytest.fixture(scope="module")
def pool(channel):
    return DescriptorPool(ProtoReflectionDescriptorDatabase(channel))


@pytest.fixture(scope="module")
def call(channel, pool):
    """A function that calls `service/method` with fields, as the server describes them itself."""

    def call(service, method, metadata=None, **fields):
        described = pool.FindServiceByName(service).FindMethodByName(method)
        answer = GetMessageClass(described.output_type)
        stub = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        request = GetMessageClass(described.input_type)(**fields)
        return stub.with_call(request, metadata=metadata, timeout=10)

    return call


INFERENCE = "inference.GRPCInferenceService"


def test_reflection_lists_every_service(channel):
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {INFERENCE, "ferrule.v1.Predictor", "grpc.health.v1.Health"} <= set(services)


def test_health_tells_of_the_server_its_services_and_its_models(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", INFERENCE, "blobs"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="nope"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_predictor_takes_packed_doubles_and_gives_them(call, served):
    answer, _ = call(
        "ferrule.v1.Predictor", "Predict", model="blobs", columns=3, values=served.x.ravel()
    )
    np.testing.assert_array_equal(answer.predictions, served.labels)
    assert answer.columns == 1
    wide, _ = call("ferrule.v1.Predictor", "Predict", model="wide", values=served.wide_x.ravel())
    np.testing.assert_array_equal(wide.predictions, served.wide.predict(served.wide_x))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"columns": 2, "values": [1.0, 2.0]}, "columns must be 3 for this model, got 2"),
        ({"values": [1.0, 2.0]}, "values must be rows of 3, got 2 values"),
        ({"values": [1.0, 2.0, float("nan")]}, "NaN at element 2"),
    ],
)
def test_predictor_refuses_rows_that_do_not_fit(call, fields, expected):
    with pytest.raises(grpc.RpcError) as caught:
        call("ferrule.v1.Predictor", "Predict", model="blobs", **fields)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert expected in caught.value.details()


def infer(call, **changes):
    tensor = {
        "name": "X",
        "datatype": "FP64",
        "shape": [1, 3],
        "contents": {"fp64_contents": [1.0, 2.0, 3.0]},
        **changes.pop("tensor", {}),
    }
    return call(INFERENCE, "ModelInfer", model_name="blobs", inputs=[tensor], **changes)[0]


def test_typed_contents_are_answered_typed(call, served):
    fields = {"shape": [2, 3], "contents": {"fp64_contents": served.x[:2].ravel()}}
    answer = infer(call, tensor=fields)
    assert list(answer.outputs[0].contents.int_contents) == list(served.labels[:2])
    assert not answer.raw_output_contents


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"raw_input_contents": [bytes(24)]}, "both contents and raw_input_contents"),
        (
            {"tensor": {"contents": {"fp32_contents": [1.0, 2.0, 3.0]}}},
            "datatype FP64 must be in fp64_contents, got fp32_contents",
        ),
        ({"tensor": {"contents": {"fp64_contents": [1.0]}}}, "needs 3 elements, got 1"),
        ({"tensor": {"shape": [-1, 3]}}, "dimension 0 is -1; a dimension must be at least 0"),
        ({"tensor": {"shape": [1] * 9}}, "has 9 dimensions; at most 8"),
        ({"tensor": {"shape": [2**62, 2**62, 3]}}, "more than 16777216 elements"),
        ({"tensor": {"datatype": "FP63"}}, 'unknown datatype "FP63"; expected FP64'),
        ({"tensor": {"datatype": "FP16"}}, "FP16 goes in raw_input_contents"),
        ({"raw_input_contents": [b"", b""]}, "an entry for each of the 1 inputs, got 2"),
        (
            {"tensor": {"parameters": {"shared_memory_region": {"string_param": "x"}}}},
            "has the parameter shared_memory_region",
        ),
        ({"outputs": [{"name": f"o{n}"} for n in range(65)]}, "has 65 tensors; at most 64"),
    ],
)
def test_each_lie_about_a_tensor_is_told(call, changes, expected):
    with pytest.raises(grpc.RpcError) as caught:
        infer(call, **changes)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert expected in caught.value.details()


def test_the_request_id_comes_back_with_answers_and_errors(call):
    _, answered = call(INFERENCE, "ServerLive", metadata=[("x-request-id", "mine-1")])
    assert ("x-request-id", "mine-1") in answered.initial_metadata()
    _, fresh = call(INFERENCE, "ServerLive")
    assert len(dict(fresh.initial_metadata())["x-request-id"]) == 16
    with pytest.raises(grpc.RpcError) as caught:
        call(INFERENCE, "ModelMetadata", metadata=[("x-request-id", "mine-2")], name="nope")
    error = caught.value
    assert ("x-request-id", "mine-2") in [*error.initial_metadata(), *error.trailing_metadata()]


def test_bytes_that_are_no_message_are_refused(channel):
    stub = channel.unary_unary(f"/{INFERENCE}/ModelInfer")
    with pytest.raises(grpc.RpcError) as caught:
        stub(b"\xff\xff\xff")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{INFERENCE}/Nope")(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture
def small(served):
    """A channel to a server that takes bodies of 1000 bytes."""
    with ferrule.Server(served.folder, limits={"body_bytes_max": 1000}) as server:
        channel = grpc.insecure_channel(server.grpc_address)
        yield channel
        channel.close()


def test_a_message_beyond_the_limit_is_refused_and_one_at_it_is_taken(small):
    stub = small.unary_unary(f"/{INFERENCE}/ServerLive")
    # Field 15 is unknown to the message, and skipped: a byte of tag, two of length.
    exact = bytes([0x7A, 0xE0, 0x07]) + bytes(992)
    assert len(exact) + 5 == 1000
    assert stub(exact)
    with pytest.raises(grpc.RpcError) as caught:
        stub(bytes([0x7A, 0xE1, 0x07]) + bytes(993))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than 1000 bytes" in caught.value.details()


def raw_call(address, method, message, *headers):
    """Make a call with these headers over a bare HTTP/2 connection; return its grpc-status."""
    host, port = address.rsplit(":", 1)
    http = h2.connection.H2Connection()
    http.initiate_connection()
    start = [(":method", "POST"), (":scheme", "http"), (":authority", address), (":path", method)]
    http.send_headers(1, [*start, ("content-type", "application/grpc"), *headers])
    http.send_data(1, bytes([0, *len(message).to_bytes(4)]) + message, end_stream=True)
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(http.data_to_send())
        while True:
            for event in http.receive_data(peer.recv(65536)):
                found = dict(getattr(event, "headers", None) or [])
                if b"grpc-status" in found:
                    return int(found[b"grpc-status"])
            peer.sendall(http.data_to_send())


@pytest.mark.parametrize(
    ("timeout", "status"), [("0n", 4), ("1n", 4), ("10S", 0), ("10", 3), ("-1S", 3)]
)
def test_a_call_whose_deadline_has_passed_is_not_run(server, call, pool, timeout, status):
    def count():
        stats = call(INFERENCE, "ModelStatistics", name="blobs")[0].model_stats[0]
        return stats.execution_count

    request = GetMessageClass(pool.FindMessageTypeByName("ferrule.v1.PredictRequest"))
    message = request(model="blobs", values=[1.0, 2.0, 3.0]).SerializeToString()
    before = count()
    path = "/ferrule.v1.Predictor/Predict"
    assert raw_call(server.grpc_address, path, message, ("grpc-timeout", timeout)) == status
    assert count() - before == (status == 0)
