"""Every field of a request, with every value that has hurt a server before.

JSON is written as text, so that what JSON forbids can be sent, too.
"""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

_MARK = "\ue000"
_DEEP = 5_000

# As JSON text; the last ones are not JSON.
VALUES = {
    "-1": "-1",
    "0": "0",
    "1": "1",
    "2": "2",
    "3": "3",
    "-0.0": "-0.0",
    "0.5": "0.5",
    "127": "127",
    "128": "128",
    "129": "129",
    "2^24+1": "16777217",
    "2^31-1": str(2**31 - 1),
    "2^31": str(2**31),
    "2^32": str(2**32),
    "2^53+1": str(2**53 + 1),
    "2^63-1": str(2**63 - 1),
    "2^63": str(2**63),
    "-2^63": str(-(2**63)),
    "-2^63-1": str(-(2**63) - 1),
    "2^64": str(2**64),
    "10^400": "1" + "0" * 400,
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e-400": "1e-400",
    "1e999999999999": "1e999999999999",
    "max double": "1.7976931348623157e308",
    "denormal": "5e-324",
    "long decimal": "0." + "1" * 5_000,
    "empty string": '""',
    "string": '"x"',
    "number as string": '"1"',
    "1 MiB string": '"' + "x" * (1 << 20) + '"',
    "escapes": r'"\u0000\ud83d\ude00\n\""',
    "path": '"../../etc/passwd"',
    "html": '"<script>alert(1)</script>"',
    "rtl and bom": '"\\u202e\\ufeff"',
    "true": "true",
    "false": "false",
    "null": "null",
    "empty list": "[]",
    "list of null": "[null]",
    "nested list": "[[[1]]]",
    "long list": "[" + "0," * 20_000 + "0]",
    "empty object": "{}",
    "object": '{"a":1}',
    "deep list": "[" * _DEEP + "]" * _DEEP,
    "deep object": '{"a":' * _DEEP + "1" + "}" * _DEEP,
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "hexadecimal": "0x10",
    "leading zero": "01",
    "plus": "+1",
    "bare point": ".5",
    "unclosed string": '"x',
    "unclosed list": "[1",
    "lone surrogate": r'"\ud800"',
    "control character": '"\x01"',
    "bare word": "undefined",
    "nothing": "",
    "comment": "/* */ 1",
    "unclosed deep list": "[" * _DEEP,
}

