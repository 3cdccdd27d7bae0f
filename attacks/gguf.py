"""Hostile GGUF files: what an attacker or a broken download may put where a model should be.

``python attacks/gguf.py FOLDER`` writes them all, with ``verdicts.json``: what reading each one
must answer. Only the standard library is used, and nothing of Ferrule: the files are made by the
words of the format's specification.
"""

import struct
from collections.abc import Iterator, Sequence

from attack import Attack, damaged, main

BOOL, STRING, ARRAY, U32, U64 = 7, 8, 9, 4, 10
F32, Q4_0 = 0, 2
EARLY = "bytes early"


def attacks() -> Iterator[Attack]:
    """Yield every attack."""
    yield from starts()
    yield from claims()
    yield from cuts()
    yield from keys()
    yield from values()
    yield from alignments()
    yield from shapes()
    yield from kinds()
    yield from layouts()
    yield from crowds()
    yield from good()


# How a file is made.


def u32(value: int) -> bytes:
    """Return an integer of 32 bits."""
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    """Return an integer of 64 bits."""
    return struct.pack("<Q", value)


def string(text: str | bytes) -> bytes:
    """Return a string: its length in front."""
    raw = text.encode() if isinstance(text, str) else text
    return u64(len(raw)) + raw


def key(name: str | bytes, kind: int, value: bytes) -> bytes:
    """Return one entry of the metadata."""
    return string(name) + u32(kind) + value


def tensor(name: str, dims: Sequence[int], kind: int = F32, offset: int = 0) -> bytes:
    """Return one entry of the table; `dims` have the fastest first."""
    return string(name) + u32(len(dims)) + b"".join(map(u64, dims)) + u32(kind) + u64(offset)


def file(
    entries: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    data: bytes = b"",
    counts: tuple[int, int] | None = None,
) -> bytes:
    """Return a file; `counts` are those of the tensors and the entries where they are to lie."""
    of_tensors, of_entries = counts or (len(tensors), len(entries))
    head = b"GGUF" + u32(3) + u64(of_tensors) + u64(of_entries)
    head += b"".join(entries) + b"".join(tensors)
    return head + bytes(-len(head) % 32 if tensors else 0) + data


def model() -> bytes:
    """Return a good file of two tensors."""
    entries = [key("general.architecture", STRING, string("llama"))]
    return file(entries, [tensor("a", [64], Q4_0), tensor("b", [2, 3], F32, 64)], bytes(64 + 24))


# What is wrong with it.


