"""The checksum of a stream: made, saved as it goes, and joined from parts.

The checksum of cubes is the sum modulo 2**64 of the XXH64 of each layer's bytes as they lie in
memory; the seed of layer `f` of cube `i` is ``i * frames + f``. So it does not matter in which
order, where or by how many processes cubes are made; a cube that is missing, made twice or changed
is noticed. Layers are added up where they are made, in a core's own cache: they never go to memory.
"""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ferrule._hints import hinted
from ferrule.data._cube_identity import check_same, identity
from ferrule.data._cube_progress import Progress
from ferrule.data._cubes import Cubes
from ferrule.data._durable import replacing, write_all
from ferrule.errors import DataLossError, FailedPreconditionError, NotFoundError, StorageError

_FORMAT = 1
_SAVE_SECONDS = 0.25
# What is made between two looks at the clock; all of it is lost to an interrupt.
_BATCH_BYTES = 1 << 30
# Bytes of the lock file: byte `start` is held by whoever makes that range, this one during a save.
_STATE_BYTE = 2**62


@dataclass(frozen=True, slots=True)
class Done:
    """How far the cubes `start` to `stop` are."""

    start: int
    stop: int
    next: int
    """The first that is not made."""
    sum: str
    """The checksum of those that are, 16 hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What came of a run."""

    start: int
    stop: int
    checksum: str
    """Of the cubes `start` to `stop`."""
    made: int
    """Cubes made by this run; the others were there already."""
    total: int
    missing: int
    """Cubes of the whole stream that no run has made yet, as far as the state file knows."""
    total_checksum: str | None
    """Of the whole stream, once nothing is missing."""


def checksum(
    cubes: Cubes, state: Path | None = None, progress: Progress = lambda _done, _all: None
) -> Checksum:
    """Make all of `cubes`, which has a total, and return their checksum.

    With a `state` file, what is done is written there four times a second, and a run goes on
    where an earlier one stopped, however that ended. Parts of one stream may share the file.

    Raises
    ------
    FailedPreconditionError
        Where the file is of another stream or of other parts, or another process is at work on
        the same part.
    DataLossError
        Where the file is no state of ours.
    StorageError
        Where it cannot be written.
    """
    start, stop = cubes.start, cubes.start + len(cubes)
    fresh = Done(start, stop, start, f"{0:016x}")
    if state is None:
        done = _make(cubes, fresh, progress, lambda _done: None)
        return _result(cubes, fresh, done, [done])
    with _State.held(state, cubes) as kept:
        before = kept.find(fresh)
        done = _make(cubes, before, progress, kept.save)
        result = _result(cubes, before, done, kept.save(done))
        if not result.missing:
            kept.unlock_for_ever()
        return result


def _make(cubes: Cubes, done: Done, progress: Progress, save: Callable[[Done], object]) -> Done:
    """Make what is missing; also what an interrupt ends is saved."""
    size = max(1, _BATCH_BYTES // cubes.nbytes)
    saved_at = time.monotonic()
    progress(done.next - done.start, done.stop - done.start)
    try:
        while done.next < done.stop:
            done = _next(cubes, done, size)
            progress(done.next - done.start, done.stop - done.start)
            if time.monotonic() - saved_at >= _SAVE_SECONDS:
                save(done)
                saved_at = time.monotonic()
    except KeyboardInterrupt:
        save(done)
        raise
    return done


def _next(cubes: Cubes, done: Done, size: int) -> Done:
    count = min(size, done.stop - done.next)
    added = int(done.sum, 16) + cubes.checksum_of(done.next, count)
    return Done(done.start, done.stop, done.next + count, f"{added % 2**64:016x}")


def _result(cubes: Cubes, before: Done, done: Done, all_done: list[Done]) -> Checksum:
    total = cubes.total or 0
    missing = total - sum(one.next - one.start for one in all_done)
    joined = sum(int(one.sum, 16) for one in all_done) % 2**64
    return Checksum(
        start=done.start,
        stop=done.stop,
        checksum=done.sum,
        made=done.next - before.next,
        total=total,
        missing=missing,
        total_checksum=None if missing else f"{joined:016x}",
    )


@dataclass(slots=True)
class _State:
    """A state file, of which this process holds one range."""

    path: Path
    lock: BinaryIO
    stream: dict[str, Any]

    @classmethod
    @contextmanager
    def held(cls, path: Path, cubes: Cubes) -> Iterator["_State"]:
        """Claim the range of `cubes`; the system gives it back even if the process is killed."""
        if not path.parent.is_dir():
            raise hinted(
                NotFoundError(f"there is no folder `{path.parent}`"), f"mkdir -p {path.parent}"
            )
        try:
            lock = path.with_name(f".{path.name}.lock").open("a+b")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StorageError(f"could not write beside `{path}`: {why}") from error
        with lock:
            try:
                if len(cubes):
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, cubes.start)
            except OSError:
                raise hinted(
                    FailedPreconditionError(
                        f"another process makes the cubes from {cubes.start:,} on into `{path}`"
                    ),
                    "let it finish, or stop it first",
                ) from None
            yield cls(path, lock, identity(cubes))

    def find(self, fresh: Done) -> Done:
        """Return how far an earlier run came with this range; `fresh` where there was none."""
        for done in self._read():
            if (done.start, done.stop) == (fresh.start, fresh.stop):
                return done
            if done.start < fresh.stop and fresh.start < done.stop:
                raise hinted(
                    FailedPreconditionError(
                        f"`{self.path}` has the cubes {done.start:,} to {done.stop:,}, which"
                        f" overlap {fresh.start:,} to {fresh.stop:,}"
                    ),
                    "split the stream into as many parts as before, or use another state file",
                )
        return fresh

    def save(self, done: Done) -> list[Done]:
        """Write how far this range is; return all ranges."""
        if done.start == done.stop:  # starts where another part does, and has nothing to keep
            return self._read()
        fcntl.lockf(self.lock, fcntl.LOCK_EX, 1, _STATE_BYTE)
        try:
            others = [one for one in self._read() if one.start != done.start]
            ranges = sorted([*others, done], key=lambda one: one.start)
            state = {"format": _FORMAT, "stream": self.stream, "ranges": [*map(asdict, ranges)]}
            with replacing(self.path) as file:
                write_all(file, json.dumps(state, indent=1).encode() + b"\n")
            return ranges
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN, 1, _STATE_BYTE)

    def unlock_for_ever(self) -> None:
        """Remove the lock, once there is nothing left to make."""
        Path(self.lock.name).unlink(missing_ok=True)

    def _read(self) -> list[Done]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"could not read `{self.path}`: {error.strerror}") from error
        try:
            state = json.loads(text)
            known, stream, ranges = state["format"], state["stream"], state["ranges"]
            found = [Done(**one) for one in ranges]
            valid = known == _FORMAT and all(map(_is_valid, found))
        except (ValueError, KeyError, TypeError):
            valid = False
        if not valid:
            raise hinted(
                DataLossError(f"`{self.path}` is no state of cubes that this ferrule knows"),
                "name another file, or remove this one to start anew",
            )
        advice = "name another file, or remove this one to start anew"
        check_same(stream, self.stream, str(self.path), advice)
        return found


def _is_valid(done: Done) -> bool:
    numbers = (done.start, done.next, done.stop)
    whole = all(type(number) is int for number in numbers)
    return whole and 0 <= done.start <= done.next <= done.stop and int(done.sum, 16) < 2**64
