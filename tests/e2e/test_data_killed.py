"""A conversion that is killed, or interrupted, leaves nothing under the final name."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SLOW = """
import sys
import numpy as np
from ferrule.data import _convert, read
chunks = _convert.batches_for

def slow(source, to):
    for batch in chunks(source, to):
        print("batch", flush=True)
        yield batch
        import time; time.sleep(0.05)

_convert.batches_for = slow
_convert.convert(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out.npy"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_conversion_leaves_the_old_file(tmp_path, name, how):
    np.save(tmp_path / "x.npy", np.zeros((1_000_000, 4)))
    (tmp_path / name).write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path / "x.npy"), str(tmp_path / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == b"batch\n"
    time.sleep(0.02)
    process.send_signal(how)
    assert process.wait(20) != 0
    process.stdout.close()
    assert (tmp_path / name).read_text() == "old"
    left = {path.name for path in tmp_path.iterdir()} - {"x.npy", name}
    # A killed process cannot clean up; what it left says by its name that it is nobody's.
    assert (
        left == set()
        if how == signal.SIGINT
        else all(one.startswith(".") and one.endswith(".tmp") for one in left)
    )