INFER = {
    "id": "a",
    "parameters": {"priority": 1, "binary_data_output": False},
    "inputs": [
        {
            "name": "X",
            "datatype": "FP64",
            "shape": [2, 2],
            "parameters": {"k": "v"},
            "data": [1.0, 2.0, 3.0, 4.0],
        }
    ],
    "outputs": [{"name": "label", "parameters": {"binary_data": False}}, {"name": "distances"}],
}
BINARY = {
    "inputs": [
        {
            "name": "X",
            "datatype": "FP64",
            "shape": [1, 2],
            "parameters": {"binary_data_size": 16},
        }
    ],
    "outputs": [{"name": "distances", "parameters": {"binary_data": True}}],
}
COLUMNS = {
    "inputs": [
        {"name": name, "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}
        for name in ("length", "width")
    ]
}
NESTED = {
    "inputs": [{"data": [[1.0, 2.0], [3.0, 4.0]], "shape": [2, 2], "datatype": "FP64", "name": "X"}]
}
ROWS = {"signature_name": "serving_default", "instances": [[1.0, 2.0], [3.0, 4.0]]}
OBJECTS = {"instances": [{"length": 1.0, "width": 2.0}, {"X": [1.0, 2.0]}]}
TABLE = {"inputs": {"length": [1.0, 2.0], "width": [3.0, 4.0]}}

# (name, path, body)
REQUESTS = [
    ("infer", "/v2/models/iris/infer", INFER),
    ("infer version", "/v2/models/iris/versions/1/infer", INFER),
    ("infer nested", "/v2/models/iris/infer", NESTED),
    ("infer columns", "/v2/models/named/infer", COLUMNS),
    ("infer binary", "/v2/models/iris/infer", BINARY),
    ("predict rows", "/v1/models/iris:predict", ROWS),
    ("predict objects", "/v1/models/named:predict", OBJECTS),
    ("predict table", "/v1/models/named:predict", TABLE),
    ("index", "/v2/repository/index", {"ready": True}),
    ("load", "/v2/repository/models/iris/load", {"parameters": {"unload_dependents": False}}),
]


def fields(body: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every member and item of `body`, and of `body` itself."""
    yield path
    if isinstance(body, dict):
        children = body.items()
    elif isinstance(body, list):
        children = enumerate(body)
    else:
        return
    for key, child in children:
        yield from fields(child, (*path, key))


def _write(body: Any, path: tuple, at: tuple, text: str | None, twice: bool) -> str:
    """Return the JSON of `body` with `text` (nothing if None) in the place `at`."""
    if path == at:
        return text if text is not None else _MARK
    if isinstance(body, dict):
        members = []
        for key, child in body.items():
            here = (*path, key)
            written = f"{json.dumps(key)}:{_write(child, here, at, text, twice)}"
            if here == at and text is None:
                continue
            members += [written] * (2 if here == at and twice else 1)
        return "{" + ",".join(members) + "}"
    if isinstance(body, list):
        items = [
            _write(child, (*path, index), at, text, twice)
            for index, child in enumerate(body)
            if not ((*path, index) == at and text is None)
        ]
        return "[" + ",".join(items) + "]"
    return json.dumps(body)


def single_edits(body: Any) -> Iterator[tuple[str, str]]:
    """Yield (what was done, JSON text) for each field and each value."""
    for at in fields(body):
        where = ".".join(map(str, at)) or "body"
        for name, text in VALUES.items():
            yield f"{where} = {name}", _write(body, (), at, text, twice=False)
        if at:
            yield f"{where} missing", _write(body, (), at, None, twice=False)
            original = json.dumps(_at(body, at))
            yield f"{where} twice", _write(body, (), at, original, twice=True)


def _at(body: Any, path: tuple) -> Any:
    for key in path:
        body = body[key]
    return body


def double_edits(body: Any, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield `count` texts with two fields changed, drawn by `seed`; only values that are JSON."""
    rng = random.Random(seed)
    small = [(name, text) for name, text in VALUES.items() if _is_json(text)]
    places = [path for path in fields(body) if path]
    for _ in range(count if len(places) > 1 else 0):
        first, second = rng.sample(places, 2)
        (name_1, text_1), (name_2, text_2) = rng.choice(small), rng.choice(small)
        changed = json.loads(_write(body, (), first, text_1, twice=False))
        text = _write(changed, (), second, text_2, twice=False)
        yield f"{first} = {name_1}, {second} = {name_2}", text


def _is_json(text: str) -> bool:
    if len(text) > 1_000:
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return text not in {"NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e999999999999"}


def rest_cases(doubles: int) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Yield (what was done, path, body, headers); `doubles` cases a request change two fields."""
    for name, path, body in REQUESTS:
        edits = itertools.chain(single_edits(body), double_edits(body, doubles, seed=7))
        for what, text in edits:
            data, headers = text.encode("utf-8", "surrogatepass"), {}
            if body is BINARY:
                headers = {"Inference-Header-Content-Length": str(len(data))}
                data += bytes(16)
            yield f"{name}: {what}", path, data, headers
    yield from _header_cases()
    yield from _path_cases()


def _header_cases() -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    header = json.dumps(BINARY).encode()
    length = len(header)
    lengths = [-1, 0, 1, length - 1, length, length + 1, length + 16, length + 17, 2**31, 2**63]
    texts = [str(value) for value in lengths] + [
        "",
        " 5",
        "5 ",
        "+5",
        "0x5",
        "5.0",
        "NaN",
        "9" * 99,
    ]
    for text, tail in itertools.product(texts, [0, 1, 15, 16, 17, 4_096]):
        headers = {"Inference-Header-Content-Length": text}
        yield f"header length {text!r}", "/v2/models/iris/infer", header + bytes(tail), headers
    body = json.dumps(ROWS).encode()
    for name, value in itertools.product(
        ["Content-Type", "Content-Encoding", "Accept", "X-Request-Id", "Expect", "Range", "TE"],
        ["", "x", "*/*", "text/html", "gzip", "a" * 4_000, "application/json;" * 50, "\xff\xfe"],
    ):
        yield f"{name}: {value!r}", "/v1/models/iris:predict", body, {name: value}


def _path_cases() -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    body = json.dumps(ROWS).encode()
    names = [
        "..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%252e%252e", "iris%00", "%", "%zz", "%ff",
        "iris;a=b", "iris,", "I" * 129, "I" * 4_000, "%E2%80%AE", "con", "-1", "iris%20", "*", "~",
    ]  # fmt: skip
    versions = ["0", "1", "2", "-1", "01", "+1", "1.0", "latest", str(2**63), str(2**64), "9" * 500]
    templates = [
        "/v2/models/{}/infer", "/v1/models/{}:predict", "/v2/models/{}", "/v2/models/{}/ready",
        "/v2/models/{}/stats", "/v2/repository/models/{}/load", "/v2/repository/models/{}/unload",
        "/v1/models/{}", "/{}", "/v2/{}", "/v2/models/{}/{}",
    ]  # fmt: skip
    for template, name in itertools.product(templates, names):
        path = template.replace("{}", name)
        yield f"path {path[:60]}", path, body, {}
    for template, version in itertools.product(
        ["/v2/models/iris/versions/{}/infer", "/v1/models/iris/versions/{}:predict"], versions
    ):
        yield f"version {version[:30]}", template.replace("{}", version), body, {}
