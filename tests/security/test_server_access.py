"""Who may talk to a server: keys, TLS, the Host check; and what errors tell."""

import http.client
import json
import shutil
import ssl
import subprocess

import grpc
import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans
from ferrule.errors import InvalidArgumentError

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
LIVE = "/inference.GRPCInferenceService/ServerLive"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("access") / "iris.safetensors"
    ferrule.save(KMeans(2, n_init=1, random_state=0).fit(np.arange(8.0).reshape(4, 2)), path)
    return path


def get(server, path, **headers):
    host = server.http_url.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


@pytest.fixture(scope="module")
def guarded(model):
    keys = model.with_name("keys")
    keys.write_text(f"# two, so that one can be replaced\n{KEY}\n{OTHER}\n")
    with ferrule.Server(model, api_key_file=keys) as server:
        yield server


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_each_key_opens_both_protocols(guarded, key):
    assert get(guarded, "/v2/models/iris", Authorization=f"Bearer {key}")[0] == 200
    with grpc.insecure_channel(guarded.grpc_address) as channel:
        assert channel.unary_unary(LIVE)(b"", metadata=[("authorization", f"Bearer {key}")])


@pytest.mark.parametrize("value", [None, KEY, f"Basic {KEY}", f"Bearer {KEY[:-1]}", "Bearer "])
def test_without_a_key_only_health_is_told(guarded, value):
    headers = {} if value is None else {"Authorization": value}
    for path in ("/v2/models/iris", "/metrics", "/openapi.json", "/nope"):
        status, _, answered = get(guarded, path, **headers)
        assert (status, answered["www-authenticate"]) == (401, "Bearer")
    assert get(guarded, "/healthz", **headers)[0] == 200
    metadata = [] if value is None else [("authorization", value)]
    with grpc.insecure_channel(guarded.grpc_address) as channel:
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(LIVE)(b"", metadata=metadata)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("text", ["", "# none\n", "short\n"])
def test_a_key_file_without_a_strong_key_is_refused(model, tmp_path, text):
    keys = tmp_path / "keys"
    keys.write_text(text)
    with pytest.raises(InvalidArgumentError, match="openssl rand -hex 32"):
        ferrule.Server(model, api_key_file=keys).start()


def test_beyond_loopback_needs_keys_or_an_explicit_no(model):
    with pytest.raises(InvalidArgumentError, match="give api_key_file, or no_auth"):
        ferrule.Server(model, host="0.0.0.0").start()
    with ferrule.Server(model, host="0.0.0.0", no_auth=True) as server:
        assert server.grpc_address.startswith("0.0.0.0:")


def test_a_web_page_with_a_rebound_name_is_turned_away(model):
    with ferrule.Server(model, allowed_hosts=["models.internal"]) as server:
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80", ""):
            assert get(server, "/v2", Host=host)[0] == 403
        for host in ("localhost", "127.0.0.1:9", "[::1]", "models.internal:80"):
            assert get(server, "/v2", Host=host)[0] == 200


def test_tls_serves_both_protocols(model, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([openssl, *make, *names, *files], check=True, capture_output=True)
    with ferrule.Server(model, tls_cert=cert, tls_key=key) as server:
        context = ssl.create_default_context(cafile=str(cert))
        host, port = server.http_url.removeprefix("https://").split(":")
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
        connection.request("GET", "/v2/health/live")
        assert json.loads(connection.getresponse().read())["live"] is True
        connection.close()
        trusted = grpc.ssl_channel_credentials(cert.read_bytes())
        with grpc.secure_channel(server.grpc_address, trusted) as channel:
            assert channel.unary_unary(LIVE)(b"", timeout=10)


def test_errors_of_a_load_tell_no_path(model):
    with ferrule.Server(model) as server, grpc.insecure_channel(server.grpc_address) as channel:
        whole = model.read_bytes()
        model.write_bytes(whole[:-1])
        try:
            with pytest.raises(grpc.RpcError) as caught:
                # RepositoryModelLoadRequest { model_name: "iris" }
                channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")(
                    b"\x12\x04iris"
                )
        finally:
            model.write_bytes(whole)
    assert "the model's file" in caught.value.details()
    assert str(model.parent) not in caught.value.details()
