"""KServe's gRPC client talks to us unmodified.

It and Triton's client describe the same messages to protobuf, which refuses the second: each has a
process of its own.
"""

import json
import subprocess
import sys

import numpy as np

ASK = """
import asyncio, json, sys
import kserve, numpy as np

async def ask(address, rows):
    client = kserve.InferenceGRPCClient(address, timeout=20)
    x = np.array(rows)
    tensor = kserve.InferInput(name="X", shape=list(x.shape), datatype="FP64")
    tensor.set_data_from_numpy(x, binary_data=True)
    request = kserve.InferRequest(model_name="blobs", infer_inputs=[tensor])
    answer = await client.infer(request)
    ready = [await client.is_model_ready("blobs"), await client.is_server_ready()]
    await client.close()
    print(json.dumps([answer.outputs[0].as_numpy().tolist(), ready]))

asyncio.run(ask(sys.argv[1], json.loads(sys.argv[2])))
"""


def test_kserve_client_predicts_and_asks_for_readiness(server, served):
    rows = json.dumps(served.x[:20].tolist())
    command = [sys.executable, "-W", "ignore", "-c", ASK, server.grpc_address, rows]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    labels, ready = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_array_equal(labels, served.labels[:20])
    assert ready == [True, True]
