"""The checksum of a stream: what it is, how it is kept, and how parts join."""

import json
import struct

import numpy as np
import pytest

from ferrule.data import Cubes
from ferrule.data._checksum import checksum
from ferrule.errors import DataLossError, FailedPreconditionError, NotFoundError

P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
M = 2**64


def rotl(x, r):
    return (x << r | x >> (64 - r)) % M


def xxh64(data, seed):
    """XXH64 by its specification, for at least 32 bytes, a multiple of 4."""

    def mix(lane, word):
        return rotl((lane + word * P2) % M, 31) * P1 % M

    lanes = [(seed + P1 + P2) % M, (seed + P2) % M, seed, (seed - P1) % M]
    whole = len(data) // 32 * 32
    for at in range(0, whole, 32):
        lanes = [
            mix(lane, word)
            for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at), strict=True)
        ]
    h = sum(rotl(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)) % M
    for lane in lanes:
        h = ((h ^ mix(0, lane)) * P1 + P4) % M
    h = (h + len(data)) % M
    rest = data[whole:]
    while len(rest) >= 8:
        h = (rotl(h ^ mix(0, struct.unpack_from("<Q", rest)[0]), 27) * P1 + P4) % M
        rest = rest[8:]
    if rest:
        h = (rotl(h ^ struct.unpack_from("<I", rest)[0] * P1 % M, 23) * P2 + P3) % M
    h = (h ^ h >> 33) * P2 % M
    h = (h ^ h >> 29) * P3 % M
    return h ^ h >> 32


@pytest.fixture(scope="module")
def stack():
    return np.random.default_rng(0).random((3, 20, 15), dtype=np.float32)


@pytest.fixture
def cubes(stack):
    return Cubes(stack, (3, 5, 7), seed=2, total=500)


def test_it_is_the_sum_of_xxh64_with_the_layers_number_as_seed(cubes):
    layers = [layer for i in range(500) for layer in cubes[i]]
    expected = sum(xxh64(layer.tobytes(), number) for number, layer in enumerate(layers)) % M
    result = checksum(cubes)
    assert (result.checksum, result.total_checksum) == (f"{expected:016x}",) * 2
    assert (result.start, result.stop, result.made, result.missing) == (0, 500, 500, 0)


def test_it_depends_on_the_cubes_alone(stack, cubes, monkeypatch):
    result = checksum(cubes)
    monkeypatch.setenv("FERRULE_NUM_THREADS", "5")
    assert checksum(cubes) == result
    others = [
        Cubes(stack, (3, 5, 7), seed=3, total=500),
        Cubes(stack, (3, 5, 7), seed=2, total=499),
        Cubes(stack, (3, 5, 7), seed=2, total=500, layout="frame,col,row"),
        Cubes(stack[::-1].copy(), (3, 5, 7), seed=2, total=500),
    ]
    assert len({result.checksum, *(checksum(other).checksum for other in others)}) == 5


def test_parts_in_any_order_join_to_the_whole(cubes, tmp_path):
    whole, state = checksum(cubes), tmp_path / "state.json"
    for k in (3, 0, 7, 1, 6, 2, 5):
        result = checksum(cubes.part(k, 8), state)
        assert result.total_checksum is None
        assert result.missing > 0
    assert result.missing == len(cubes.part(4, 8))
    result = checksum(cubes.part(4, 8), state)
    assert (result.missing, result.total_checksum) == (0, whole.checksum)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    again = checksum(cubes.part(5, 8), state)
    assert (again.made, again.total_checksum) == (0, whole.checksum)


def test_more_parts_than_chunks_leave_some_empty(stack, tmp_path):
    cubes, state = Cubes(stack, (3, 5, 7), total=3), tmp_path / "state.json"
    results = [checksum(cubes.part(k, 5), state) for k in range(5)]
    assert sum(result.made for result in results) == 3
    assert results[-1].total_checksum == checksum(cubes).checksum


@pytest.mark.parametrize("stop_at", [1, 300])
def test_a_run_that_was_interrupted_goes_on(stack, tmp_path, stop_at, monkeypatch):
    monkeypatch.setattr("ferrule.data._checksum._BATCH_BYTES", 50 * 420)
    cubes, state = Cubes(stack, (3, 5, 7), total=500), tmp_path / "state.json"

    def interrupt(done, _all):
        if done >= stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checksum(cubes, state, interrupt)
    kept = json.loads(state.read_text())["ranges"][0]
    assert 0 < kept["next"] < 500
    result = checksum(cubes, state)
    assert result.made == 500 - kept["next"]
    assert result.total_checksum == checksum(cubes).checksum


def test_progress_starts_where_the_run_does_and_ends_at_all(cubes, tmp_path):
    ticks = []
    checksum(cubes.part(0, 2), tmp_path / "s", lambda done, all_: ticks.append((done, all_)))
    assert ticks[0] == (0, len(cubes.part(0, 2)))
    assert ticks[-1] == (len(cubes.part(0, 2)),) * 2


def test_a_state_of_another_stream_is_refused(stack, cubes, tmp_path):
    state = tmp_path / "state.json"
    checksum(cubes, state)
    before = state.read_text()
    for other, what in [
        (Cubes(stack, (3, 5, 7), seed=3, total=500), "its seed is 2, here it is 3"),
        (Cubes(stack, (3, 5, 8), seed=2, total=500), "its shape is"),
        (Cubes(stack + 1, (3, 5, 7), seed=2, total=500), "its stack is"),
        (Cubes(stack, (3, 5, 7), seed=2, total=501), "its total is 500, here it is 501"),
    ]:
        with pytest.raises(FailedPreconditionError, match=what):
            checksum(other, state)
    assert state.read_text() == before


def test_a_split_into_other_parts_is_refused(cubes, tmp_path):
    state = tmp_path / "state.json"
    checksum(cubes.part(0, 2), state)
    with pytest.raises(FailedPreconditionError, match="which overlap 0 to 166"):
        checksum(cubes.part(0, 3), state)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 2, "stream": {}, "ranges": []}',
        '{"format": 1, "stream": {}, "ranges": [{"start": 0}]}',
        '{"format": 1, "stream": {}, "ranges": [{"start":0,"stop":5,"next":9,"sum":"00"}]}',
        '{"format": 1, "stream": {}, "ranges": [{"start":0,"stop":5,"next":1,"sum":"x"}]}',
        '{"format": 1, "stream": {}, "ranges": [{"start":0,"stop":5,"next":"1","sum":"0"}]}',
    ],
)
def test_a_file_that_is_no_state_is_refused_and_kept(cubes, tmp_path, text):
    state = tmp_path / "state.json"
    state.write_text(text)
    with pytest.raises(DataLossError, match="is no state of cubes"):
        checksum(cubes, state)
    assert state.read_text() == text


def test_a_missing_folder_is_named(cubes, tmp_path):
    with pytest.raises(NotFoundError, match="there is no folder"):
        checksum(cubes, tmp_path / "none" / "state.json")
