"""Training takes arrays, sources, cubes and batches, each row once an epoch."""

import numpy as np
import pandas as pd
import pytest

from ferrule import flow
from ferrule.data import Cubes, read
from ferrule.flow import nn, optim
from ferrule.flow._fit import _sources
from ferrule.flow._fit._batches import Order
from ferrule.flow._fit._data import batches_of


@pytest.fixture
def order():
    return Order(batch_size=4, dtype=np.dtype("float32"), seed=3, shuffled=True)


def rows(batches, number):
    return [(x.numpy().copy(), y.numpy().copy()) for x, y in batches.epoch(number)]


def joined(batches, number):
    pairs = rows(batches, number)
    return tuple(np.concatenate([pair[part] for pair in pairs]) for part in (0, 1))


def test_each_row_comes_once_with_its_target_in_another_order_each_epoch(order):
    x, y = np.arange(10.0)[:, None], np.arange(10)
    batches = batches_of((x, y), None, order)
    assert batches.n_batches == 3
    assert [len(x) for x, _ in rows(batches, 0)] == [4, 4, 2]
    first, second = joined(batches, 0), joined(batches, 1)
    for found in (first, second):
        assert sorted(found[1]) == list(range(10))
        np.testing.assert_array_equal(found[0][:, 0], found[1])
        assert (found[0].dtype, found[1].dtype) == (np.float32, np.int64)
    assert list(first[1]) != list(second[1]) != list(range(10))
    np.testing.assert_array_equal(joined(batches, 0)[1], first[1])
    assert list(joined(batches_of((x, y), None, order.unshuffled()), 5)[1]) == list(range(10))


def test_tensors_lists_and_small_integers_are_taken(order):
    x, y = flow.tensor(np.arange(6.0)), np.arange(6, dtype=np.int16)
    found = joined(batches_of((x, y), None, order.unshuffled()), 0)
    assert (found[0].dtype, found[1].dtype) == (np.float32, np.int64)
    found = joined(batches_of(([[1.0], [2.0]], [True, False]), None, order.unshuffled()), 0)
    assert (found[0].tolist(), found[1].dtype) == ([[1.0], [2.0]], np.bool_)


def test_one_array_is_its_own_target(order):
    x, y = joined(batches_of(np.eye(5), None, order), 0)
    np.testing.assert_array_equal(x, y)


def test_arrays_on_the_disk_stay_there(order, tmp_path):
    x = np.arange(20.0).reshape(10, 2)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = batches_of((mapped, np.arange(10)), None, order)
    assert isinstance(batches._x, np.memmap)
    found = joined(batches, 0)
    np.testing.assert_array_equal(found[0], x[found[1]])


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(11, 2)), columns=["a", "b"])
    return frame.assign(label=np.arange(11), weight=rng.normal(size=11))


def test_columns_of_a_source_are_features_and_targets(order, table):
    x, y = joined(batches_of(read(table), "label", order), 0)
    assert (x.shape, y.dtype) == ((11, 3), np.int64)
    assert sorted(y) == list(range(11)) != list(y)
    wanted = table[["a", "b", "weight"]].to_numpy(np.float32)
    np.testing.assert_array_equal(x, wanted[y])
    x, y = joined(batches_of(table, ["weight", "a"], order.unshuffled()), 0)
    np.testing.assert_array_equal(y, table[["weight", "a"]].to_numpy(np.float32))
    np.testing.assert_array_equal(x[:, 1], table["label"])


def test_blocks_of_a_source_are_shuffled_and_batches_cross_them(order, table, monkeypatch):
    monkeypatch.setattr(_sources, "BLOCK_ROWS", 5)
    batches = batches_of(read(table), "label", order)
    assert [len(x) for x, _ in rows(batches, 0)] == [4, 4, 3]
    first, second = joined(batches, 0)[1], joined(batches, 1)[1]
    assert sorted(first[:5]) == list(range(5))
    assert sorted(first) == list(range(11))
    assert list(first) != list(second)
    np.testing.assert_array_equal(first, joined(batches, 0)[1])


def test_files_are_read_anew_in_each_epoch(order, table, tmp_path):
    table.to_parquet(tmp_path / "rows.parquet")
    model = nn.Linear(3, 11)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    source = read(tmp_path / "rows.parquet")
    history = flow.fit(
        model,
        source,
        nn.CrossEntropyLoss(),
        optimizer,
        epochs=30,
        target="label",
        validation=read(tmp_path / "rows.parquet"),
    )
    assert history["val_loss"][-1] < 1.0 < history["val_loss"][0]


