"""Hostile files: what an attacker, a disk or another tool may put where a model should be.

``python attacks/artifacts.py FOLDER`` writes them all, with ``verdicts.json``: what reading each
one must answer. Only the standard library is used, and nothing of Ferrule: the files are made by
the words of ``docs/reference/artifact-format.md``.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

from attack import Attack, damaged, main

# What pickle.dumps({"a": 1}) gives.
PICKLE = b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s."
NAN, INF = struct.pack("<d", float("nan")), struct.pack("<d", float("inf"))


def attacks() -> Iterator[Attack]:
    """Yield every attack."""
    yield from lengths()
    yield from texts()
    yield from structures()
    yield from layouts()
    yield from polyglots()
    yield from other_files()
    yield from manifests()
    yield from signatures()
    yield from models()
    yield from scalers()
    yield from graphs()
    yield from seals()


# How a file is made.


def framed(header: bytes | str, data: bytes = b"", length: int | None = None) -> bytes:
    """Put the length field in front."""
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype: str = "U8", shape: Any = (1,), offsets: Any = (0, 1)) -> dict[str, Any]:
    """Return one tensor's entry."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(*parts: bytes) -> str:
    """Return the digest of `parts` with a 0 byte between each and the next."""
    return "sha256:" + hashlib.sha256(b"\0".join(parts)).hexdigest()


def manifest(**changes: Any) -> dict[str, Any]:
    """Return the manifest of two centres in the plane, with `changes`."""
    outputs = [
        {"name": "label", "dtype": "INT32", "shape": [-1]},
        {"name": "distances", "dtype": "FP64", "shape": [-1, 2], "optional": True},
    ]
    inputs = [{"name": "X", "dtype": "FP64", "shape": [-1, 2]}]
    whole = {
        "format_version": 1,
        "kind": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "signature": {"inputs": inputs, "outputs": outputs},
        "training": {"rows": 10},
        "metadata": {},
        "versions": {"ferrule": "0.1.0"},
    }
    return whole | changes


Tensors = list[tuple[str, str, list[int], bytes]]
CENTERS: Tensors = [("cluster_centers", "F64", [2, 2], bytes(32))]


def tensor_table(tensors: Tensors) -> dict[str, Any]:
    """Return the header's entries, in the order of the data."""
    table, start = {}, 0
    for name, dtype, shape, data in tensors:
        table[name] = entry(dtype, shape, [start, start + len(data)])
        start += len(data)
    return table


def sealed(text: Any = None, tensors: Tensors = CENTERS, **changes: Any) -> bytes:
    """Return an artifact whose digest and check are right, whatever it says."""
    text = canonical(manifest(**changes)) if text is None else text
    data = b"".join(tensor[3] for tensor in tensors)
    table = json.dumps(tensor_table(tensors), separators=(",", ":"), ensure_ascii=False)
    digest = sha256(text.encode(), table.encode(), data)
    created = "2026-01-31T12:00:00Z"
    metadata = {
        "ferrule.created_at": created,
        "ferrule.created_at_check": sha256(digest.encode(), created.encode()),
        "ferrule.digest": digest,
        "ferrule.manifest": text,
    }
    header = canonical({"__metadata__": metadata})[:-1] + ("," if tensors else "") + table[1:]
    return framed(padded(header), data)


def padded(header: str) -> bytes:
    """Pad with spaces to a multiple of eight bytes."""
    raw = header.encode()
    return raw + b" " * (-len(raw) % 8)


# What is wrong with it.


