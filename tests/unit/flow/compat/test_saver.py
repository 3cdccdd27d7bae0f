"""Checkpoints."""

import numpy as np
import pytest
from safetensors.numpy import load_file

import ferrule.flow.compat.v1 as tf


@pytest.fixture
def model():
    w = tf.Variable([[1.0, 2.0]], name="w")
    n = tf.Variable(3, name="layer/n")
    flag = tf.Variable(True, name="flag", trainable=False)
    return w, n, flag


def test_values_come_back_in_another_session(model, tmp_path):
    w, n, flag = model
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([[5.0, 6.0]]))
        path = saver.save(session, str(tmp_path / "model.ckpt"), global_step=7)
    assert path == str(tmp_path / "model.ckpt-7")
    with tf.Session() as session:
        saver.restore(session, path)
        assert session.run(w).tolist() == [[5.0, 6.0]]
        assert session.run([n, flag]) == [3, True]


def test_the_file_is_safetensors_under_the_names_of_the_variables(model, tmp_path):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, tmp_path / "model")
    arrays = load_file(f"{path}.safetensors")
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "w": "float32",
        "layer/n": "int32",
        "flag": "bool",
    }
    assert arrays["w"].tolist() == [[1.0, 2.0]]


def test_the_latest_are_kept_and_named_in_the_index(model, tmp_path):
    saver = tf.train.Saver(max_to_keep=2)
    assert tf.train.latest_checkpoint(tmp_path) is None
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step in range(4):
            saver.save(session, tmp_path / "m", global_step=step)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "checkpoint",
        "m-2.safetensors",
        "m-3.safetensors",
    ]
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "m-3")
    assert saver.last_checkpoints == [str(tmp_path / "m-2"), str(tmp_path / "m-3")]
    state = tf.train.get_checkpoint_state(tmp_path)
    assert state.all_model_checkpoint_paths == saver.last_checkpoints
    assert (tmp_path / "checkpoint").read_text().splitlines()[0] == 'model_checkpoint_path: "m-3"'


def test_a_folder_may_move(model, tmp_path):
    (tmp_path / "a").mkdir()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, tmp_path / "a" / "m")
    (tmp_path / "a").rename(tmp_path / "b")
    assert tf.train.latest_checkpoint(tmp_path / "b") == str(tmp_path / "b" / "m")


def test_variables_may_be_saved_under_other_names(model, tmp_path):
    w, _, _ = model
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver({"other": w}).save(session, tmp_path / "m")
        with pytest.raises(tf.errors.NotFoundError, match=r"'w'.*other"):
            tf.train.Saver([w]).restore(session, path)


def test_what_cannot_be_saved_or_restored_is_told(model, tmp_path):
    _w, _, _ = model
    saver = tf.train.Saver()
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="'w:0' was not initialised"):
            saver.save(session, tmp_path / "m")
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.NotFoundError, match="mkdir"):
            saver.save(session, tmp_path / "none" / "m")
        with pytest.raises(ValueError, match="None"):
            saver.restore(session, None)
        with pytest.raises(ValueError, match="not a valid checkpoint"):
            saver.restore(session, tmp_path / "none")
        path = saver.save(session, tmp_path / "m")
    with tf.Graph().as_default():
        other = tf.Variable([1.0, 2.0, 3.0], name="w")
        with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
            tf.train.Saver([other]).restore(session, path)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="no variables"):
        tf.train.Saver()


@pytest.mark.parametrize("damage", [b"", b"\xff" * 64, None])
def test_a_damaged_file_is_refused(model, tmp_path, damage):
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = saver.save(session, tmp_path / "m")
        file = tmp_path / "m.safetensors"
        file.write_bytes(file.read_bytes()[:-3] if damage is None else damage)
        with pytest.raises(ValueError, match=r"empty|damaged"):
            saver.restore(session, path)


def test_training_goes_on_from_a_checkpoint_to_the_bit(tmp_path):
    x = tf.constant(np.random.default_rng(0).normal(size=(8, 3)), tf.float32)
    w = tf.Variable(tf.ones([3, 1]))
    train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.square(x @ w - 1.0)))
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(5):
            session.run(train)
        path = saver.save(session, tmp_path / "m")
        for _ in range(5):
            session.run(train)
        straight = session.run(w)
    with tf.Session() as session:
        saver.restore(session, path)
        for _ in range(5):
            session.run(train)
        np.testing.assert_array_equal(session.run(w), straight)
