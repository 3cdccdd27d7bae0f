"""Memory that is asked for in one piece."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ferrule._hints import hinted
from ferrule.errors import OutOfMemoryError

ALIGNMENT = 64
_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def allocate(shape: Sequence[int], dtype: DTypeLike, what: str, hint: str) -> NDArray[Any]:
    """Return an array of this shape with no values yet, C-contiguous and 64-byte aligned.

    Parameters
    ----------
    shape, dtype
        As `numpy.empty` takes them.
    what : str
        What the array is for, in messages.
    hint : str
        What to do where there is no room for it.

    Raises
    ------
    OutOfMemoryError
        Where less memory is available than the array takes. Linux would grant the request, and
        kill the process when the pages are written.
    """
    kind = np.dtype(dtype)
    needed = math.prod(shape) * kind.itemsize
    check_fits(needed, what, hint)
    try:
        block = np.empty(needed + ALIGNMENT, np.uint8)
    except (MemoryError, ValueError) as error:  # ValueError: beyond the address space
        raise hinted(OutOfMemoryError(f"{what} needs {needed:,} bytes"), hint) from error
    first = -block.ctypes.data % ALIGNMENT
    return block[first : first + needed].view(kind).reshape(shape)


def check_fits(needed: int, what: str, hint: str) -> None:
    """Raise where `needed` bytes, for `what`, are more than can be had.

    Raises
    ------
    OutOfMemoryError
        With what is needed and what there is.
    """
    available = available_bytes()
    if available is not None and needed > available:
        raise hinted(
            OutOfMemoryError(f"{what} needs {needed:,} bytes; {available:,} are available"), hint
        )


def available_bytes() -> int | None:
    """Return how much more memory this process can use; None where the system does not tell."""
    found = [size for size in (_of_machine(), _of_group()) if size is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    sizes = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((int(size) * 1024 for size in sizes), None)


def _of_group() -> int | None:
    """Return what the container leaves; pages of files that it caches can be had back."""
    try:
        most = (_GROUP / "memory.max").read_text().strip()
        used = int((_GROUP / "memory.current").read_text())
        counts = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if not most.isdecimal():
        return None
    return max(0, int(most) - used + int(counts.get("inactive_file", 0)))
