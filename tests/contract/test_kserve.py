"""KServe's clients, gRPC and REST, talk to us unmodified.

They and Triton's describe the same messages to protobuf, which refuses the second: these have a
process of their own.
"""

import json
import subprocess
import sys

import numpy as np

ASK = """
import asyncio, json, sys
import kserve, numpy as np

def tensor(rows, binary):
    x = np.array(rows)
    tensor = kserve.InferInput(name="X", shape=list(x.shape), datatype="FP64")
    tensor.set_data_from_numpy(x, binary_data=binary)
    return tensor

async def ask_grpc(address, rows):
    client = kserve.InferenceGRPCClient(address, timeout=20)
    request = kserve.InferRequest(model_name="blobs", infer_inputs=[tensor(rows, True)])
    answer = await client.infer(request)
    ready = [await client.is_model_ready("blobs"), await client.is_server_ready()]
    await client.close()
    return answer.outputs[0].as_numpy().tolist(), ready, answer.id

async def ask_rest(url, rows):
    client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", timeout=20))
    request = kserve.InferRequest("blobs", [tensor(rows, False)], request_id="k-1")
    answer = await client.infer(url, request, model_name="blobs")
    ready = [await client.is_model_ready(url, "blobs"), await client.is_server_ready(url)]
    await client.close()
    return answer.outputs[0].as_numpy().tolist(), ready, answer.id

async def ask(grpc_address, http_url, rows):
    return [await ask_grpc(grpc_address, rows), await ask_rest(http_url, rows)]

print(json.dumps(asyncio.run(ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))))
"""


def test_kserves_clients_predict_and_ask_for_readiness(server, served):
    rows = json.dumps(served.x[:20].tolist())
    arguments = [server.grpc_address, server.http_url, rows]
    command = [sys.executable, "-W", "ignore", "-c", ASK, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    grpc, rest = json.loads(done.stdout.splitlines()[-1])
    for labels, ready, _ in (grpc, rest):
        np.testing.assert_array_equal(labels, served.labels[:20])
        assert ready == [True, True]
    assert rest[2] == "k-1"
