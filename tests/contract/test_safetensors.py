"""The `safetensors` library and Ferrule agree on what a safetensors file is.

Where they do not, Ferrule refuses what the library takes, for a reason in `JUSTIFIED`; never the
other way round.
"""

import json
import random
import re
import struct
import sys

import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file, save

import ferrule
from ferrule.cluster import KMeans
from ferrule.errors import DataLossError, FerruleError, ResourceExhaustedError

# What Ferrule says where it refuses a file that the library takes, and why it does.
JUSTIFIED = {
    r"has the key .* twice": "the library keeps the last of two equal keys: two readers, two files",
    r"the header must begin with '{'": "the format demands it; the library skips white space",
    r"has the unknown field": "the library skips fields that the format does not define",
    r"has the unknown dtype": "the library knows 4, 6 and 8-bit floats and complex numbers",
    r"invalid type: sequence, expected an object with dtype": "the library takes arrays too",
    r"invalid type: map, expected a string": "the library takes a dtype as an object",
    r"invalid type: null, expected an object of strings under __metadata__": (
        "the library takes null for no metadata"
    ),
    r"has more than \d+ dimensions": "the library has no limit on dimensions",
    r"at most 16777216 are allowed": "the library takes headers of up to 100 MB",
}
JUSTIFIED_DTYPES = re.compile(r'unknown dtype "(F4|F6_\w+|F8_\w+|C64)"')
TENSORS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(1.5),
    "empty": np.zeros((0, 4), dtype=np.int64),
    "half": np.ones(3, dtype=np.float16),
    "größe \n": np.ones((2, 1, 2), dtype=np.uint8),
}


@pytest.fixture(scope="module", name="model")
def a_model():
    X = np.random.default_rng(0).normal(size=(50, 3))
    return KMeans(n_clusters=4, init=X[:4], n_init=1).fit(X)


def test_the_library_opens_an_artifact_as_it_is(model, tmp_path):
    path = tmp_path / "model.safetensors"
    digest = ferrule.save(model, path)
    arrays = load_file(path)
    assert list(arrays) == ["cluster_centers"]
    np.testing.assert_array_equal(arrays["cluster_centers"], model.cluster_centers_)
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert metadata["ferrule.digest"] == digest
    assert json.loads(metadata["ferrule.manifest"])["kind"] == "kmeans"
    assert all(isinstance(value, str) for value in metadata.values())


def test_the_data_section_begins_at_a_multiple_of_eight(model, tmp_path):
    for note in ("", "x", "xx", "xxxxx"):
        path = tmp_path / "model.safetensors"
        ferrule.save(model, path, metadata={"note": note})
        [length] = struct.unpack("<Q", path.read_bytes()[:8])
        assert length % 8 == 0
        assert path.read_bytes()[8:9] == b"{"


def with_length(header: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def seeds(model, folder):
    artifact = folder / "seed.safetensors"
    ferrule.save(model, artifact, metadata={"note": "a\u001f"})
    header = json.dumps({"__metadata__": {"a": "b"}, "t": entry()}).encode()
    return [
        artifact.read_bytes(),
        save(TENSORS, metadata={"framework": "numpy", "ü": '"\\'}),
        save({}),
        save({"one": np.zeros(1, dtype=bool)}),
        with_length(header, bytes(4)),
        with_length(header + b" \n\t ", bytes(4)),
    ]


WORDS = [
    *(
        f'"{dtype}"'.encode()
        for dtype in ("F64", "F16", "BF16", "U64", "F8_E4M3", "F4", "C64", "f32")
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b" ",
        b"\n",
        b"\x00",
        b"null",
        b"-0",
        b"1e0",
    ),
    *(b"4.0", b"18446744073709551616", b'"__metadata__":null,', b'"__metadata__":{"a":1},'),
    *(
        b'"t":["F32",[1],[0,4]],',
        b'"dtype":"F32",',
        b'"extra":1,',
        b'"a":"b",',
        b"\\ud800",
        b"\xff",
    ),
    b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},',
    b'"z":{"dtype":{"U8":null},"shape":[0],"data_offsets":[0,0]},',
    b"[1,1,1,1,1,1,1,1,1],",
]