def lengths() -> Iterator[Attack]:
    """Yield files whose first eight bytes lie."""
    yield damaged("empty", b"", "truncated: the length of the header needs 8 bytes")
    yield damaged("seven-bytes", b"\x40\0\0\0\0\0\0", "truncated: the length of the header")
    yield damaged("header-of-nothing", framed(b""), "truncated: the header")
    yield damaged("header-past-the-end", framed("{}", length=3), "truncated: the header needs 3")
    yield damaged("header-of-a-megabyte", framed("{}", length=1 << 20), "truncated: the header")
    claims = {"100-mb": 10**8, "8-gb": 1 << 33, "2-to-63": 1 << 63, "2-to-64": (1 << 64) - 1}
    for name, length in claims.items():
        content = framed("{}" + " " * 54, length=length)
        says = f"the header claims {length} bytes"
        yield Attack(f"64-bytes-that-claim-{name}", content, "ResourceExhaustedError", says)
    whole = sealed()
    for cut in (8, 9, 100, len(whole) - 33, len(whole) - 32, len(whole) - 1):
        yield damaged(f"cut-after-{cut}", whole[:cut], "truncated")


def texts() -> Iterator[Attack]:
    """Yield headers that are not the text they should be."""
    yield damaged("no-json", framed("hello"), "must begin with '{'")
    yield damaged("array", framed("[]"), "must begin with '{'")
    yield damaged("leading-space", framed(" {}"), "must begin with '{'")
    yield damaged("byte-order-mark", framed(b"\xef\xbb\xbf{}"), "must begin with '{'")
    yield damaged("unclosed", framed('{"a":'), "not a safetensors header: EOF")
    yield damaged("two-objects", framed("{}{}"), "trailing characters")
    yield damaged("comment", framed("{}//"), "trailing characters")
    yield damaged("not-utf-8", framed(b'{"\xff":1}'), "not UTF-8 from its byte 2")
    yield damaged("overlong-utf-8", framed(b'{"\xc0\xaf":1}'), "not UTF-8")
    yield damaged("utf-16", framed('{"a":1}'.encode("utf-16-le")), "not a safetensors header")
    yield damaged("lone-surrogate", framed('{"\\ud800":1}'), "not a safetensors header")
    yield damaged("raw-control-character", framed(b'{"\x01":1}'), "control character")
    arrays, objects = "[" * 100_000, '{"a":' * 100_000
    yield damaged("arrays-too-deep", framed('{"a":' + arrays), "not a safetensors header")
    yield damaged("objects-too-deep", framed(objects), "not a safetensors header")
    deep = '{"a":{"dtype":' + arrays + "}"
    yield damaged("dtype-too-deep", framed(deep), "not a safetensors header")
    field = '{"a":{"x":' + arrays
    yield damaged("unknown-field-too-deep", framed(field), "not a safetensors header")
    name = "\x1b[2J\x9b" + "x" * 100_000
    content = framed(json.dumps({name: entry("Q8")}), b"\0")
    yield damaged("name-that-clears-the-screen", content, '"\\u{1b}[2J')


def structures() -> Iterator[Attack]:
    """Yield JSON that is no header, or two headers at once."""
    one = json.dumps(entry())
    yield damaged("tensor-twice", framed(f'{{"a":{one},"a":{one}}}', b"\0"), 'key "a" twice')
    twice = '{"__metadata__":{},"__metadata__":{}}'
    yield damaged("metadata-twice", framed(twice), 'key "__metadata__" twice')
    twice = '{"__metadata__":{"k":"1","k":"2"}}'
    yield damaged("metadata-key-twice", framed(twice), 'key "k" twice')
    twice = '{"a":{"dtype":"U8","dtype":"F64","shape":[1],"data_offsets":[0,1]}}'
    yield damaged("dtype-twice", framed(twice, b"\0"), 'key "dtype" twice')
    extra = json.dumps({"a": entry() | {"path": "/etc/passwd"}})
    yield damaged("field-that-names-a-file", framed(extra, b"\0"), "has the unknown field")
    yield damaged("entry-as-array", framed('{"a":["U8",[1],[0,1]]}', b"\0"), "invalid type")
    yield damaged("no-dtype", framed('{"a":{"shape":[1],"data_offsets":[0,1]}}'), "missing field")
    yield damaged("metadata-null", framed('{"__metadata__":null}'), "invalid type: null")
    yield damaged("metadata-number", framed('{"__metadata__":{"a":1}}'), "invalid type")
    yield damaged("metadata-nested", framed('{"__metadata__":{"a":{"b":"c"}}}'), "invalid type")
    tensors = ",".join(f'"{i}":{json.dumps(entry("U8", [0], [0, 0]))}' for i in range(65_537))
    content = framed(f"{{{tensors}}}")
    yield Attack("65537-tensors", content, "ResourceExhaustedError", "more than 65536 tensors")
    strings = ",".join(f'"{i}":""' for i in range(65_537))
    content = framed(f'{{"__metadata__":{{{strings}}}}}')
    yield Attack("65537-strings", content, "ResourceExhaustedError", "__metadata__ entries")
    for rank in (9, 500_000):
        content = framed(json.dumps({"a": entry("U8", [1] * rank)}), b"\0")
        yield Attack(f"rank-{rank}", content, "ResourceExhaustedError", "more than 8 dimensions")


