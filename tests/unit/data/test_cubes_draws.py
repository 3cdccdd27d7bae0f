"""Draws of cubes against NumPy's own Philox and plain Python; and golden values."""

from collections import Counter

import numpy as np
import pytest

from ferrule.data import Cubes

COLUMNS, ROWS = 0, 1


def numbers(seed, cube, layer, axis):
    """The 32-bit numbers of a layer: low half first of each word of (block, layer, cube, axis)."""
    block = 0
    while True:
        # NumPy adds 1 to the counter before it uses it.
        counter = (block | layer << 64 | cube << 128 | axis << 192) - 1
        words = np.random.Philox(counter=counter % 2**256, key=seed).random_raw(4)
        for word in words.tolist():
            yield word & 0xFFFFFFFF
            yield word >> 32
        block += 1


def below(source, bound):
    """Lemire's method."""
    while True:
        product = next(source) * bound
        if product % 2**32 >= 2**32 % bound:
            return product >> 32


def sample(source, n, k):
    places = list(range(n))
    for step in range(k):
        other = step + below(source, n - step)
        places[step], places[other] = places[other], places[step]
    return places[:k]


def stack(frames=3, columns=50, rows=20):
    return np.arange(frames * columns * rows, dtype=np.float32).reshape(frames, columns, rows)


@pytest.mark.parametrize("seed", [0, 12345, 2**64 - 1])
@pytest.mark.parametrize("cube", [0, 1, 2**40])
@pytest.mark.parametrize("shared", [False, True])
def test_draws_are_philox_lemire_and_fisher_yates(seed, cube, shared):
    columns = "shared" if shared else "per_layer"
    cubes = Cubes(stack(), (3, 7, 50), columns=columns, rows="random", seed=seed)
    for drawn, n, axis in zip(cubes.indices(cube), (50, 20), (COLUMNS, ROWS), strict=True):
        for layer, picks in enumerate(drawn.tolist()):
            source = numbers(seed, cube, 0 if shared else layer, axis)
            assert picks == sample(source, n, len(picks))


def test_bounds_near_the_largest_are_drawn_without_bias():
    # Almost half of all products are refused below 2**31 + 1, so that the loop is run through.
    source = numbers(5, 0, 0, COLUMNS)
    draws = [below(source, 2**31 + 1) for _ in range(2000)]
    assert max(draws) <= 2**31
    assert 0.45 < np.mean(draws) / 2**31 < 0.55


def test_golden_values_keep_streams_the_same_for_ever():
    cubes = Cubes(stack(2, 1000, 4), (2, 2, 6), rows="random", seed=42)
    columns, rows = cubes.indices(123_456_789)
    assert columns.tolist() == [[230, 161, 414, 269, 935, 174], [227, 872, 31, 839, 371, 906]]
    assert rows.tolist() == [[0, 2], [1, 3]]


def test_the_first_rows_are_0_and_on_and_a_slice_is_as_python_has_it():
    _, rows = Cubes(stack(), (3, 4, 5)).indices(9)
    assert rows.tolist() == [[0, 1, 2, 3]] * 3
    _, rows = Cubes(stack(), (2, 3, 5), rows=slice(-9, None, 2)).indices(9)
    assert rows.tolist() == [[11, 13, 15]] * 2


def test_each_column_is_drawn_about_as_often():
    cubes = Cubes(stack(1, 50, 1), (1, 1, 10))
    counts = Counter(column for i in range(5000) for column in cubes.indices(i)[0][0].tolist())
    assert len(counts) == 50
    # 1000 each, within six standard deviations of a hypergeometric count.
    assert all(abs(count - 1000) < 170 for count in counts.values())
