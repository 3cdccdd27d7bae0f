"""A fit as a guest in its process: progress, interruption, threads, forks, memory."""

import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from ferrule.cluster import KMeans
from ferrule.errors import ResourceExhaustedError

LONG_FIT = """
    import numpy as np
    from ferrule.cluster import KMeans
    X = np.random.default_rng(0).random({shape}, dtype=np.{dtype})
    model = KMeans(400, init=X[:400], tol=0, max_iter=100_000, algorithm="{algorithm}")
"""


def run_python(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "elkan", "hamerly"])
def test_verbose_prints_iterations_and_why_the_fit_ended(capsys, algorithm):
    X = np.random.default_rng(0).normal(size=(3000, 10))
    options = {"init": "random", "n_init": 1, "random_state": 42, "verbose": 1}
    model = KMeans(3, tol=0, algorithm=algorithm, **options).fit(X)
    printed = capsys.readouterr().out
    assert "Initialization complete" in printed
    numbers = re.findall(r"Iteration (\d+), inertia [0-9.]+", printed)
    assert numbers == [str(i + 1) for i in range(model.n_iter_)]
    assert f"Converged at iteration {model.n_iter_}: strict convergence." in printed
    KMeans(3, tol=1e-2, algorithm=algorithm, **options).fit(X)
    assert re.search(r"center shift .* within tolerance", capsys.readouterr().out)


@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "elkan", "hamerly", "spatial"])
def test_the_callback_sees_each_iteration_with_a_falling_inertia(algorithm):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    seen = []
    model = KMeans(
        5, random_state=0, tol=0, algorithm=algorithm, callback=lambda *r: seen.append(r)
    )
    model.fit(X)
    iterations, inertias, shifts = (list(column) for column in zip(*seen, strict=True))
    assert iterations == list(range(1, model.n_iter_ + 1))
    assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(inertias))
    assert inertias[-1] >= model.inertia_ * (1 - 1e-12)
    assert shifts[-1] == 0
    assert all(shift > 0 for shift in shifts[:-1])


def test_what_a_callback_raises_ends_the_fit_and_reaches_the_caller():
    class EnoughError(Exception):
        pass

    def stop(iteration, inertia, squared_shift):
        if iteration == 3:
            raise EnoughError(inertia)

    X = np.random.default_rng(0).normal(size=(2000, 3))
    model = KMeans(5, random_state=0, tol=0, callback=stop)
    with pytest.raises(EnoughError):
        model.fit(X)
    assert not hasattr(model, "cluster_centers_")
    assert model.set_params(callback=None).fit(X).n_iter_ > 3


@pytest.mark.parametrize(
    ("algorithm", "dtype", "shape"),
    [("lloyd", "float32", (200_000, 64)), ("lloyd", "float64", (200_000, 3)),
     ("auto", "float64", (2_000_000, 3)), ("elkan", "float32", (200_000, 64)),
     ("hamerly", "float32", (200_000, 64))],
)  # fmt: skip
def test_ctrl_c_stops_a_fit_within_200_ms_and_leaves_the_process_well(algorithm, dtype, shape):
    script = LONG_FIT.format(shape=shape, dtype=dtype, algorithm=algorithm)
    done = run_python(
        textwrap.dedent(script)
        + textwrap.dedent("""
            import os, signal, threading, time
            sent = []
            def interrupt():
                time.sleep(0.5)
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            try:
                model.fit(X)
            except KeyboardInterrupt:
                print("took", time.monotonic() - sent[0])
            print("labels", KMeans(3, init=X[:3], max_iter=2).fit(X).labels_.shape)
        """)
    )
    took = re.search(r"took ([0-9.]+)\nlabels \((\d+),\)", done.stdout)
    assert took, done.stdout + done.stderr
    assert float(took[1]) < 0.2
    assert int(took[2]) == shape[0]


def test_other_python_threads_run_during_a_fit():
    X = np.random.default_rng(0).normal(size=(200_000, 16))
    model = KMeans(64, init=X[:64], tol=0, max_iter=10)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.002):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    model.fit(X)
    end = time.perf_counter()
    done.set()
    thread.join()
    during = [tick for tick in ticks if start < tick < end]
    assert len(during) > (end - start) / 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork")
def test_a_forked_child_fits_after_its_parent_did():
    X = np.random.default_rng(0).normal(size=(200_000, 4))
    model = KMeans(5, init=X[:5], max_iter=5)
    wanted = model.fit(X).inertia_
    child = os.fork()
    if child == 0:
        os._exit(0 if model.fit(X).inertia_ == wanted else 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_workers_give_the_same_models(backend):
    X = np.random.default_rng(0).normal(size=(100_000, 4))
    models = [KMeans(4, random_state=seed, max_iter=10) for seed in range(4)]
    fits = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(m.fit)(X) for m in models)
    for model, fit in zip(models, fits, strict=True):
        assert fit.inertia_ == clone(model).fit(X).inertia_


def test_bounds_that_no_system_has_room_for_are_a_memory_error():
    X = np.arange(6_000_000, dtype=np.float32)[:, None]
    model = KMeans(len(X), init=X, algorithm="elkan")
    with pytest.raises(MemoryError, match=r"need 1440{12} bytes.*algorithm='lloyd'") as caught:
        model.fit(X)
    assert isinstance(caught.value, ResourceExhaustedError)
    assert not hasattr(model, "cluster_centers_")


MEMORY = """
    import re
    import numpy as np
    from ferrule.cluster import KMeans

    def high_water():
        return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024

    X = np.random.default_rng(0).random(({rows}, {n_features}), dtype=np.{dtype})
    KMeans(3, max_iter=1, n_init=1, random_state=0, algorithm="{algorithm}").fit(X[:1000])
    before = high_water()
    model = KMeans({k}, random_state=0, max_iter=5, algorithm="{algorithm}", n_init={n_init}).fit(X)
    print((high_water() - before - model.labels_.nbytes) / len(X))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("rows", "n_features", "dtype", "k", "algorithm", "n_init"),
    [(4_000_000, 2, "float64", 3, "auto", 1), (4_000_000, 2, "float64", 3, "lloyd", 1),
     (2_000_000, 3, "float32", 100, "auto", 1), (1_000_000, 16, "float32", 8, "auto", 2),
     (1_000_000, 16, "float32", 8, "hamerly", 1)],
)  # fmt: skip
def test_a_fit_needs_its_input_its_labels_and_16_bytes_a_row(
    rows, n_features, dtype, k, algorithm, n_init
):
    script = MEMORY.format(
        rows=rows, n_features=n_features, dtype=dtype, k=k, algorithm=algorithm, n_init=n_init
    )
    done = run_python(script, FERRULE_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr
    slack = 8e6 / rows  # buffers that do not grow with the rows
    assert float(done.stdout) <= 16 + slack