def layouts() -> Iterator[Attack]:
    """Yield tensors that lie where they must not."""

    def file(data_bytes: int, **entries: Any) -> bytes:
        return framed(json.dumps(entries), bytes(data_bytes))

    yield damaged(
        "overlap", file(3, a=entry("U8", [2], [0, 2]), b=entry("U8", [2], [1, 3])), "hole"
    )
    yield damaged(
        "same-bytes", file(2, a=entry("U8", [2], [0, 2]), b=entry("U8", [2], [0, 2])), "ov"
    )
    yield damaged("hole", file(3, a=entry(), b=entry("U8", [1], [2, 3])), "where 1 was expected")
    yield damaged("hole-in-front", file(2, a=entry("U8", [1], [1, 2])), "where 0 was expected")
    yield damaged("backwards", file(1, a=entry("U8", [1], [1, 0])), "before it starts")
    yield damaged("bytes-behind", file(9, a=entry()), "8 bytes follow the last tensor")
    yield damaged("bytes-and-no-tensor", file(1), "1 bytes follow")
    yield damaged("data-missing", file(0, a=entry()), "truncated: the data section")
    size = 1 << 33
    yield damaged(
        "8-gb-in-a-line", file(0, a=entry("U8", [size], [0, size])), "truncated: the data"
    )
    yield damaged("2-to-80-elements", file(1, a=entry("F64", [1 << 40] * 2)), "size overflows")
    wraps = entry("U8", [1 << 63, 2, 1 << 63], [0, 0])
    yield damaged("size-that-wraps-to-zero", file(0, a=wraps), "size overflows")
    wraps = entry("F64", [(1 << 61) + 1], [0, 8])
    yield damaged("size-that-wraps-to-eight", file(8, a=wraps), "size overflows")
    yield damaged("shape-unlike-bytes", file(1, a=entry("F64")), "needs 8 bytes")
    yield damaged(
        "dimension-below-zero", file(1, a=entry("U8", [-1])), "invalid value: integer `-1`"
    )
    yield damaged("dimension-with-a-point", file(1, a=entry("U8", [1.0])), "floating point `1.0`")
    yield damaged("dimension-beyond-64-bits", file(1, a=entry("U8", [1 << 64])), "invalid type")
    yield damaged("dimension-of-text", file(1, a=entry("U8", ["1"])), "invalid type")
    huge = '{"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,1]}}'
    yield damaged("dimension-of-1e400", framed(huge, b"\0"), "out of range")
    yield damaged("offset-below-zero", file(1, a=entry("U8", [1], [-1, 0])), "invalid value")
    yield damaged(
        "offset-beyond-64-bits", file(1, a=entry("U8", [1], [0, 1 << 64])), "invalid type"
    )
    yield damaged(
        "three-offsets", file(1, a=entry("U8", [1], [0, 1, 2])), "not a safetensors header"
    )
    yield damaged("dtype-unknown", file(1, a=entry("Q4")), 'unknown dtype "Q4"')
    yield damaged("dtype-in-small-letters", file(1, a=entry("u8")), 'unknown dtype "u8"')
    yield damaged("dtype-empty", file(1, a=entry("")), "unknown dtype")


