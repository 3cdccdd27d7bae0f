"""The cheapest that Python gRPC can do: grpc.aio and three lines of NumPy, no validation.

usage: numpy_grpc_aio.py PORT CENTERS.npy
"""

import asyncio
import sys

import grpc
import numpy as np
import predict_pb2
import predict_pb2_grpc

centers = np.load(sys.argv[2])


class Predictor(predict_pb2_grpc.PredictorServicer):
    """One row in, its label out."""

    async def Predict(self, request, context):  # noqa: N802
        """Answer one call."""
        difference = centers - np.array(request.x)
        return predict_pb2.Label(label=int((difference * difference).sum(1).argmin()))


async def main():
    """Serve until killed."""
    server = grpc.aio.server()
    predict_pb2_grpc.add_PredictorServicer_to_server(Predictor(), server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
