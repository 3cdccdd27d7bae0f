"""The command as a process: signals, pipes, colours, start-up, exit codes."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

FERRULE = str(Path(sys.executable).parent / "ferrule")


def ferrule(*arguments, **options):
    return subprocess.run(
        [FERRULE, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    generator = np.random.default_rng(0)
    np.save(folder / "x.npy", generator.normal(size=(50_000, 2)))
    done = ferrule("train", "kmeans", "x.npy", "--k", 3, "-o", "m.safetensors", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_version_starts_in_under_300_ms_of_processor_time():
    ferrule("version")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ferrule("version").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.3


def test_only_what_a_command_needs_is_imported():
    code = (
        "import sys; from ferrule.cli._run import run; run(['version']);"
        "print(sorted({'numpy', 'pyarrow', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_ends_a_fit_with_130_and_no_trace(tmp_path):
    np.save(tmp_path / "big.npy", np.random.default_rng(0).uniform(size=(400_000, 16)))
    process = subprocess.Popen(
        [FERRULE, "train", "kmeans", "big.npy", "--k", "300", "--tol", "0", "-o", "m.safetensors"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    assert process.poll() is None, "the fit is over before it could be interrupted"
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 2
    assert process.returncode == 130
    assert [line for line in err.splitlines() if line] == ["interrupted"]
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["big.npy"]


def test_a_reader_that_leaves_is_met_with_silence(folder):
    process = subprocess.Popen(
        [FERRULE, "predict", "m.safetensors", "x.npy", "--distances"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline().startswith(b"label,")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 1


def test_pipes_and_no_color_get_plain_text(folder):
    command = ("train", "kmeans", "x.npy", "--k", "2..3")
    piped = ferrule(*command, cwd=folder)
    assert "\x1b" not in piped.stdout + piped.stderr
    forced = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    plain = ferrule(*command, cwd=folder, env=forced)
    assert "\x1b[3" not in plain.stdout


def test_stdout_is_data_alone(folder):
    done = ferrule(
        "train", "kmeans", "x.npy", "--k", 2, "-o", "m2.safetensors", "--json", cwd=folder
    )
    assert json.loads(done.stdout)["k"] == 2
    assert "saved m2.safetensors" in done.stderr
    wrong = ferrule("train", "kmeans", "y.npy", cwd=folder)
    assert (wrong.returncode, wrong.stdout) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["inspect", "m.safetensors"], 0), (["inspect", "none.safetensors"], 1), (["inspect"], 2)],
)
def test_exit_codes_are_0_1_and_2(folder, arguments, code):
    assert ferrule(*arguments, cwd=folder).returncode == code


def test_a_full_disk_is_told_and_leaves_nothing(folder):
    limit = 20_000

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    before = sorted(path.name for path in folder.iterdir())
    done = ferrule(
        *("predict", "m.safetensors", "x.npy", "-o", "labels.csv"),
        cwd=folder,
        preexec_fn=small_files,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_serve_knows_which_of_its_options_take_a_value():
    from ferrule.cli.serve import VALUED

    listed = re.findall(r"^ .*?(--[\w-]+) <", ferrule("serve", "--help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(VALUED)


def test_completion_is_offered_for_shells():
    # The shell is looked for among the command's ancestors; the test's own may be any.
    ask = ["bash", "-c", '"$0" --show-completion; exit $?', FERRULE]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False)
    shown = ferrule(
        env={
            **os.environ,
            "_FERRULE_COMPLETE": "complete_bash",
            "COMP_WORDS": "ferrule tr",
            "COMP_CWORD": "1",
        }
    )
    assert done.returncode == 0
    assert shown.stdout.split() == ["train"]