def polyglots() -> Iterator[Attack]:
    """Yield files that are something else, or something else too."""
    starts = {
        "pickle": (PICKLE, "is a pickle, not a Ferrule artifact"),
        "zip": (b"PK\x03\x04" + bytes(60), "is a zip archive"),
        "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "is an HDF5 file"),
        "gguf": (b"GGUF\x03\0\0\0" + b"\xff" * 60, "is a GGUF file"),
        "npy": (b"\x93NUMPY\x01\0" + bytes(60), "is a NumPy array"),
        "gzip": (b"\x1f\x8b\x08\0" + b"\x11" * 60, "is a gzip file"),
        "pdf": (b"%PDF-1.7\n" + bytes(60), "is a PDF"),
        "elf": (b"\x7fELF\x02\x01\x01\0" + bytes(60), "is an executable"),
        "script": (b"#!/bin/sh\nrm -rf /\n" + bytes(60), "is a script"),
        "parquet": (b"PAR1" + b"\x15" * 60, "is a Parquet file"),
    }
    for name, (content, says) in starts.items():
        yield Attack(f"{name}-by-its-start", content, "InvalidArgumentError", says)
    whole = sealed()
    tails = {"zip": b"PK\x05\x06" + bytes(18), "pickle": PICKLE, "pdf": b"%PDF-1.7 %%EOF"}
    for name, tail in tails.items():
        yield damaged(f"{name}-behind-an-artifact", whole + tail, "bytes follow the last tensor")
    [length] = struct.unpack("<Q", whole[:8])
    hidden = framed(whole[8 : 8 + length] + b"\n\t  \n\t  ", whole[8 + length :])
    yield damaged("white-space-that-hides-bits", hidden, "not in the form that Ferrule writes")


def other_files() -> Iterator[Attack]:
    """Yield good safetensors files that are no artifacts."""
    refused = "InvalidArgumentError"
    plain = framed(json.dumps({"weights": entry("F32", [1], [0, 4])}), bytes(4))
    yield Attack("plain-safetensors", plain, refused, "without Ferrule's manifest")
    yield Attack("no-tensor", framed("{}"), refused, "without Ferrule's manifest")
    named = framed(json.dumps({"../../etc/passwd": entry()}), b"\0")
    yield Attack("tensor-named-as-a-path", named, refused, "without Ferrule's manifest")
    lone = framed(json.dumps({"__metadata__": {"ferrule.manifest": "{}"}}))
    yield Attack("manifest-alone", lone, refused, 'no "ferrule.digest"')


