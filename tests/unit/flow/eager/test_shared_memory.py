"""Memory of NumPy's and others': shared where that is said, never written, not kept by a call."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf
from ferrule import flow

LARGE = 4096
MAKERS = [flow.from_numpy, flow.asarray, flow.from_dlpack]


def start(array):
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_a_tensor_lies_in_the_memory_of_its_array(make, dtype):
    array = np.arange(12, dtype=dtype).reshape(3, 4)
    x = make(array)
    array[1, 1] = 77
    assert start(x.numpy()) == start(array)
    assert x.tolist() == array.tolist()


def test_a_tensor_keeps_its_array_alive_and_lets_go_of_it():
    class Tracked(np.ndarray):
        pass

    array = np.ones(LARGE).view(Tracked)
    gone = weakref.ref(array)
    x = flow.from_numpy(array)
    del array
    gc.collect()
    assert gone() is not None
    assert x.sum().item() == LARGE
    del x
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12.0)[::2],
        np.arange(4.0).astype(">f8"),
        np.array([True, False]),
        np.frombuffer(bytes(range(17)), np.uint8)[1:],
        np.zeros((0, 3)),
    ],
    ids=["columns", "steps", "order", "truths", "odd", "empty"],
)
def test_an_array_that_cannot_be_shared_is_copied(array):
    x = flow.from_numpy(array)
    assert np.array_equal(x.numpy(), array)
    assert start(x.numpy()) != start(array)


def test_the_array_is_never_written():
    array = np.ones(LARGE, np.float32)
    array.flags.writeable = False
    x = flow.from_numpy(array)
    changed = [x + 1, x.clone().add_(1), x.detach().mul_(2)]
    x.add_(1)
    x[0] = 5
    assert array.tolist() == [1] * LARGE
    assert x[:2].tolist() == [5, 2]
    assert [y[0].item() for y in changed] == [2, 2, 2]


def test_what_is_made_of_a_shared_tensor_has_memory_of_its_own():
    array = np.ones(LARGE, np.float32)
    x = flow.from_numpy(array)
    state = flow.zeros(LARGE)
    made = [x.clone(), flow.tensor(x), state.copy_(x), flow.function(lambda x: x)(x)]
    array[:] = 7
    assert all(y[0].item() == 1 for y in made)
    assert x[0].item() == 7


def test_a_function_reads_an_array_where_it_is_and_keeps_nothing_of_it():
    state = flow.zeros(LARGE)

    @flow.function
    def function(x):
        state.copy_(x)
        return x, x.reshape(2, -1), x * 2

    array = np.ones(LARGE, np.float32)
    made = function(array)
    array[:] = 7
    assert [y.flatten()[0].item() for y in made] == [1, 1, 2]
    assert state[0].item() == 1


def test_an_array_may_change_between_a_call_and_its_gradient():
    w = flow.ones(LARGE, requires_grad=True)
    function = flow.function(lambda x: (x * x * w).sum())
    array = np.full(LARGE, 3, np.float32)
    loss = function(array)
    array[:] = 100
    loss.backward()
    assert w.grad[0].item() == 9


def test_a_session_reads_what_it_is_fed_where_it_is_and_keeps_nothing_of_it():
    tf.reset_default_graph()
    x = tf.placeholder(tf.float32, [LARGE])
    v = tf.Variable(tf.zeros([LARGE]))
    keep = tf.assign(v, x)
    with tf.Session() as session:
        array = np.ones(LARGE, np.float32)
        array.flags.writeable = False
        session.run(keep, {x: array})
        array.flags.writeable = True
        array[:] = 7
        assert session.run(v)[0] == 1
        session.run(v.assign_add(x), {x: array})
        assert (session.run(v)[0], array[0]) == (8, 7)


def test_a_loop_over_an_array_makes_no_copy_of_it(monkeypatch):
    rows = np.ones(3_000_000)
    total = flow.tensor(0.0, dtype="float64")
    add = flow.function(lambda x: total.add_(x))
    add.loop(rows[:2])
    before = _peak_bytes()
    for _ in range(3):
        add.loop(rows)
    assert _peak_bytes() - before < rows.nbytes / 2
    assert total.item() == 2 + 3 * len(rows)


def _peak_bytes():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_what_is_no_array_is_answered_with_what_to_do():
    with pytest.raises(TypeError, match=r"flow\.tensor\(\)"):
        flow.from_numpy([1.0, 2.0])
    with pytest.raises(TypeError, match="float32"):
        flow.from_numpy(np.array(["a"]))
    assert flow.asarray([1.0, 2.0]).dtype == flow.float32
    assert flow.asarray(np.ones(3), "float32").dtype == flow.float32


def test_the_interpreter_may_end_with_shared_memory_in_use():
    code = (
        "import numpy as np, threading\n"
        "from ferrule import flow\n"
        "x = flow.from_numpy(np.ones(9999))\n"
        "kept = flow.function(lambda: x * 2)\n"
        "kept()\n"
        "threading.Thread(target=lambda: flow.from_numpy(np.ones(9999)).sum()).start()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