def test_mistakes_about_columns_are_told(order, table):
    with pytest.raises(TypeError, match="say which columns are the targets: target='label'"):
        batches_of(read(table), None, order)
    with pytest.raises(ValueError, match="there is no column 'y'; there is `a`, `b`, `label`"):
        batches_of(read(table), "y", order)
    with pytest.raises(ValueError, match="all columns are targets"):
        batches_of(read(table), list(table.columns), order)


@pytest.fixture
def cubes():
    stack = np.random.default_rng(0).random((2, 12, 6)).astype(np.float32)
    return Cubes(stack, (2, 3, 4), total=10)


def test_cubes_come_with_their_targets(order, cubes):
    x, y = joined(batches_of((cubes, np.arange(10)), None, order), 0)
    assert sorted(y) == list(range(10)) != list(y)
    np.testing.assert_array_equal(x, cubes.batch(0, 10)[y])
    x, y = joined(batches_of(cubes.part(1, 2), None, order.unshuffled()), 0)
    np.testing.assert_array_equal(x, cubes.part(1, 2).batch(0, 5))
    np.testing.assert_array_equal(x, y)


def test_an_autoencoder_trains_on_cubes(cubes):
    model = nn.Sequential(nn.Flatten(), nn.Linear(24, 24))

    def loss(prediction, x):
        return (prediction - x.flatten(1)).square().mean()

    optimizer = optim.Adam(model.parameters(), lr=0.01)
    history = flow.fit(model, cubes, loss, optimizer, epochs=60, batch_size=4)
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_cubes_without_an_end_or_of_other_targets_are_refused(order, cubes):
    with pytest.raises(RuntimeError, match="a stream without a total has no length"):
        batches_of(Cubes(cubes.stack, (2, 3, 4)), None, order)
    with pytest.raises(ValueError, match=r"10 cubes have targets of shape \(9,\)"):
        batches_of((cubes, np.zeros(9)), None, order)
    with pytest.raises(ValueError, match="there are no cubes"):
        batches_of(Cubes(cubes.stack, (2, 3, 4), total=0), None, order)


def test_batches_of_others_are_taken_as_they_come(order):
    given = [(np.ones((2, 1)), [0, 1]), (np.zeros((3, 1)), [1, 1, 1])]
    batches = batches_of(given, None, order)
    assert batches.n_batches == 2
    for _ in range(2):
        assert joined(batches, 0)[1].tolist() == [0, 1, 1, 1, 1]
    by_epoch = batches_of(lambda epoch: [np.full((2, 1), float(epoch))], None, order)
    assert by_epoch.n_batches is None
    assert joined(by_epoch, 7)[0].tolist() == [[7.0], [7.0]]


def test_an_iterator_that_is_used_up_is_told(order):
    batches = batches_of(iter([np.ones((2, 1))]), None, order)
    assert len(rows(batches, 0)) == 1
    with pytest.raises(ValueError, match="gave no batch in epoch 1: an iterator can be gone"):
        rows(batches, 1)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ((np.ones((3, 1)), np.ones(2)), ValueError, r"as many rows of y as of x.*\[3, 2\]"),
        ((np.ones((0, 1)), np.ones(0)), ValueError, "at least one"),
        ((np.array(["a"]), np.ones(1)), TypeError, "data are numbers, not <U1"),
        (7, TypeError, "data are .* got int"),
    ],
)
def test_data_are_checked(order, data, error, message):
    with pytest.raises(error, match=message):
        batches_of(data, None, order)


def test_a_batch_of_three_parts_is_refused(order):
    with pytest.raises(ValueError, match=r"a batch is \(x, y\), or x alone; got 3 parts"):
        rows(batches_of([(1, 2, 3)], None, order), 0)


def test_single_samples_in_the_place_of_batches_are_refused(run):
    samples = list(zip(run.x, run.y, strict=True))
    with pytest.raises(ValueError, match=r"batches, x \[rows, \.\.\.\].*np\.stack"):
        run.fit(samples)
    with pytest.raises(ValueError, match=r"got \(4,\): give samples as whole arrays"):
        run.fit(list(run.x), loss=lambda made, x: made.mean())
    with pytest.raises(ValueError, match=r"got \(16, 4\) and \(15,\)"):
        run.fit([(run.x[:16], run.y[:15])])