def manifests() -> Iterator[Attack]:
    """Yield sealed artifacts whose manifest is wrong."""
    newer, wrong = "UnimplementedError", "InvalidArgumentError"
    for version in (2, (1 << 64) - 1):
        content = sealed(format_version=version)
        yield Attack(f"version-{version}", content, newer, "was made by a newer Ferrule")
    later = sealed(canonical(manifest(format_version=2) | {"new": {"field": 1}}))
    yield Attack("later-version-with-new-fields", later, newer, "upgrade ferrule")
    for name, version in {"zero": 0, "below-zero": -1, "text": "1", "fraction": 1.5}.items():
        content = sealed(format_version=version)
        yield Attack(f"version-{name}", content, wrong, "has an invalid manifest")
    yield Attack("kind-unknown", sealed(kind="forest"), newer, "unknown kind")
    yield Attack("kind-as-a-path", sealed(kind="../../bin/sh"), newer, "unknown kind")
    yield Attack("kind-missing", sealed('{"format_version":1}'), wrong, "missing field")
    yield Attack("unknown-field", sealed(handler="os.system"), wrong, "unknown field `handler`")
    yield Attack("manifest-array", sealed("[]"), wrong, "has an invalid manifest")
    yield Attack("manifest-empty", sealed(""), wrong, "has an invalid manifest")
    yield Attack("manifest-text", sealed("kmeans"), wrong, "has an invalid manifest")
    yield Attack("metadata-array", sealed(metadata=[]), wrong, "has an invalid manifest")
    deep = '{"format_version":1,"metadata":' + "[" * 5_000
    yield Attack("manifest-too-deep", sealed(deep), wrong, "has an invalid manifest")
    bombs = {"objects": '{"":0}', "arrays": "[0]", "numbers": "0"}
    for name, item in bombs.items():
        bomb = '{"format_version":1,"metadata":[' + ",".join([item] * 400_000) + "]}"
        yield Attack(f"manifest-of-{name}", sealed(bomb), wrong, "too many values")
    for name, text in uncanonical(canonical(manifest())).items():
        content = sealed(text)
        yield Attack(f"manifest-{name}", content, *not_canonical(name))
    odd = {"path": "/etc/passwd", "url": "http://169.254.169.254/", "\x1b[2J": "${jndi:x}"}
    yield Attack("metadata-that-names-files", sealed(metadata=odd), None, "")


def uncanonical(text: str) -> dict[str, str]:
    """Return other spellings of the manifest `text`."""
    return {
        "with-white-space": text.replace(":", ": ", 1),
        "unsorted": '{"versions":{"ferrule":"0.1.0"},'
        + text[1:].replace(',"versions":{"ferrule":"0.1.0"}', "", 1),
        "with-a-key-twice": text.replace('{"rows":10}', '{"rows":9,"rows":10}'),
        "with-a-field-twice": text.replace('"kind":"kmeans"', '"kind":"x","kind":"kmeans"'),
        "with-another-number": text.replace('{"rows":10}', '{"rows":1e1}'),
        "with-an-escape": text.replace('"kmeans"', '"\\u006bmeans"'),
    }


def not_canonical(name: str) -> tuple[str, str]:
    """Return the class and the message for another spelling."""
    if name == "with-a-field-twice":
        return "InvalidArgumentError", "duplicate field"
    return "DataLossError", "not in the form that Ferrule writes"


def signatures() -> Iterator[Attack]:
    """Yield sealed artifacts whose signature is not that of their tensors."""
    good = manifest()["signature"]
    [spec] = good["inputs"]

    def signed(**changes: Any) -> bytes:
        return sealed(signature=good | changes)

    def model(name: str, content: bytes, says: str) -> Attack:
        return Attack(name, content, "InvalidArgumentError", says)

    says = "the signature says otherwise"
    yield model("no-input", signed(inputs=[]), "takes one input")
    yield model("two-inputs", signed(inputs=[spec, spec]), "takes one input")
    yield model("no-output", signed(outputs=[]), says)
    yield model("input-of-3-features", signed(inputs=[spec | {"shape": [-1, 3]}]), says)
    yield model("input-of-2-to-62", signed(inputs=[spec | {"shape": [-1, 1 << 62]}]), says)
    yield model("input-of-fixed-rows", signed(inputs=[spec | {"shape": [5, 2]}]), says)
    yield model("input-fp32", signed(inputs=[spec | {"dtype": "FP32"}]), says)
    yield model("input-dtype-unknown", signed(inputs=[spec | {"dtype": "FP8"}]), "unknown variant")
    for name, value in {"empty": "", "control": "a\x00b", "long": "x" * 129}.items():
        content = signed(inputs=[spec | {"name": value}])
        yield model(f"input-name-{name}", content, "the input name")
    yield Attack("input-name-as-a-path", signed(inputs=[spec | {"name": "../x"}]), None, "")
    yield model("one-feature-name", signed(feature_names=["a"]), "2 features and 1 feature names")
    yield model("feature-name-twice", signed(feature_names=["a", "a"]), "stands twice")
    yield model("feature-names-of-numbers", signed(feature_names=[1, 2]), "invalid manifest")


