"""docs/reference/artifact-format.md says how artifacts are: what it shows runs and is true."""

import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

import ferrule
from ferrule.artifact import ScaledKMeans, Scaler
from ferrule.cluster import KMeans

PAGE = Path(__file__).parents[2] / "docs/reference/artifact-format.md"


@pytest.fixture(params=["float64", "float32", "scaled"])
def path(request, tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 3))
    start = X[:4]
    if request.param == "float32":
        X = X.astype(np.float32)
    model = KMeans(n_clusters=4, init=start, n_init=1).fit(X)
    if request.param == "scaled":
        scaler = Scaler("minmax", np.zeros(3), np.full(3, 0.5), (0.0, 1.0))
        model = ScaledKMeans(scaler, model, feature_names=["größe", 'a"b', "c\\d"])
    ferrule.save(model, tmp_path / "model.safetensors", metadata={"é": [1e-7, 0.5, "\u001f"]})
    return tmp_path / "model.safetensors"


def header_of(path):
    content = path.read_bytes()
    [length] = struct.unpack("<Q", content[:8])
    return content[8 : 8 + length]


def test_the_digest_of_the_page_is_the_digest_in_the_file(path):
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code.replace('open(path, "rb").read()', "path.read_bytes()"), names)
    assert names["digest"](path) == ferrule.inspect(path).digest


def test_the_header_is_in_the_form_of_the_page(path):
    header = json.loads(header_of(path))
    metadata = header.pop("__metadata__")
    described = re.findall(r"^\| `(ferrule\.\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(metadata) == sorted(described)
    tensors = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
    strings = json.dumps(dict(sorted(metadata.items())), separators=(",", ":"), ensure_ascii=False)
    text = f'{{"__metadata__":{strings},{tensors[1:]}'.encode()
    assert header_of(path) == text + b" " * (-len(text) % 8)
    order = [(-int(entry["dtype"][1:]), name) for name, entry in header.items()]
    assert order == sorted(order)


def test_the_manifest_has_the_fields_of_the_page_in_canonical_form(path):
    text = json.loads(header_of(path))["__metadata__"]["ferrule.manifest"]
    manifest = json.loads(text)
    section = PAGE.read_text().split("## The manifest")[1].split("## ")[0]
    assert sorted(manifest) == sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert list(manifest) == sorted(manifest)
    assert ": " not in re.sub(r'"[^"]*"', "", text)
