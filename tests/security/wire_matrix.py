"""Protobuf messages written by hand, so that each field can be sent wrong in each way."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED64, _BYTES, _GROUP, _FIXED32 = 0, 1, 2, 3, 5


def varint(value: int) -> bytes:
    """Encode an unsigned integer; a negative one as its two's complement of 64 bits."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(number: int, payload: bytes) -> bytes:
    return tag(number, _BYTES) + varint(len(payload)) + payload


@dataclass
class Message:
    """Fields in their order: (number, value); a value is an int, bytes or a message."""

    fields: list[tuple[int, Any]]

    def encode(self, edited: "Message | None" = None, at: int = -1, instead: bytes = b"") -> bytes:
        """Encode; the field `at` of the message `edited` is written as `instead`."""
        parts = []
        for index, (number, value) in enumerate(self.fields):
            if self is edited and index == at:
                parts.append(instead)
            elif isinstance(value, Message):
                parts.append(delimited(number, value.encode(edited, at, instead)))
            elif isinstance(value, int):
                parts.append(tag(number, _VARINT) + varint(value))
            else:
                parts.append(delimited(number, value))
        return b"".join(parts)

    def messages(self) -> Iterator["Message"]:
        """Yield this message and every one inside it."""
        yield self
        for _, value in self.fields:
            if isinstance(value, Message):
                yield from value.messages()


def _doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def _parameter(number: int, value: Any) -> Message:
    return Message([(1, b"key"), (2, Message([(number, value)]))])


TYPED = Message([
    (1, b"iris"),
    (2, b"1"),
    (3, b"id"),
    (4, _parameter(1, 1)),
    (5, Message([
        (1, b"X"),
        (2, b"FP64"),
        (3, varint(2) + varint(2)),
        (4, _parameter(2, 7)),
        (5, Message([(7, _doubles(1, 2, 3, 4))])),
    ])),
    (6, Message([(1, b"label"), (2, _parameter(3, b"text"))])),
])  # fmt: skip
RAW = Message([
    (1, b"iris"),
    (5, Message([(1, b"X"), (2, b"FP64"), (3, 1), (3, 2)])),
    (6, Message([(1, b"distances")])),
    (7, _doubles(1, 2)),
])  # fmt: skip
PREDICT_REQUEST = Message([(1, b"iris"), (2, b"1"), (3, 2), (4, _doubles(1, 2, 3, 4))])
NAME = Message([(1, b"iris"), (2, b"1")])

_INFERENCE = "/inference.GRPCInferenceService"
CALLS = [
    (f"{_INFERENCE}/ModelInfer", TYPED),
    (f"{_INFERENCE}/ModelInfer", RAW),
    ("/ferrule.v1.Predictor/Predict", PREDICT_REQUEST),
    (f"{_INFERENCE}/ModelReady", NAME),
    (f"{_INFERENCE}/ModelMetadata", NAME),
    (f"{_INFERENCE}/ModelStatistics", NAME),
]


def _edits(number: int, original: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each way to write a field wrong."""
    numbers = [0, 1, 2, 3, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    yield "missing", b""
    yield "twice", original * 2
    yield "a hundred times", original * 100
    for value in numbers:
        yield f"varint {value}", tag(number, _VARINT) + varint(value)
        packed = varint(value) + varint(value)
        yield f"packed {value}", delimited(number, packed)
        yield f"length {value}", tag(number, _BYTES) + varint(value)
    yield "overlong varint", tag(number, _VARINT) + b"\xff" * 11
    yield "cut varint", tag(number, _VARINT) + b"\x80"
    yield "fixed32", tag(number, _FIXED32) + b"\xff" * 4
    yield "fixed64", tag(number, _FIXED64) + b"\xff" * 8
    yield "cut fixed64", tag(number, _FIXED64) + b"\xff" * 3
    yield "wire type 6", tag(number, 6) + b"\x00"
    yield "open groups", tag(number, _GROUP) * 5_000
    yield "nested messages", b"".join(delimited(number, b"") for _ in range(3)) + _nested(number)
    for name, payload in {
        "empty": b"",
        "one byte": b"\x00",
        "NUL": b"\x00" * 64,
        "not UTF-8": b"\xff\xfe\xfd",
        "128 bytes": b"x" * 128,
        "129 bytes": b"x" * 129,
        "1 MiB": b"x" * (1 << 20),
        "path": b"../../etc/passwd",
        "NaN": _doubles(float("nan"), float("nan")),
        "infinite": _doubles(float("inf"), float("-inf")),
        "huge": _doubles(1e308, -1e308),
        "7 bytes": b"\x01" * 7,
    }.items():
        yield name, delimited(number, payload)


def _nested(number: int, depth: int = 200) -> bytes:
    payload = b""
    for _ in range(depth):
        payload = delimited(number, payload)
    return payload


def grpc_cases() -> Iterator[tuple[str, str, bytes]]:
    """Yield (what was done, method, message)."""
    for method, message in CALLS:
        yield f"{method} as it is", method, message.encode()
        for inner in message.messages():
            for at, (number, value) in enumerate(inner.fields):
                original = Message([(number, value)]).encode()
                for what, instead in _edits(number, original):
                    where = f"{method} field {number}"
                    yield f"{where}: {what}", method, message.encode(inner, at, instead)
        whole = message.encode()
        for length in range(0, len(whole), max(1, len(whole) // 40)):
            yield f"{method} cut at {length}", method, whole[:length]
        yield f"{method} noise", method, bytes(range(256)) * 16
        yield f"{method} unknown field", method, whole + delimited(1_000, b"x" * 100)
