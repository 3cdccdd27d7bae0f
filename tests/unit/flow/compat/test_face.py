"""The module itself: what it has, what it says of what it lacks, how quickly it loads."""

import importlib
import os
import re
import statistics
import subprocess
import sys

import numpy as np
import pytest

import ferrule.errors
import ferrule.flow.compat.v1 as tf

MODULES = ["nn", "train", "layers", "losses", "metrics", "data", "linalg", "random", "math", "app"]


@pytest.mark.parametrize("name", ["", *MODULES])
def test_every_public_name_is_there(name):
    module = importlib.import_module(f"ferrule.flow.compat.v1.{name}".rstrip("."))
    for public in getattr(module, "__all__", []):
        assert getattr(module, public) is not None
        if callable(getattr(module, public)):
            assert getattr(module, public).__doc__, public


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("map_fn", "loops"),
        ("keras", "tf.layers"),
        ("contrib", "tf.layers"),
        ("complex64", "two tensors"),
        ("float16", "use float32"),
        ("nn.dynamic_rnn", "loop"),
        ("train.AdadeltaOptimizer", "AdamOptimizer"),
        ("losses.nothing", "dir()"),
    ],
)
def test_what_is_missing_is_named_with_what_to_use(path, advice):
    module, _, name = path.rpartition(".")
    home = getattr(tf, module) if module else tf
    with pytest.raises(AttributeError, match=re.escape(advice)) as caught:
        getattr(home, name)
    assert isinstance(caught.value, ferrule.errors.UnimplementedError)
    assert not hasattr(tf, "nothing_of_the_kind")


def test_dtypes_equal_their_names_and_numpys_types():
    assert tf.float32 == "float32"
    assert tf.float32 == np.float32
    assert tf.as_dtype(float) == tf.float32
    assert tf.as_dtype(np.dtype("int64")) is tf.int64
    assert {tf.float32: 1}[tf.as_dtype("float")] == 1
    assert tf.float64.as_numpy_dtype is np.float64
    assert (tf.int32.max, tf.uint8.min, tf.float32.size) == (2**31 - 1, 0, 4)
    assert tf.float32.is_floating
    assert not tf.bool.is_integer
    assert tf.float32 != "nothing"
    assert tf.float32 != "float16"
    with pytest.raises(TypeError, match="nothing"):
        tf.as_dtype("nothing")
    with pytest.raises(NotImplementedError, match="float16"):
        tf.placeholder("float16")
    with pytest.raises(NotImplementedError, match="strings"):
        tf.placeholder(tf.string)


def test_shapes_are_known_in_part():
    shape = tf.placeholder(tf.float32, [None, 3]).shape
    assert shape.as_list() == [None, 3]
    assert shape[1] == 3
    assert shape[1].value == 3
    assert shape[0].value is None
    assert shape.ndims == len(shape) == 2
    assert not shape.is_fully_defined()
    assert shape.num_elements() is None
    assert shape.is_compatible_with([5, 3])
    assert not shape.is_compatible_with([5, 4])
    assert shape.merge_with([5, None]) == [5, 3]
    assert shape.concatenate([1]).as_list() == [None, 3, 1]
    assert shape[1:].as_list() == [3]
    assert int(shape[1] * 2 + 1) == 7
    assert (shape[0] + 1).value is None
    assert str(shape) == "(?, 3)"
    assert str(tf.TensorShape(None)) == "<unknown>"
    assert str(tf.TensorShape([2])) == "(2,)"
    assert tf.TensorShape(None).ndims is None
    with pytest.raises(ValueError, match="unknown"):
        tf.TensorShape(None).as_list()
    with pytest.raises(TypeError, match=r"tf\.shape"):
        int(shape[0])
    with pytest.raises(ValueError, match="at least 0"):
        tf.TensorShape([-1])


def test_flags_are_read_from_the_command_line(monkeypatch):
    flags = tf.app.flags
    monkeypatch.setattr(flags, "FLAGS", type(flags.FLAGS)())
    flags.DEFINE_integer("steps", 10, "how many steps")
    flags.DEFINE_float("rate", 0.1, "how far")
    flags.DEFINE_string("name", None, "of the run")
    flags.DEFINE_boolean("fast", False, "whether to hurry")
    flags.DEFINE_boolean("loud", True, "whether to tell")
    flags.DEFINE_enum("kind", "a", ["a", "b"], "which")
    flags.DEFINE_list("parts", "x,y", "of what")
    argv = ["script", "--steps=3", "--rate", "0.5", "--fast", "--noloud", "--kind=b", "rest"]
    seen = []
    with pytest.raises(SystemExit):
        tf.app.run(seen.extend, argv)
    assert seen == ["script", "rest"]
    values = flags.FLAGS
    assert (values.steps, values.rate, values.name, values.fast) == (3, 0.5, None, True)
    assert (values.loud, values.kind, values.parts) == (False, "b", ["x", "y"])
    values.steps = 5
    assert values.steps == 5
    with pytest.raises(AttributeError, match="no flag 'other'"):
        _ = values.other
    with pytest.raises(ValueError, match="twice"):
        flags.DEFINE_integer("steps", 1, "again")


def test_random_numbers_follow_their_seeds():
    def drawn(graph_seed, op_seed):
        with tf.Graph().as_default():
            if graph_seed is not None:
                tf.set_random_seed(graph_seed)
            x = tf.random_uniform([4], seed=op_seed)
            with tf.Session() as session:
                return [session.run(x).tolist() for _ in range(2)]

    first, second = drawn(1, 2)
    assert first != second
    assert drawn(1, 2) == [first, second]
    assert drawn(1, None) == drawn(1, None) != drawn(2, None)
    assert drawn(None, 7) == drawn(None, 7)
    assert drawn(None, None) != drawn(None, None)


def test_random_numbers_have_their_distribution(run):
    n = 20_000
    uniform = run(tf.random_uniform([n], -2.0, 4.0, seed=1))
    assert -2.0 <= uniform.min() < uniform.max() < 4.0
    assert uniform.mean() == pytest.approx(1.0, abs=0.05)
    whole = run(tf.random_uniform([n], 3, 7, tf.int32, seed=1))
    assert sorted(set(whole.tolist())) == [3, 4, 5, 6]
    normal = run(tf.random_normal([n], 1.0, 2.0, seed=1))
    assert (normal.mean(), normal.std()) == (pytest.approx(1, abs=0.05), pytest.approx(2, rel=0.03))
    cut = run(tf.truncated_normal([n], tf.constant(1.0), 2.0, seed=1))
    assert abs(cut - 1.0).max() <= 4.0
    with pytest.raises(ValueError, match="maxval"):
        tf.random_uniform([1], dtype=tf.int32)


PROBE = """
import sys, time
import ferrule
assert "numpy" not in sys.modules
start = time.thread_time()
import ferrule.flow.compat.v1
print(time.thread_time() - start)
"""


def test_it_loads_in_under_200_ms(tmp_path):
    # Bytecode is at hand, as an installer leaves it, and only the importing thread counts: NumPy's
    # BLAS has its own threads wait in a busy loop when they start.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def seconds():
        command = [sys.executable, "-c", PROBE]
        answer = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        )
        return float(answer.stdout)

    seconds()
    assert statistics.median(seconds() for _ in range(5)) < 0.2
