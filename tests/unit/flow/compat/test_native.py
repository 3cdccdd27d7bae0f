"""Native code for hot plans of scalars: the interpreter's bits, or the interpreter itself."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

STEPS = 60_000
# Prints w and b, as their bits, after so many steps inside and as many outside.
SCRIPT = f"""
import ctypes, sys
import numpy as np
import ferrule.flow.compat.v1 as tf
if "refused" in sys.argv:
    PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
    refused = ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    if refused != 0:
        sys.exit(77)
x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
w, b = tf.Variable(0.0), tf.Variable(0.0)
loss = tf.reduce_sum(tf.square(tf.tanh(y) - (w * x + b)))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    rows = {{x: np.linspace(-1, 2, 7, dtype=np.float32), y: np.float32([1, -2, 3])}}
    session.run_many(train, rows, steps={STEPS})
    for step in range({STEPS // 2}):
        session.run(train, {{x: step % 7 / 7, y: 0.5}})
    print([value.tobytes().hex() for value in session.run([w, b])])
"""


def learned(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode == 77:
        pytest.skip("this kernel cannot refuse executable memory")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_many_steps_leave_the_interpreters_bits_with_and_without_native_code():
    assert learned() == learned(FERRULE_NATIVE="0")


def test_where_executable_memory_is_refused_the_interpreter_serves():
    assert learned("refused") == learned()


def test_a_long_loop_takes_the_steps_of_its_formula():
    x = tf.placeholder(tf.float64, [])
    total, lag = tf.Variable(0.0, dtype=tf.float64), tf.Variable(1.0, dtype=tf.float64)
    grown = tf.where(total > 1.0, -lag, 0.25 * total + x * lag + 1.0)
    step = [tf.assign(total, grown), tf.assign(lag, total)]
    rows = np.random.default_rng(1).uniform(-0.5, 0.5, 101)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        last = session.run_many(step, {x: rows}, steps=STEPS)
    now, before = np.float64(0.0), np.float64(1.0)
    for k in range(STEPS):
        fed = rows[k % 101]
        now, before = (-before if now > 1.0 else 0.25 * now + fed * before + 1.0), now
    assert last == [now, before]


def test_a_variable_that_is_fetched_is_what_the_last_step_found():
    x = tf.placeholder(tf.float32, [])
    total = tf.Variable(0.0)
    add = tf.assign_add(total, x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run_many([total, add], {x: [1.0, 2.0, 4.0]}) == [3.0, 7.0]


def test_ctrl_c_ends_a_long_loop_at_once():
    x = tf.placeholder(tf.float32, [])
    total = tf.Variable(0.0)
    add = tf.assign_add(total, tf.tanh(x))
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        timer = threading.Timer(0.2, press)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run_many(add, {x: [1.0]}, steps=10**15)
        assert time.monotonic() - pressed[0] < 0.2
        timer.join()
        assert session.run(total) > 0  # the steps so far are done
