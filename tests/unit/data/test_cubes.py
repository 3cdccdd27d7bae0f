"""Cubes against NumPy's indexing, and what they refuse."""

import doctest
import itertools
import pickle
import threading

import numpy as np
import pytest

from ferrule.data import Cubes, FrameStack, _cubes
from ferrule.errors import FailedPreconditionError, InvalidArgumentError, OutOfMemoryError

LAYOUTS = [",".join(axes) for axes in itertools.permutations(("frame", "row", "col"))]


def test_the_examples_of_the_documentation_are_right():
    results = doctest.testmod(_cubes)
    assert results.attempted > 10
    assert results.failed == 0


@pytest.fixture(scope="module")
def arena():
    """4 frames of 60 columns and 50 rows."""
    values = np.random.default_rng(0).standard_normal((4, 60, 50))
    values[0, 0, :3] = [np.nan, np.inf, -0.0]
    values.flags.writeable = False
    return values


def reference(arena, cubes, i):
    """The cube that `indices` names, axes frame, row, col."""
    columns, rows = cubes.indices(i)
    frames = np.arange(len(columns))[:, None, None]
    return arena[frames, columns[:, None, :], rows[:, :, None]]


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("columns", ["per_layer", "shared"])
@pytest.mark.parametrize("rows", ["first", "random", slice(5, None, 2)])
@pytest.mark.parametrize("shape", [(4, 20, 60), (2, 22, 33), (1, 1, 1)])
def test_a_cube_has_the_bits_that_its_indices_name(arena, dtype, columns, rows, shape):
    stack = arena.astype(dtype)
    cubes = Cubes(stack, shape, columns=columns, rows=rows, seed=3)
    for i in (0, 5, 2**40):
        assert same_bits(cubes[i], reference(stack, cubes, i))


