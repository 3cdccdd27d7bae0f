"""What the machine is, and what it was measured to do."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

import numpy as np
from threadpoolctl import threadpool_limits

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def facts() -> dict[str, object]:
    """Return what a reader needs to know to place the figures."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in info.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(fields.get("flags", "").split())
    return {
        "cpu": fields.get("model name", platform.machine()),
        "cpus": cpu_count(),
        "isa": [name for name in ("avx2", "fma", "avx512f", "avx512_vnni") if name in flags],
        "caches_bytes": _caches(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "hypervisor": "hypervisor" in flags,
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "commit": _commit(),
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package that is installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def last_cache_bytes() -> int:
    """Return the size of the largest cache."""
    return max(_caches().values(), default=32 << 20)


def read_bandwidth(array: np.ndarray, seconds: float = 0.5) -> float:
    """Return the best GB/s at which all CPUs together read `array` (a dot product of it)."""
    parts = np.array_split(array.reshape(-1), cpu_count())
    times = max(1, (256 << 20) // array.nbytes)  # so that starting the threads does not count

    def read(part: np.ndarray) -> None:
        for _ in range(times):
            np.dot(part, part)

    return times * array.nbytes / _best(lambda: _each(read, parts), seconds) / 1e9


def copy_bandwidth(nbytes: int, seconds: float) -> float:
    """Return the best GB/s of a copy by all CPUs, bytes read plus bytes written."""
    source, target = np.ones(nbytes // 16), np.zeros(nbytes // 16)
    count = cpu_count()
    pairs = list(zip(np.array_split(target, count), np.array_split(source, count), strict=True))
    return 2 * source.nbytes / _best(lambda: _each(lambda p: np.copyto(*p), pairs), seconds) / 1e9


def gemm_rate(dtype: np.dtype, m: int, n: int, k: int, seconds: float) -> float:
    """Return the best GFLOP/s of NumPy's matrix product of (m, k) by (k, n), on all CPUs."""
    rng = np.random.default_rng(0)
    a, b = rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)
    out = np.empty((m, n), dtype)
    return 2 * m * n * k / _best(lambda: np.matmul(a, b, out=out), seconds) / 1e9


def _best(work: Callable[[], object], seconds: float) -> float:
    """Return the shortest time of `work`, repeated for about `seconds`."""
    best, end = float("inf"), time.perf_counter() + seconds
    work()
    while True:
        start = time.perf_counter()
        work()
        now = time.perf_counter()
        best = min(best, now - start)
        if now > end:
            return best


def _each(work: Callable[[object], object], parts: list[object]) -> None:
    """Do `work` on each part in a thread of its own (NumPy releases the interpreter's lock)."""
    with threadpool_limits(1):
        threads = [threading.Thread(target=work, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _caches() -> dict[str, int]:
    found = {}
    for cache in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        kind = (cache / "type").read_text().strip()
        if kind != "Instruction":
            size = (cache / "size").read_text().strip()
            found[f"L{(cache / 'level').read_text().strip()}"] = int(size.rstrip("K")) * 1024
    return found


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
