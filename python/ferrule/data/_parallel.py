"""Several iterators ahead of their reader, in order, in bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


def in_order(
    sources: Sequence[Callable[[], Iterator[T]]],
    size: Callable[[T], int],
    n_threads: int,
    budget: int,
) -> Iterator[T]:
    """Yield what each of `sources` yields, one source after the other.

    Meanwhile the next sources are read, in threads. What waits to be yielded is at most
    `budget` bytes by `size`, or one item a thread where that is more.

    Parameters
    ----------
    sources : sequence of callables
        Each returns an iterator.
    size : callable
        Returns the bytes of an item.
    n_threads : int
        How many sources are read at once.
    budget : int
        Bytes.
    """
    share = budget // n_threads
    stop = threading.Event()
    with ThreadPoolExecutor(n_threads, "ferrule-read") as pool:
        waiting: deque[_Channel[T]] = deque()
        left = iter(sources)

        def begin() -> None:
            source = next(left, None)
            if source is not None:
                channel = _Channel(size, share, stop)
                waiting.append(channel)
                pool.submit(channel.fill, source)

        try:
            for _ in range(n_threads):
                begin()
            while waiting:
                yield from waiting[0].drain()
                waiting.popleft()
                begin()
        finally:
            stop.set()
            for channel in waiting:
                channel.wake()


class _Channel(Generic[T]):
    """What one thread has made and its reader has not taken yet."""

    def __init__(self, size: Callable[[T], int], budget: int, stop: threading.Event) -> None:
        self._size = size
        self._budget = budget
        self._stop = stop
        self._items: deque[T] = deque()
        self._held = 0
        self._error: BaseException | None = None
        self._ended = False
        self._changed = threading.Condition()

    def fill(self, source: Callable[[], Iterator[T]]) -> None:
        """Put in all that `source` yields; leaves where nobody wants it any more."""
        try:
            for item in source():
                if not self._put(item):
                    return
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        size = self._size(item)
        with self._changed:
            self._changed.wait_for(
                lambda: self._stop.is_set() or not self._items or self._held + size <= self._budget
            )
            if self._stop.is_set():
                return False
            self._items.append(item)
            self._held += size
            self._changed.notify_all()
            return True

    def drain(self) -> Iterator[T]:
        """Yield the items as they come; raises what ended their making."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    break
                item = self._items.popleft()
                self._held -= self._size(item)
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def wake(self) -> None:
        """Let the maker see that it is to stop."""
        with self._changed:
            self._changed.notify_all()
