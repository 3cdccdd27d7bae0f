"""`:predict` takes rows of any shape and of several inputs; the command a server prints works."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest

import ferrule
from ferrule import flow
from ferrule.flow import nn

SERVE = "import sys; from ferrule import _core; sys.exit(_core.serve_main(sys.argv))"
RNG = np.random.default_rng(0)


class Reader(nn.Module):
    """A small network of images and a number each."""

    def __init__(self):
        self.maps = nn.Conv2d(2, 3, 2)
        self.out = nn.Linear(2 * 3 * 3 + 1, 2)

    def forward(self, image, weight):
        maps = self.maps(image).relu().flatten(1)
        return self.out(flow.cat([maps, weight.reshape(-1, 1)], 1))


@pytest.fixture(scope="module")
def images():
    return RNG.normal(size=(3, 3, 4, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def paths(tmp_path_factory, images):
    flow.manual_seed(0)
    folder = tmp_path_factory.mktemp("rows")
    one, two = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(18, 2)), Reader()
    ferrule.save(one, folder / "one.safetensors", inputs={"image": images[:1]})
    inputs = {"image": images[:1], "weight": np.ones(1, np.float32)}
    ferrule.save(two, folder / "two.safetensors", inputs=inputs)
    return {"one": (folder / "one.safetensors", one), "two": (folder / "two.safetensors", two)}


@pytest.fixture(scope="module")
def server(paths):
    with ferrule.Server(*(path for path, _ in paths.values())) as server:
        yield server


def asked(server, model, body):
    url = f"{server.http_url.rstrip('/')}/v1/models/{model}:predict"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]


def test_rows_of_rank_three_are_nested_lists(server, paths, images):
    expected = paths["one"][1](flow.tensor(images)).detach().numpy()
    rows = images.tolist()
    for body, key in [
        ({"instances": rows}, "predictions"),
        ({"instances": [{"image": row} for row in rows]}, "predictions"),
        ({"inputs": rows}, "outputs"),
        ({"inputs": {"image": rows}, "signature_name": "serving_default"}, "outputs"),
    ]:
        made = np.array(asked(server, "one", body)[key], np.float32)
        np.testing.assert_array_equal(made, expected)


def test_rows_of_several_inputs_are_objects(server, paths, images):
    weights = RNG.normal(size=3).astype(np.float32)
    expected = paths["two"][1](flow.tensor(images), flow.tensor(weights)).detach().numpy()
    pairs = zip(images.tolist(), weights.tolist(), strict=True)
    rows = [{"image": image, "weight": weight} for image, weight in pairs]
    columns = {"image": images.tolist(), "weight": weights.tolist()}
    made = asked(server, "two", {"instances": rows})["predictions"]
    np.testing.assert_array_equal(np.array(made, np.float32), expected)
    made = asked(server, "two", {"inputs": columns})["outputs"]
    np.testing.assert_array_equal(np.array(made, np.float32), expected)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [rows[0][:2]], "expected 3 lists, got 2"),
        (lambda rows: [[*rows[0], rows[0][0]]], "expected 3 lists, got more"),
        (lambda rows: [{"picture": rows[0]}], "expected one of `image`"),
        (lambda rows: [{}], "image"),
        (lambda rows: 3, "an array of rows"),
        (lambda rows: [[[["a", 1]] * 4] * 3], "a number"),
    ],
)
def test_what_is_no_row_is_refused_with_what_is_expected(server, images, change, told):
    answer = asked(server, "one", {"instances": change(images.tolist())})
    assert told in answer


def test_inputs_that_do_not_go_together_are_refused(server, images):
    row = images[0].tolist()
    assert "weight" in asked(server, "two", {"instances": [{"image": row}]})
    answer = asked(server, "two", {"inputs": {"image": [row, row], "weight": [1.0]}})
    assert "as many rows of each input, got 2 and 1" in answer
    assert "an object with `image`, `weight`" in asked(server, "two", {"instances": [row]})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("model", ["one", "two"])
def test_the_command_that_a_server_prints_gets_an_answer(paths, model):
    command = [sys.executable, "-c", SERVE, "--http-port=0", "--grpc-port=0", paths[model][0]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if found := re.search(r"try  (curl .*)", line):
                    break
            done = subprocess.run(
                [*shlex.split(found[1]), "--silent", "--fail-with-body"],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            process.kill()
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["outputs"][0]["shape"] == [1, 2]