def starts() -> Iterator[Attack]:
    """Yield files that are something else, or of another version."""
    refused, newer = "InvalidArgumentError", "UnimplementedError"
    others = {
        "empty": (b"", "is empty"),
        "three-bytes": (b"GGU", 'begins with "GGU"'),
        "web-page": (b"<!DOCTYPE html><title>404</title>", "is a web page"),
        "git-lfs": (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        "pickle": (b"\x80\x04\x95" + bytes(60), "is a pickle"),
        "zip": (b"PK\x03\x04" + bytes(60), "is a zip archive"),
        "pdf": (b"%PDF-1.7\n", "is a PDF"),
        "elf": (b"\x7fELF\x02\x01\x01\0", "is an executable"),
        "script": (b"#!/bin/sh\nrm -rf /\n", "is a script"),
        "ggjt": (b"tjgg\x03\0\0\0", 'begins with "tjgg"'),
        "small-letters": (b"gguf" + model()[4:], 'begins with "gguf"'),
        "safetensors": (u64(2) + b"{}", r'begins with "\x02\x00\x00\x00"'),
    }
    for name, (content, says) in others.items():
        yield Attack(f"start-{name}", content, refused, f"not a GGUF file: it {says}")
    for version in (0, 1, 4, (1 << 32) - 1):
        content = b"GGUF" + u32(version) + model()[8:]
        yield Attack(f"version-{version}", content, newer, f"GGUF version {version};")
    yield Attack("big-endian", b"GGUF\0\0\0\3" + model()[8:], newer, "big-endian")


def claims() -> Iterator[Attack]:
    """Yield small files that claim to be large."""
    for name, count in {"61-gb": 61 << 30, "2-to-60": 1 << 60, "2-to-64": (1 << 64) - 1}.items():
        yield damaged(f"tensors-{name}", file(counts=(count, 0), data=bytes(40)), EARLY)
        yield damaged(f"entries-{name}", file(counts=(0, count), data=bytes(40)), EARLY)
        yield damaged(f"key-of-{name}", file(counts=(0, 1), data=u64(count) + bytes(32)), EARLY)
        text = string("k") + u32(STRING) + u64(count)
        yield damaged(f"string-of-{name}", file([text]), EARLY)
        for kind in (STRING, BOOL, U64):
            array = key("k", ARRAY, u32(kind) + u64(count))
            yield damaged(f"array-of-{name}-of-type-{kind}", file([array]), EARLY)
    # 8 bytes times this count is 8, where a product wraps.
    array = key("k", ARRAY, u32(U64) + u64((1 << 61) + 1) + bytes(8))
    yield damaged("array-that-wraps-to-eight", file([array]), EARLY)
    array = key("k", ARRAY, u32(STRING) + u64(2) + string("") + u64((1 << 64) - 8))
    yield damaged("string-that-wraps-within-an-array", file([array]), EARLY)


def cuts() -> Iterator[Attack]:
    """Yield what a download leaves that is cut off."""
    whole = model()
    for cut in (4, 7, 8, 23, 24, 40, 80, len(whole) - 88):
        yield damaged(f"cut-after-{cut}", whole[:cut], EARLY)
    for missing in (1, 24, 87):
        says = f"the file ends {missing} bytes early, within the weights: download or copy it again"
        yield damaged(f"cut-by-{missing}", whole[:-missing], says)


def keys() -> Iterator[Attack]:
    """Yield keys that no two readers would take for the same."""
    true = key("k", BOOL, b"\1")
    yield damaged("key-twice", file([true, true]), 'the key "k" twice')
    yield damaged("key-not-utf-8", file([key(b"\xff", BOOL, b"\1")]), "is not UTF-8")
    yield damaged("key-overlong-utf-8", file([key(b"\xc0\xaf", BOOL, b"\1")]), "is not UTF-8")
    yield damaged("key-of-64-kib", file([key("k" * 65_536, BOOL, b"\1")]), "has 65536 bytes")
    clears = key("\x1b[2J\x9b", 99, b"")
    yield damaged("key-that-clears-the-screen", file([clears]), '"\\u{1b}[2J')


def values() -> Iterator[Attack]:
    """Yield values that are none."""
    for kind in (13, 255, (1 << 32) - 1):
        content = file([key("k", kind, bytes(8))])
        yield damaged(f"type-{kind}", content, f"of the unknown type {kind}")
    array = u32(ARRAY) + u64(1)
    yield damaged("array-of-arrays", file([key("k", ARRAY, array + bytes(12))]), "array of arrays")
    bomb = key("k", ARRAY, array * 100_000 + bytes(12))
    yield damaged("arrays-too-deep", file([bomb]), "array of arrays")
    unknown = key("k", ARRAY, u32(13) + u64(0))
    yield damaged("array-of-type-13", file([unknown]), "unknown type 13")
    yield damaged("truth-of-2", file([key("k", BOOL, b"\2")]), "truth value 2")
    truths = key("k", ARRAY, u32(BOOL) + u64(2) + b"\1\xff")
    yield damaged("truths-of-255", file([truths]), "truth value 255")
    text = key("k", STRING, string(b"\xed\xa0\x80"))
    yield damaged("string-of-a-surrogate", file([text]), "is not UTF-8")
    long = key("k", STRING, string(bytes(33 << 20)))
    yield Attack("header-of-33-mib", file([long]), "ResourceExhaustedError", "at most 33554432")


def alignments() -> Iterator[Attack]:
    """Yield alignments that divide by zero or leave the file."""

    def aligned(kind: int, value: bytes) -> bytes:
        return file([key("general.alignment", kind, value)], [tensor("a", [2])], bytes(8))

    says = "expected a power of two"
    for value in (0, 3, 48, (1 << 32) - 1):
        yield damaged(f"alignment-{value}", aligned(U32, u32(value)), says)
    yield damaged("alignment-2-to-31", aligned(U32, u32(1 << 31)), EARLY)
    yield damaged("alignment-2-to-63", aligned(U64, u64(1 << 63)), says)
    yield damaged("alignment-below-zero", aligned(5, b"\xe0\xff\xff\xff"), says)
    yield damaged("alignment-of-text", aligned(STRING, string("32")), says)
    yield damaged("alignment-with-a-point", aligned(6, struct.pack("<f", 32)), says)


def shapes() -> Iterator[Attack]:
    """Yield tensors whose sizes are too many, nothing, or wrap around."""

    def shaped(*dims: int, kind: int = F32) -> bytes:
        return file([], [tensor("a", dims, kind)], bytes(64))

    yield damaged("2-to-80-elements", shaped(1 << 40, 1 << 40), "size overflows")
    yield damaged("size-that-wraps-to-zero", shaped(1 << 62), "size overflows")
    yield damaged("product-that-wraps-to-zero", shaped(1 << 32, 1 << 32), "size overflows")
    yield damaged("product-that-wraps-to-eight", shaped(2, (1 << 61) + 1), "size overflows")
    yield damaged("dimension-of-2-to-64", shaped((1 << 64) - 1), "size overflows")
    yield damaged("8-gb-in-a-line", shaped(1 << 31), EARLY)
    yield damaged("4-eb-in-a-line", shaped(1 << 60), EARLY)
    yield damaged("dimension-of-zero", shaped(0), "a dimension of 0")
    yield damaged("nothing-times-2-to-60", shaped(1 << 60, 0), "a dimension of 0")
    yield damaged("part-of-a-block", shaped(33, kind=Q4_0), "stores blocks of 32")
    yield damaged("blocks-across-rows", shaped(16, 2, kind=Q4_0), "stores blocks of 32")
    limit = "ResourceExhaustedError"
    says = "more than 4 dimensions"
    yield Attack("rank-5", shaped(1, 1, 1, 1, 1), limit, says)
    rank = file([], [string("a") + u32((1 << 32) - 1) + bytes(64)])
    yield Attack("rank-2-to-32", rank, limit, says)


def kinds() -> Iterator[Attack]:
    """Yield weights that are stored in other ways."""
    names = {4: "Q4_2", 9: "Q8_1", 23: "IQ4_XS", 26: "I32", 31: "Q4_0_4_4", 39: "MXFP4"}
    names |= {number: f"the unknown kind {number}" for number in (99, (1 << 32) - 1)}
    for number, name in names.items():
        content = file([], [tensor("a", [256], number)], bytes(512))
        says = f"is stored as {name}, which is not supported"
        yield Attack(f"kind-{number}", content, "UnimplementedError", says)


def layouts() -> Iterator[Attack]:
    """Yield tensors that lie where they must not."""

    def two(offset: int, first: int = 0, name: str = "b") -> bytes:
        table = [tensor("a", [8], offset=first), tensor(name, [8], offset=offset)]
        return file([], table, bytes(128))

    hole = "no hole and no overlap"
    yield damaged("overlap", two(16), hole)
    yield damaged("same-bytes", two(0), hole)
    yield damaged("hole", two(64), hole)
    yield damaged("hole-in-front", two(64, first=32), hole)
    yield damaged("backwards", two(0, first=32), hole)
    yield damaged("far-away", two((1 << 64) - 32), hole)
    yield damaged("tensor-twice", two(32, name="a")[:-64], 'tensor "a" stands twice')
    whole = model()
    tails = {"zip": b"PK\x05\x06" + bytes(18), "pdf": b"%PDF-1.7 %%EOF", "zeros": bytes(64)}
    for name, tail in tails.items():
        yield damaged(f"{name}-behind", whole + bytes(8) + tail, "bytes follow the last tensor")


def crowds() -> Iterator[Attack]:
    """Yield as much of a thing as a file may have, and one more."""
    limit = "ResourceExhaustedError"
    entries = [key(f"{number:x}", BOOL, b"\1") for number in range(65_537)]
    yield Attack("65537-entries", file(entries), limit, "more than 65536 metadata entries")
    same = [*entries[:65_535], entries[0]]
    yield damaged("65536-entries-one-twice", file(same), 'the key "0" twice')
    tensors = [tensor(f"{n:x}", [1, 1, 1, 1], offset=32 * n) for n in range(65_537)]
    data = bytes(32 * 65_536)
    yield Attack("65537-tensors", file([], tensors, data), limit, "more than 65536 tensors")
    both = file(same[:-1], [*tensors[:65_535], tensors[-1]], data)
    yield damaged("65536-tensors-and-entries-one-far-away", both, hole_says())
    long = [key(f"{'k' * 240}{number:x}", BOOL, b"\1") for number in range(65_536)]
    long[-1] = long[0]
    yield damaged("65536-long-keys-one-twice", file(long), "twice")
    array = key("k", ARRAY, u32(STRING) + u64(2_000_000) + bytes(16_000_000))
    yield damaged("4-million-empty-strings", file([array, array]), 'the key "k" twice')


def hole_says() -> str:
    """Return what is said of the tensor after the last, which has the place of the last."""
    return "starts at 2097152 where 2097120 was expected"


def good() -> Iterator[Attack]:
    """Yield files that are odd but good."""
    yield Attack("good", model(), None, "")
    yield Attack("good-without-tensors", file([key("k", BOOL, b"\0")]), None, "")
    yield Attack("good-version-2", b"GGUF" + u32(2) + model()[8:], None, "")
    nan = struct.pack("<2I", 0x7FC0_0001, 0x7F80_0001)
    yield Attack("weights-nan", file([], [tensor("a", [2])], nan), None, "")
    yield Attack("weights-padded", file([], [tensor("a", [2])], nan + bytes(24)), None, "")
    odd = [key("general.url", STRING, string("file:///etc/passwd"))]
    named = file(odd, [tensor("../../etc/passwd", [2])], bytes(8))
    yield Attack("names-that-are-paths", named, None, "")


if __name__ == "__main__":
    main(attacks(), ".gguf")
