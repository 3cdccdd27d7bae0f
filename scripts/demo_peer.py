"""What `make demo` compares with: scikit-learn behind grpcio, speaking the same protocol.

Also sends one gRPC request, as any client with the generated messages would. Runs in .demo/venv.
usage: demo_peer.py serve PORT CENTERS.npy | demo_peer.py call HOST:PORT MODEL X1,X2,…
"""

import signal
import sys
from concurrent import futures

import grpc
import inference_pb2 as messages
import inference_pb2_grpc as service
import numpy as np

THREADS = 10


class Predictor(service.GRPCInferenceServiceServicer):
    """ModelInfer over a scikit-learn KMeans: raw contents in, raw contents out."""

    def __init__(self, centers: np.ndarray) -> None:
        from sklearn.cluster import KMeans

        # One sample at each centre, and no step from there: exactly these centres.
        self.model = KMeans(len(centers), init=centers, n_init=1, max_iter=1).fit(centers)

    def ModelInfer(self, request, context):  # noqa: N802 -- the protocol's name
        """Answer one call."""
        x = np.frombuffer(request.raw_input_contents[0]).reshape(request.inputs[0].shape)
        labels = self.model.predict(x)
        answer = messages.ModelInferResponse(model_name=request.model_name, model_version="1")
        answer.outputs.add(name="label", datatype="INT32", shape=labels.shape)
        answer.raw_output_contents.append(labels.astype("<i4").tobytes())
        return answer


def serve(port: str, centers: str) -> None:
    """Serve until SIGTERM."""
    server = grpc.server(futures.ThreadPoolExecutor(THREADS))
    predictor = Predictor(np.load(centers))
    service.add_GRPCInferenceServiceServicer_to_server(predictor, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=1))
    server.start()
    server.wait_for_termination()


def call(address: str, model: str, row: str) -> None:
    """Send one row and print its label."""
    x = np.array([[float(value) for value in row.split(",")]])
    request = messages.ModelInferRequest(model_name=model, raw_input_contents=[x.tobytes()])
    request.inputs.add(name="X", datatype="FP64", shape=x.shape)
    with grpc.insecure_channel(address) as channel:
        answer = service.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
    print(np.frombuffer(answer.raw_output_contents[0], "<i4").tolist())


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
