"""Iterators are read ahead in order, within a budget, and stop when nobody wants them."""

import threading
import time

import pytest

from ferrule.data._parallel import in_order


def counting(n_sources, n_items, made=None, wait=0.0):
    def source(index):
        def items():
            for item in range(n_items):
                time.sleep(wait)
                if made is not None:
                    made.append((index, item))
                yield (index, item)

        return items

    return [source(index) for index in range(n_sources)]


@pytest.mark.parametrize("n_threads", [1, 2, 7])
@pytest.mark.parametrize("budget", [1, 1000])
def test_items_come_in_order(n_threads, budget):
    got = list(in_order(counting(9, 5), lambda _: 3, n_threads, budget))
    assert got == [(source, item) for source in range(9) for item in range(5)]


def test_no_more_is_made_than_the_budget_allows():
    made = []
    items = in_order(counting(4, 50, made), lambda _: 10, 2, 100)
    next(items)
    time.sleep(0.1)
    # 50 bytes a thread are 5 items that wait, and one in the hands of each.
    assert len(made) <= 2 * (5 + 1) + 1
    items.close()


def test_an_error_comes_where_its_item_would_have():
    def broken():
        yield 1
        raise ValueError("here")

    sources = [*counting(2, 2), broken, *counting(1, 1)]
    items = in_order(sources, lambda _: 1, 3, 100)
    got = []
    with pytest.raises(ValueError, match="here"):
        got.extend(items)
    assert threading.active_count() < 20


def test_threads_end_when_the_reader_leaves():
    before = threading.active_count()
    items = in_order(counting(20, 50, wait=0.001), lambda _: 1, 4, 8)
    for _ in range(3):
        next(items)
    items.close()
    assert threading.active_count() == before
