"""The OpenAPI document and the metrics are what their formats' own readers accept."""

import httpx
import numpy as np
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

import ferrule
from ferrule.cluster import KMeans


@pytest.fixture(scope="module")
def server():
    model = KMeans(3, n_init=1, random_state=0).fit(np.eye(3))
    with ferrule.Server(model, name="eye") as server, httpx.Client(base_url=server.http_url) as c:
        yield c


def test_the_openapi_document_is_valid(server):
    document = server.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert "/v2/models/eye/infer" in document["paths"]
    predict = document["components"]["schemas"]["eye.PredictRequest"]
    row = predict["properties"]["instances"]["items"]["anyOf"][0]
    assert (row["minItems"], row["maxItems"]) == (3, 3)


def test_every_get_path_of_the_document_answers_200(server):
    document = server.get("/openapi.json").json()
    paths = [path for path, item in document["paths"].items() if "get" in item]
    assert len(paths) > 10
    assert {path: server.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def samples(server):
    response = server.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_count_requests_rows_and_time(server):
    for rows in (1, 3, 70):
        body = {"instances": np.zeros((rows, 3)).tolist()}
        assert server.post("/v1/models/eye:predict", json=body).status_code == 200
    assert server.post("/v1/models/eye:predict", json={}).status_code == 400
    seen = samples(server)
    labels = (("model", "eye"), ("version", "1"))
    assert seen["ferrule_requests_total", ("code", "ok"), *labels] == 3
    assert seen["ferrule_requests_total", ("code", "invalid_argument"), *labels] == 1
    assert seen["ferrule_batch_rows_count", *labels] == 3
    assert seen["ferrule_batch_rows_sum", *labels] == 74
    assert seen["ferrule_batch_rows_bucket", ("le", "4"), *labels] == 2
    assert seen["ferrule_request_duration_seconds_count", *labels] == 4
    assert 0 < seen["ferrule_request_duration_seconds_sum", *labels] < 1
    assert seen["ferrule_requests_in_flight", *labels] == 0
    assert seen[("process_resident_memory_bytes",)] > 1e6


def test_a_name_that_a_client_invents_makes_no_series(server):
    before = len(samples(server))
    for number in range(200):
        server.post(f"/v1/models/ghost{number}:predict", json={})
        server.get(f"/ghost{number}")
    after = samples(server)
    assert not any("ghost" in str(key) for key in after)
    assert len(after) <= before + 1  # the status 404