def models() -> Iterator[Attack]:
    """Yield sealed artifacts whose tensors make no model."""

    def model(name: str, says: str, *tensors: tuple[str, str, list[int], bytes]) -> Attack:
        return Attack(name, sealed(tensors=list(tensors)), "InvalidArgumentError", says)

    def centers(name: str, says: str, dtype: str, shape: list[int], data: bytes) -> Attack:
        return model(name, says, ("cluster_centers", dtype, shape, data))

    yield model("no-centres", 'no tensor "cluster_centers"')
    yield model("other-tensor", 'no tensor "cluster_centers"', ("x", "F64", [2, 2], bytes(32)))
    yield centers("no-cluster", "a row and a column or more", "F64", [0, 2], b"")
    yield centers("no-feature", "a row and a column or more", "F64", [2, 0], b"")
    yield centers("2-to-40-clusters-of-nothing", "a row and a column", "F64", [1 << 40, 0], b"")
    yield centers("centres-of-rank-0", "must be [k, d]", "F64", [], bytes(8))
    yield centers("centres-of-rank-1", "must be [k, d]", "F64", [4], bytes(32))
    yield centers("centres-of-rank-3", "must be [k, d]", "F64", [2, 2, 1], bytes(32))
    yield centers("centres-of-integers", "must be FP32 or FP64", "I64", [2, 2], bytes(32))
    yield centers("centres-of-half-floats", "must be FP32 or FP64", "F16", [2, 2], bytes(8))
    yield centers("centre-nan", "NaN at element 3", "F64", [2, 2], bytes(24) + NAN)
    yield centers("centre-infinite", "inf at element 0", "F64", [2, 2], INF + bytes(24))
    nan = struct.pack("<I", 0x7FC0_0001)
    yield centers("centre-nan-fp32", "NaN at element 0", "F32", [2, 2], nan + bytes(12))
    yield centers("more-clusters-than-signed", "signature says", "F64", [3, 2], bytes(48))
    extra = ("payload", "U8", [3], b"\x90\x90\xcc")
    yield model("tensor-too-many", "it has 2 tensors; 1 are known", *CENTERS, extra)


def scalers() -> Iterator[Attack]:
    """Yield sealed artifacts whose scaler is wrong."""
    one = struct.pack("<d", 1.0)
    scale: tuple[str, str, list[int], bytes] = ("scaler.scale", "F64", [2], one * 2)
    shift: tuple[str, str, list[int], bytes] = ("scaler.shift", "F64", [2], bytes(16))

    def scaled(name: str, says: str, parameters: dict[str, Any], *tensors: Any) -> Attack:
        content = sealed(tensors=[*CENTERS, *tensors], hyperparameters=parameters)
        return Attack(name, content, "InvalidArgumentError", says)

    standard, minmax = {"scaler.kind": "standard"}, {"scaler.kind": "minmax"}
    yield Attack(
        "good-scaler", sealed(tensors=[*CENTERS, scale, shift], hyperparameters=standard), None, ""
    )
    yield scaled("scaler-without-tensors", 'no tensor "scaler.shift"', standard)
    yield scaled("scaler-without-kind", "it has 3 tensors; 1 are known", {}, scale, shift)
    yield scaled(
        "scaler-kind-unknown", "scaler.kind must be", {"scaler.kind": "eval"}, scale, shift
    )
    yield scaled("scaler-kind-number", "scaler.kind must be", {"scaler.kind": 1}, scale, shift)
    longer = ("scaler.scale", "F64", [3], one * 3)
    yield scaled("scaler-of-3-features", "must be FP64 [2]", standard, longer, shift)
    single = ("scaler.shift", "F32", [2], bytes(8))
    yield scaled("scaler-fp32", "must be FP64 [2]", standard, scale, single)
    zero = ("scaler.scale", "F64", [2], one + bytes(8))
    yield scaled("scaler-that-divides-by-0", "has a 0", standard, zero, shift)
    infinite = ("scaler.shift", "F64", [2], INF + one)
    yield scaled("scaler-infinite", "inf at element 0", standard, scale, infinite)
    for name, clip in {"no-range": {}, "reversed": {"scaler.feature_range": [1, 0]}}.items():
        parameters = minmax | {"scaler.clip": True} | clip
        yield scaled(f"clip-{name}", "scaler.feature_range must be", parameters, scale, shift)
    yield scaled(
        "clip-of-text", "must be true or false", minmax | {"scaler.clip": "yes"}, scale, shift
    )


