"""Which stream some cubes are of, so that a run only goes on with what it began."""

from typing import Any

import numpy as np

from ferrule import _core
from ferrule._hints import hinted
from ferrule.data._cubes import Cubes
from ferrule.data._stack import FrameStack
from ferrule.errors import FailedPreconditionError

_SAMPLES = 1024
_SAMPLE_BYTES = 64 << 10


def identity(cubes: Cubes) -> dict[str, Any]:
    """Return what tells the whole stream that `cubes` belongs to from others, as JSON values."""
    stack = cubes.stack
    told = cubes.options.arguments()
    every = cubes.options.every
    return {
        **told,
        "shape": list(told["shape"]),
        "rows": "random" if every is None else {"start": every[0], "step": every[1]},
        "stack": {
            "shape": list(stack.values.shape),
            "dtype": stack.dtype.name,
            "fingerprint": f"{fingerprint(stack):016x}",
        },
        "total": cubes.total,
    }


def fingerprint(stack: FrameStack) -> int:
    """Return a number that differs, in all likelihood, for stacks that someone mixes up.

    It is the XXH64 of all bytes up to 64 MiB, and of 1,024 evenly spaced pieces of larger stacks.
    """
    data = stack.values.reshape(-1).view(np.uint8)
    if data.nbytes <= _SAMPLES * _SAMPLE_BYTES:
        return _core.xxh64(data, 0)
    starts = np.linspace(0, data.nbytes - _SAMPLE_BYTES, _SAMPLES).astype(np.int64).tolist()
    hashes = (
        _core.xxh64(data[start : start + _SAMPLE_BYTES], place)
        for place, start in enumerate(starts)
    )
    return sum(hashes) % 2**64


def check_same(found: Any, expected: dict[str, Any], place: str, advice: str) -> None:
    """Raise where what was begun at `place` is another stream, and say in what it differs.

    Raises
    ------
    FailedPreconditionError
    """
    if found == expected:
        return
    there = found if isinstance(found, dict) else {}
    name = next(key for key in expected if there.get(key) != expected[key])
    raise hinted(
        FailedPreconditionError(
            f"`{place}` is of another stream: its {name} is {there.get(name)!r}, here it is"
            f" {expected[name]!r}"
        ),
        advice,
    )
