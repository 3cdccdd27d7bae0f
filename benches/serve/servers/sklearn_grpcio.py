"""scikit-learn behind grpcio's thread pool: the usual tutorial form.

usage: sklearn_grpcio.py PORT CENTERS.npy
"""

import sys
from concurrent import futures

import grpc
import numpy as np
import predict_pb2
import predict_pb2_grpc
from centers import load

model = load(sys.argv[2])


class Predictor(predict_pb2_grpc.PredictorServicer):
    """One row in, its label out."""

    def Predict(self, request, context):  # noqa: N802
        """Answer one call."""
        return predict_pb2.Label(label=int(model.predict(np.array([request.x]))[0]))


server = grpc.server(futures.ThreadPoolExecutor(10))
predict_pb2_grpc.add_PredictorServicer_to_server(Predictor(), server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