ROWS = {"op": "placeholder", "dtype": "FP32", "shape": [None, 3]}
WEIGHTS: Tensors = [("w", "F32", [3, 2], bytes(24))]


def port(name: str, node: int) -> list[dict[str, Any]]:
    """Return one input or output of a graph."""
    return [{"name": name, "node": node}]


def graph(
    *nodes: Any, tensors: Tensors | None = None, shape: Any = (-1, 3), **changes: Any
) -> bytes:
    """Return the artifact of a graph from rows of three to its last node."""
    whole = {"nodes": [ROWS, *nodes], "inputs": port("x", 0), "outputs": port("y", len(nodes))}
    spec = {"name": "x", "dtype": "FP32", "shape": [-1, 3]}
    signature = {"inputs": [spec], "outputs": [spec | {"name": "y", "shape": shape}]}
    facts = {"hyperparameters": {"graph": whole | changes}, "signature": signature}
    return sealed(tensors=tensors or [], kind="graph", **facts)


def node(op: str, *inputs: Any, **attributes: Any) -> dict[str, Any]:
    """Return a node."""
    return {"op": op, "inputs": list(inputs), **attributes}


def graphs() -> Iterator[Attack]:
    """Yield sealed artifacts whose graph is wrong, or more than it seems."""
    wrong = "InvalidArgumentError"

    def refused(name: str, says: str, *nodes: Any, **changes: Any) -> Attack:
        return Attack(f"graph-{name}", graph(*nodes, **changes), wrong, says)

    yield refused("that-waits-for-itself", "no value 0 of node 1", node("unary", 1, f="exp"))
    yield refused("from-the-future", "no value 0 of node 9", node("unary", 9, f="exp"))
    yield refused("from-an-output-that-is-none", "no value 7 of", node("unary", [0, 7], f="exp"))
    yield refused("below-zero", "did not match", node("unary", -1, f="exp"))
    yield refused("of-python", "written in Python", node("custom", 0, id=0, outputs=[]))
    yield refused("of-code", "unknown variant `exec`", node("exec", 0, code="import os"))
    yield refused("that-keeps-something", "changes a variable", node("assign", 0, id=0))
    kind = {"uniform": {"low": 0.0, "high": 1.0}}
    noise = node("random", 0, kind=kind, dtype="FP32", seed=1)
    yield refused("of-noise", "other numbers in each run", noise)
    yield refused(
        "with-a-free-variable", "not frozen", node("variable", id=0, dtype="FP32", shape=[])
    )
    yield refused("without-its-tensor", 'no tensor "w"', {"op": "weight", "tensor": "w"})
    yield refused("with-a-tensor-too-many", "does not name the tensor", tensors=WEIGHTS)
    path = {"op": "weight", "tensor": "w", "path": "/etc/passwd"}
    yield refused("with-a-path", "a weight has just `tensor`", path, tensors=WEIGHTS)
    yield refused(
        "with-a-rank-of-nine",
        "too many dimensions",
        node("expand_dims", 0, axis=0),
        *(node("expand_dims", at, axis=0) for at in range(1, 8)),
    )
    for name, size in {"2-to-40": 1 << 40, "2-to-63": 1 << 63}.items():
        value = {"dtype": "FP32", "shape": [size], "data": ""}
        says = "data has not the length of its shape"
        yield refused(f"with-a-constant-of-{name}", says, {"op": "constant", "value": value})
    value = {"dtype": "UINT8", "shape": [65], "data": "00" * 65}
    yield refused("with-a-long-constant", "at most 64 elements", {"op": "constant", "value": value})
    value = {"dtype": "BYTES", "shape": [1 << 60], "data": ""}
    yield refused("with-a-constant-of-nothing", "", {"op": "constant", "value": value})
    axis = node("arg_max", 0, axis=-(1 << 63))
    yield refused("with-an-axis-far-away", "axis -9223372036854775808", axis)
    yield refused("that-lies-of-its-output", "the signature is not", shape=[-1, 4])
    yield refused("without-an-output", "no output", outputs=[])
    twice = port("x", 0) * 2
    yield refused("with-an-input-twice", "stands twice", inputs=twice)
    yield refused("with-a-hidden-input", "must be one input", ROWS)
    yield refused("of-another-form", "unknown field `code`", code="x")
    yield refused("that-branches-without-end", "more than 65536 nodes", **branches())
    many = [node("unary", 0, f="exp")] * 65_536
    yield Attack("graph-of-65537-nodes", graph(*many), wrong, "too many values")
    yield Attack(
        "graph-that-loops-for-ever", graph(node("while", 0, cond=0, body=1), **for_ever()), None, ""
    )


