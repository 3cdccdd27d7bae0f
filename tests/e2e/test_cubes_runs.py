"""Runs over 20,000 cubes that are stopped, killed, resumed and shared out."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ferrule.data import FrameStack

FERRULE = str(Path(sys.executable).parent / "ferrule")
N = 20_000
ENVIRONMENT = {**os.environ, "FERRULE_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a stack whose cubes of 20 x 100 x 60 take 480 kB."""
    folder = tmp_path_factory.mktemp("cubes")
    values = np.random.default_rng(0).random((20, 80, 110), dtype=np.float32)
    FrameStack(values).save(folder / "frames.safetensors")
    return folder


def start(folder, *options, n=N):
    command = ("data", "cubes", "frames.safetensors", "-n", n, "--shape", "20,100,60", "--json")
    return subprocess.Popen(
        [FERRULE, *map(str, (*command, *options))],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A process started in the background of a shell inherits that it ignores Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def finish(process):
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def whole(folder):
    return finish(start(folder))["total_checksum"]


def made_so_far(state):
    ranges = json.loads(state.read_text())["ranges"] if state.exists() else []
    return sum(done["next"] - done["start"] for done in ranges)


def wait_for_progress(process, state, beyond=0):
    end = time.monotonic() + 60
    while made_so_far(state) <= beyond:
        assert process.poll() is None, "the run is over before it could be stopped"
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_and_kill_9_lose_nothing_that_was_kept(folder, whole):
    state = folder / "state.json"
    first = start(folder, "--state", state)
    wait_for_progress(first, state)
    first.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, err = first.communicate(timeout=20)
    # 200 ms, and what a machine with other work and the end of the interpreter add.
    assert time.monotonic() - asked < 1
    assert (first.returncode, out, err.strip()) == (130, "", "interrupted")
    after_interrupt = made_so_far(state)

    second = start(folder, "--state", state)
    wait_for_progress(second, state, beyond=after_interrupt)
    second.kill()
    second.communicate(timeout=20)
    after_kill = made_so_far(state)
    assert 0 < after_interrupt < after_kill < N

    last = finish(start(folder, "--state", state))
    assert last["made"] == N - after_kill
    assert last["total_checksum"] == whole
    assert {path.name for path in folder.iterdir()} == {"frames.safetensors", "state.json"}


def test_a_second_process_on_the_same_part_is_refused(folder):
    state = folder / "twice.json"
    first = start(folder, "--state", state, n=10 * N)
    wait_for_progress(first, state)
    second = start(folder, "--state", state, n=10 * N)
    _, err = second.communicate(timeout=20)
    first.kill()
    first.communicate(timeout=20)
    assert second.returncode == 1
    assert "another process makes the cubes from 0 on" in err


def test_eight_parts_by_four_processes_two_of_them_killed_join_to_one_run(folder, whole):
    state = folder / "parts.json"

    def part(k):
        return start(folder, "--state", state, "--part", f"{k}/8")

    running = {k: part(k) for k in (1, 2, 3, 4)}
    wait_for_progress(running[1], state)
    for k in (2, 3):
        running[k].kill()
        running[k].communicate(timeout=20)
    killed_at = made_so_far(state)
    for wave in ((2, 3), (5, 6, 7, 8)):
        running |= {k: part(k) for k in wave}
        for k in {*wave, *({1, 4} & running.keys())}:
            finish(running.pop(k))
    assert 0 < killed_at < N
    found = json.loads(state.read_text())["ranges"]
    assert [done["next"] for done in found] == [done["stop"] for done in found]
    assert len(found) == 8
    last = finish(part(8))
    assert (last["made"], last["missing"], last["total_checksum"]) == (0, 0, whole)