def mutated(rng, seed):
    """Change a file once or more; keep its length field true most of the time."""
    [length] = struct.unpack("<Q", seed[:8])
    header, data = bytearray(seed[8 : 8 + length]), seed[8 + length :]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at = rng.randrange(len(header) + 1)
        match rng.randrange(5):
            case 0:
                header[at:at] = rng.choice(WORDS)
            case 1:
                del header[at : at + rng.randrange(1, 9)]
            case 2 if at < len(header):
                header[at] ^= 1 << rng.randrange(8)
            case 3:
                numbers = list(re.finditer(rb"\d+", header))
                if numbers:
                    old = rng.choice(numbers)
                    new = int(old.group()) + rng.choice((-1, 1, 4, 8, 2**32, 2**63))
                    header[old.start() : old.end()] = str(new).encode()
            case _:
                piece = bytes(header[at : at + rng.randrange(1, 60)])
                header[at:at] = piece
    if rng.random() < 0.1:
        data = data[: rng.randrange(len(data) + 1)] + bytes(rng.randrange(3))
    if rng.random() < 0.05:
        return struct.pack("<Q", rng.choice((0, 1, len(header) + 1, 2**63))) + bytes(header) + data
    return with_length(bytes(header), data)


def library_takes(content):
    try:
        safetensors.deserialize(content)
    except safetensors.SafetensorError:
        return False
    return True


def refusal(path):
    """Return why Ferrule's reader refuses the file; None where it is good safetensors."""
    try:
        ferrule.inspect(path)
    except (DataLossError, ResourceExhaustedError) as error:
        text = str(error).removeprefix(f"{path}: ")
        return text if text.startswith("damaged or not an artifact: ") else None
    except FerruleError as error:
        return str(error) if "not a Ferrule artifact" in str(error) else None
    return None


def test_both_take_and_refuse_the_same_files_but_for_the_listed_reasons(model, tmp_path):
    rng = random.Random(0)
    corpus = seeds(model, tmp_path)
    path = tmp_path / "mutated.safetensors"
    taken = refused = 0
    reasons = set()
    for _ in range(4000):
        content = mutated(rng, rng.choice(corpus))
        path.write_bytes(content)
        theirs, ours = library_takes(content), refusal(path)
        taken, refused = taken + theirs, refused + (not theirs)
        if theirs and ours is not None:
            reason = next((r for r in JUSTIFIED if re.search(r, ours)), None)
            assert reason is not None, (ours, content)
            if "dtype" in reason and "unknown" in reason:
                assert JUSTIFIED_DTYPES.search(ours), ours
            reasons.add(reason)
        if not theirs:
            assert ours is not None, content
    assert min(taken, refused) > 800, (taken, refused)
    sys.stdout.write(
        f"{taken} taken by the library, {refused} refused; {len(reasons)} reasons seen\n"
    )


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
         b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, r"has the key .* twice"),
        (b'{"__metadata__":{"a":"1","a":"2"}}', 0, r"has the key .* twice"),
        (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}', 1,
         "has the unknown field"),
        (b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', 1, "has the unknown dtype"),
        (b'{"a":["U8",[1],[0,1]]}', 1, "invalid type: sequence, expected an object with dtype"),
        (b'{"a":{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}}', 1,
         "invalid type: map, expected a string"),
        (b' {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1,
         r"the header must begin with '{'"),
        (b'{"__metadata__":null}', 0,
         "invalid type: null, expected an object of strings under __metadata__"),
        (b'{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}', 1,
         r"has more than \d+ dimensions"),
        (b"{}" + b" " * (1 << 24), 0, "at most 16777216 are allowed"),
    ],
)  # fmt: skip
def test_each_listed_difference_is_one(tmp_path, header, data, reason):
    content = with_length(header, bytes(data))
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    assert reason in JUSTIFIED
    assert library_takes(content)
    assert re.search(reason, refusal(path))
