"""How one row is asked of each service, and how its label is read from the answer."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass

import ferrule_v1_pb2
import inference_pb2
import numpy as np
import predict_pb2

MODEL = "kmeans"


@dataclass(frozen=True)
class Call:
    """One kind of request."""

    kind: str  # grpc or rest
    path: str
    encode: Callable[[np.ndarray], bytes]
    decode: Callable[[bytes], int]

    def body(self, row: np.ndarray) -> bytes:
        """Return what goes over the wire for a row: for gRPC, one uncompressed frame."""
        message = self.encode(row)
        return b"\0" + struct.pack(">I", len(message)) + message if self.kind == "grpc" else message

    def reply_bytes(self, reply: bytes) -> int:
        """Return the length of a reply as a load generator counts it."""
        return len(reply) + 5 * (self.kind == "grpc")


def _infer(row: np.ndarray) -> bytes:
    tensor = inference_pb2.ModelInferRequest.InferInputTensor(
        name="X", datatype="FP64", shape=[1, len(row)]
    )
    return inference_pb2.ModelInferRequest(
        model_name=MODEL, inputs=[tensor], raw_input_contents=[row.tobytes()]
    ).SerializeToString()


def _infer_label(reply: bytes) -> int:
    raw = inference_pb2.ModelInferResponse.FromString(reply).raw_output_contents[0]
    return int(np.frombuffer(raw, "<i4")[0])


def _predict(row: np.ndarray) -> bytes:
    return ferrule_v1_pb2.PredictRequest(
        model=MODEL, columns=len(row), values=row.tolist()
    ).SerializeToString()


def _predict_label(reply: bytes) -> int:
    return int(ferrule_v1_pb2.PredictResponse.FromString(reply).predictions[0])


def _rest_infer(row: np.ndarray) -> bytes:
    tensor = {"name": "X", "shape": [1, len(row)], "datatype": "FP64", "data": row.tolist()}
    return json.dumps({"inputs": [tensor]}).encode()


INFER = Call("grpc", "/inference.GRPCInferenceService/ModelInfer", _infer, _infer_label)
PREDICT = Call("grpc", "/ferrule.v1.Predictor/Predict", _predict, _predict_label)
PEER_GRPC = Call(
    "grpc",
    "/bench.Predictor/Predict",
    lambda row: predict_pb2.Row(x=row.tolist()).SerializeToString(),
    lambda reply: predict_pb2.Label.FromString(reply).label,
)
REST_PREDICT = Call(
    "rest",
    f"/v1/models/{MODEL}:predict",
    lambda row: json.dumps({"instances": [row.tolist()]}).encode(),
    lambda reply: int(json.loads(reply)["predictions"][0]),
)
REST_INFER = Call(
    "rest",
    f"/v2/models/{MODEL}/infer",
    _rest_infer,
    lambda reply: int(json.loads(reply)["outputs"][0]["data"][0]),
)
PEER_REST = Call(
    "rest",
    "/predict",
    lambda row: json.dumps({"x": row.tolist()}).encode(),
    lambda reply: json.loads(reply)["label"],
)