def branches() -> dict[str, Any]:
    """Return subgraphs of which each runs the next 16 times: 16 to the power of 12 plans."""
    truth = {"op": "placeholder", "dtype": "BOOL", "shape": []}
    inner: dict[str, Any] = {"nodes": [truth], "inputs": port("0", 0), "outputs": port("0", 0)}
    for _ in range(12):
        nodes = [truth, *[node("cond", 0, 0, then=0, otherwise=0)] * 8]
        inner = {
            "nodes": nodes,
            "subgraphs": [inner],
            **{k: port("0", 0) for k in ("inputs", "outputs")},
        }
    return {"subgraphs": [inner]}


def for_ever() -> dict[str, Any]:
    """Return the subgraphs of a loop whose condition is always true."""
    true = {"op": "constant", "value": {"dtype": "BOOL", "shape": [], "data": "01"}}
    ports = {"inputs": port("0", 0)}
    condition = {"nodes": [ROWS, true], "outputs": port("0", 1), **ports}
    return {"subgraphs": [condition, {"nodes": [ROWS], "outputs": port("0", 0), **ports}]}


def seals() -> Iterator[Attack]:
    """Yield artifacts that were changed after they were sealed."""
    whole = sealed()
    yield Attack("good", whole, None, "")
    yield damaged("data-changed", whole[:-1] + b"\x01", "the digest of its contents is")
    changed = whole.replace(b'\\"rows\\":10', b'\\"rows\\":11')
    yield damaged("manifest-changed", changed, "the digest of its contents is")
    yield damaged("time-changed", whole.replace(b"2026-01", b"2025-01"), "its creation time")
    start = whole.index(b"sha256:") + len(b"sha256:")
    other = b"0" if whole[start : start + 1] != b"0" else b"1"
    yield damaged(
        "time-check-changed", whole[:start] + other + whole[start + 1 :], "its creation time"
    )
    digest = whole.index(b'ferrule.digest":"sha256:') + len(b'ferrule.digest":"sha256:')
    upper = whole[:digest] + whole[digest : digest + 64].upper() + whole[digest + 64 :]
    yield damaged("digest-in-capitals", upper, "the digest of its contents is")
    key = b'"ferrule.created_at":'
    renamed = whole.replace(key, b'"a":"b",' + key)
    [length] = struct.unpack("<Q", whole[:8])
    more = struct.pack("<Q", length + 8) + renamed[8:]
    yield damaged("metadata-key-too-many", more, "not in the form that Ferrule writes")


if __name__ == "__main__":
    main(attacks(), ".safetensors")