@pytest.mark.parametrize("to", ["float16", "float32", "float64"])
@pytest.mark.parametrize("of", ["float16", "float32", "float64"])
def test_another_precision_is_what_astype_gives(arena, of, to):
    stack = (arena * 1000).astype(of)
    cubes = Cubes(stack, (4, 50, 60), dtype=to)
    with np.errstate(over="ignore"):
        assert np.array_equal(cubes[3], reference(stack, cubes, 3).astype(to), equal_nan=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_the_same_cube_with_its_axes_in_another_order(arena, layout):
    plain = Cubes(arena, (4, 17, 31), seed=1)[6]
    cubes = Cubes(arena, (4, 17, 31), seed=1, layout=layout)
    order = [("frame", "row", "col").index(axis) for axis in layout.split(",")]
    assert np.array_equal(cubes[6], plain.transpose(order), equal_nan=True)
    assert cubes.shape == cubes[6].shape
    out = cubes.empty(3)
    assert cubes.batch(5, 3, out) is out
    assert np.array_equal(out[1], cubes[6], equal_nan=True)
    if layout in ("frame,row,col", "frame,col,row"):
        assert cubes[6].flags.c_contiguous


def test_a_batch_is_its_cubes_whatever_the_threads(arena, monkeypatch):
    cubes = Cubes(arena, (4, 30, 40), seed=9)
    one_by_one = np.stack([cubes[i] for i in range(100, 140)])
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("FERRULE_NUM_THREADS", threads)
        assert same_bits(cubes.batch(100, 40), one_by_one)
    assert cubes.batch(0, 0).shape == (0, 4, 30, 40)


def test_many_threads_may_use_one_stream(arena):
    cubes = Cubes(arena, (4, 30, 40), seed=9)
    expected = [cubes[i].tobytes() for i in range(8)]
    found = {}

    def make(i):
        found[i] = [cubes[i].tobytes() for _ in range(20)]

    threads = [threading.Thread(target=make, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(set(found[i]) == {expected[i]} for i in range(8))


def test_seeds_give_other_cubes_and_the_same_one_the_same(arena):
    made = [Cubes(arena, (4, 10, 10), seed=seed)[0] for seed in (0, 1, 0)]
    assert not np.array_equal(made[0], made[1], equal_nan=True)
    assert same_bits(made[0], made[2])


def test_indexing_is_a_sequences(arena):
    cubes = Cubes(arena, (4, 5, 6), total=10)
    assert len(cubes) == 10
    assert same_bits(cubes[-1], cubes[9])
    assert same_bits(cubes[np.int64(3)], cubes[3])
    assert same_bits(cubes[2:5], cubes.batch(2, 3))
    assert same_bits(cubes[::-4], np.stack([cubes[9], cubes[5], cubes[1]]))
    assert cubes[20:].shape == (0, 4, 5, 6)
    for missing in (10, -11):
        with pytest.raises(IndexError, match=f"no cube {missing} among 10"):
            cubes[missing]
    with pytest.raises(IndexError, match="no cubes 8 to 12 among 10"):
        cubes.batch(8, 5)


def test_a_stream_without_a_total_goes_on(arena):
    cubes = Cubes(arena, (4, 5, 6))
    assert same_bits(cubes[5:7], cubes.batch(5, 2))
    with pytest.raises(FailedPreconditionError, match="no length"):
        len(cubes)
    with pytest.raises(IndexError, match="no total to count back from"):
        cubes[-1]
    with pytest.raises(IndexError, match="needs a start and a stop"):
        cubes[5:]
    for i, cube in zip(range(300), cubes, strict=False):
        assert i % 50 or same_bits(cube, cubes[i])


def test_iteration_gives_every_cube_once_in_a_ring_of_buffers(arena):
    cubes = Cubes(arena, (4, 5, 6), total=25)
    seen, places = [], set()
    for batch in cubes.batches(4, prefetch=2):
        seen += [cube.copy() for cube in batch]
        places.add(batch.ctypes.data)
        assert batch.ctypes.data % 64 == 0
    assert same_bits(np.stack(seen), cubes.batch(0, 25))
    assert len(places) == 3
    assert [cube.tobytes() for cube in cubes] == [cube.tobytes() for cube in seen]


def test_leaving_an_iteration_early_leaves_no_thread(arena):
    before = threading.active_count()
    for _ in Cubes(arena, (4, 5, 6)):
        break
    iterator = Cubes(arena, (4, 5, 6)).batches(3)
    next(iterator)
    iterator.close()
    assert threading.active_count() == before


def test_parts_make_up_the_whole(arena):
    cubes = Cubes(arena, (4, 5, 6), total=1003)
    parts = [cubes.part(k, 7) for k in range(7)]
    assert parts[0].start == 0
    assert [part.start + len(part) for part in parts] == [*(p.start for p in parts[1:]), 1003]
    assert {part.total for part in parts} == {1003}
    assert max(map(len, parts)) - min(map(len, parts)) <= 4  # a chunk
    for part in parts:
        assert same_bits(part[-1], cubes[part.start + len(part) - 1])
        assert np.array_equal(part.indices(1)[0], cubes.indices(part.start + 1)[0])
    endless = Cubes(arena, (4, 5, 6))
    assert same_bits(endless.part(2, 7, 1003)[0], parts[2][0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((7, 7), InvalidArgumentError, "part 7 of 7 is not there"),
        ((-1, 7), InvalidArgumentError, "part -1 of 7 is not there"),
        ((0, 0), InvalidArgumentError, "n_parts must be at least 1, got 0"),
        ((0.5, 2), InvalidArgumentError, "k must be a whole number"),
        ((0, 2, 5), InvalidArgumentError, "total is 5; the stream has 10 cubes"),
    ],
)
def test_parts_that_are_not_there_are_refused(arena, arguments, error, message):
    with pytest.raises(error, match=message):
        Cubes(arena, (4, 5, 6), total=10).part(*arguments)


def test_a_part_has_no_parts_and_an_endless_stream_neither(arena):
    with pytest.raises(InvalidArgumentError, match="split the whole"):
        Cubes(arena, (4, 5, 6), total=10).part(0, 2).part(0, 2)
    with pytest.raises(FailedPreconditionError, match="has no parts"):
        Cubes(arena, (4, 5, 6)).part(0, 2)


def test_streams_go_to_other_processes(arena, tmp_path):
    path = tmp_path / "frames.safetensors"
    FrameStack(arena).save(path)
    cubes = Cubes(FrameStack.open(path), (4, 5, 6), rows=slice(3, 40), seed=5, total=30)
    sent = pickle.dumps(cubes.part(1, 3))
    assert len(sent) < 2000
    part = pickle.loads(sent)
    assert same_bits(part[4], cubes[part.start + 4])
    assert repr(part) == repr(cubes.part(1, 3))


def test_other_libraries_take_cubes_without_a_copy(arena):
    cube = Cubes(arena, (4, 5, 6))[0]
    assert np.shares_memory(np.from_dlpack(cube), cube)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (5, 5, 5)}, "a cube of 5 frames cannot be made: there are 4"),
        ({"shape": (4, 51, 5)}, "a cube of 51 rows cannot be made: there are 50"),
        ({"shape": (4, 5, 61)}, "a cube of 61 columns cannot be made: there are 60"),
        ({"shape": (4, 0, 5)}, "a cube of 0 rows cannot be made"),
        ({"shape": (4, -1, 5)}, "a cube of -1 rows cannot be made"),
        ({"shape": (4, 10**30, 5)}, "cannot be made: there are 50"),
        ({"shape": (4, 5)}, r"three whole numbers \(frames, rows, columns\), got \(4, 5\)"),
        ({"shape": (4, 5, 1.5)}, "three whole numbers"),
        ({"shape": 100}, "three whole numbers"),
        ({"columns": "all"}, "'per_layer' or 'shared', got 'all'"),
        ({"rows": "last"}, "'first', 'random' or a slice, got 'last'"),
        ({"rows": slice(None, None, -1)}, "must go forward"),
        ({"rows": slice(None, None, 0)}, "must go forward"),
        ({"rows": slice(48, None)}, "a cube of 5 rows cannot be made: there are 2"),
        ({"dtype": "int32"}, "float16, float32 or float64, got 'int32'"),
        ({"dtype": ">f8"}, "float16, float32 or float64, got '>f8'"),
        ({"dtype": "nonsense"}, "got 'nonsense'"),
        ({"seed": -1}, r"0 to 2\*\*64 - 1, got -1"),
        ({"seed": 2**64}, r"0 to 2\*\*64 - 1"),
        ({"seed": 1.5}, r"0 to 2\*\*64 - 1, got 1.5"),
        ({"layout": "row,col"}, "frame, row and col in some order, got 'row,col'"),
        ({"layout": None}, "frame, row and col in some order"),
        ({"total": -1}, "total must be from 0"),
        ({"total": 2.5}, "total must be a whole number"),
        ({"total": 10**30}, "total must be from 0"),
    ],
)
def test_what_cannot_be_made_is_refused(arena, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Cubes(arena, **{"shape": (4, 5, 6), **options})


@pytest.mark.parametrize("stack", [np.zeros((3, 4)), np.zeros((2, 2, 2), int), [[[1.0]]], None])
def test_what_is_no_stack_is_refused(stack):
    with pytest.raises(InvalidArgumentError):
        Cubes(stack, (1, 1, 1))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((2, 4, 5, 6), np.float32), "out must be float64"),
        (np.zeros((2, 4, 5, 6), ">f8"), "out must be float64"),
        (np.zeros((3, 4, 5, 6)), r"of shape \(2, 4, 5, 6\), got float64 of shape \(3, 4, 5, 6\)"),
        (np.zeros((2, 4, 5, 12))[..., ::2], "memory order"),
        (np.broadcast_to(np.zeros(6), (2, 4, 5, 6)), "memory order"),
        ([0.0], "out must be a NumPy array, got list"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(arena, out, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Cubes(arena, (4, 5, 6)).batch(0, 2, out)


def test_an_out_within_the_stack_is_refused(arena):
    stack = arena.copy()
    with pytest.raises(ValueError, match="overlaps"):
        Cubes(stack, (2, 5, 6)).batch(0, 1, stack.reshape(-1)[:60].reshape(1, 2, 5, 6))


def test_more_cubes_than_memory_holds_are_refused(arena):
    with pytest.raises(OutOfMemoryError, match="1,000,000,000,000 cubes needs"):
        Cubes(arena, (4, 5, 6)).batch(0, 10**12)
    with pytest.raises(InvalidArgumentError, match="n must not be negative"):
        Cubes(arena, (4, 5, 6)).batch(0, -1)
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        Cubes(arena, (4, 5, 6)).batches(0)
