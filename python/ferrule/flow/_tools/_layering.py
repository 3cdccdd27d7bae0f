"""Boxes in layers: each below those that it needs, with few crossings and short lines.

After Sugiyama, Tagawa and Toda (1981): layers by longest paths, orders by barycentres; then places
within a layer that are nearest to those of neighbours, by pooling adjacent violators.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

# Between boxes of a layer, and between layers, where labels stand.
GAP = 18.0
LAYER_GAP = 40.0
# What a line that passes a layer takes of it.
_PASSAGE = 10.0
_SWEEPS = 12


@dataclass(frozen=True)
class Edge:
    """A line from one vertex to another; those of one `source` and `value` run together."""

    source: int
    target: int
    value: object


@dataclass
class Layered:
    """Where vertices are: centres and tops; and the points that edges pass."""

    x: list[float]
    y: list[float]
    width: float
    height: float
    passages: dict[Edge, list[Point]] = field(default_factory=dict)


def layered(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    first: Iterable[int] = (),
    last: Iterable[int] = (),
) -> Layered:
    """Lay out vertices of these (width, height), `first` above all others and `last` below."""
    levels = _levels(len(sizes), edges, set(first), set(last))
    chains = _chains(levels, edges)
    every = [*sizes, *((_PASSAGE, 0.0) for chain in chains.values() for _ in chain.passages)]
    levels += [level for chain in chains.values() for level in chain.passages]
    links = _links(len(sizes), chains, levels, edges)
    rows = _ordered(levels, links)
    x = _columns(rows, [width for width, _ in every], links)
    tops, bottoms = _heights(rows, every)
    made = Layered(
        x[: len(sizes)],
        [tops[levels[vertex]] for vertex in range(len(sizes))],
        max((x[v] + every[v][0] / 2 for v in range(len(every))), default=0.0),
        bottoms[-1] if bottoms else 0.0,
    )
    for edge in edges:
        chain = chains.get((edge.source, edge.value))
        passed = chain.until(levels[edge.target]) if chain else []
        made.passages[edge] = [
            point for v in passed for point in ((x[v], tops[levels[v]]), (x[v], bottoms[levels[v]]))
        ]
    return made


def _levels(count: int, edges: Sequence[Edge], first: set[int], last: set[int]) -> list[int]:
    """Return the layer of each vertex: one more than the lowest of those that it needs."""
    after: dict[int, list[int]] = defaultdict(list)
    waits = [0] * count
    for edge in edges:
        after[edge.source].append(edge.target)
        waits[edge.target] += 1
    levels = [0 if vertex in first else int(bool(first)) for vertex in range(count)]
    ready = [vertex for vertex in range(count) if not waits[vertex]]
    done = [False] * count
    remaining = iter(range(count))
    for _ in range(count):
        # In a circle of scopes one has to be above what it needs.
        vertex = ready.pop() if ready else next(v for v in remaining if not done[v])
        done[vertex] = True
        for target in after[vertex]:
            waits[target] -= 1
            if not done[target]:
                levels[target] = max(levels[target], levels[vertex] + 1)
                if waits[target] == 0:
                    ready.append(target)
        ready = [vertex for vertex in ready if not done[vertex]]
    _sink_sources(levels, edges, after, first)
    bottom = max((level for v, level in enumerate(levels) if v not in last), default=0) + 1
    return [bottom if vertex in last else level for vertex, level in enumerate(levels)]


def _sink_sources(
    levels: list[int], edges: Sequence[Edge], after: dict[int, list[int]], first: set[int]
) -> None:
    """Move what needs nothing to right above what needs it."""
    fed = {edge.target for edge in edges}
    for vertex in range(len(levels)):
        if vertex not in fed and vertex not in first and after[vertex]:
            lowest = min(levels[target] for target in after[vertex]) - 1
            levels[vertex] = max(levels[vertex], lowest)


@dataclass
class _Chain:
    """The layers that the lines of one value pass, and the number of the first passage."""

    start: int
    passages: range

    def until(self, level: int) -> list[int]:
        """Return the passages above a layer."""
        return [self.start + at for at, passed in enumerate(self.passages) if passed < level]


def _chains(levels: Sequence[int], edges: Sequence[Edge]) -> dict[tuple[int, object], _Chain]:
    lowest: dict[tuple[int, object], int] = {}
    for edge in edges:
        key = (edge.source, edge.value)
        lowest[key] = max(lowest.get(key, 0), levels[edge.target])
    chains, start = {}, len(levels)
    for (source, value), level in lowest.items():
        passages = range(levels[source] + 1, level)
        if passages:
            chains[source, value] = _Chain(start, passages)
            start += len(passages)
    return chains


def _links(
    count: int,
    chains: dict[tuple[int, object], _Chain],
    levels: Sequence[int],
    edges: Sequence[Edge],
) -> list[tuple[int, int]]:
    """Return pairs of vertices, passages among them, of neighbouring layers."""
    links: set[tuple[int, int]] = set()
    for edge in edges:
        chain = chains.get((edge.source, edge.value))
        passed = chain.until(levels[edge.target]) if chain else []
        links.update(pairwise([edge.source, *passed, edge.target]))
    return sorted(link for link in links if levels[link[1]] == levels[link[0]] + 1)


def _ordered(levels: Sequence[int], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the vertices of each layer, from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for vertex, level in enumerate(levels):
        rows[level].append(vertex)
    above, below = _neighbours(links)
    for sweep in range(_SWEEPS):
        near = below if sweep % 2 else above
        place = {vertex: at for row in rows for at, vertex in enumerate(row)}
        for row in reversed(rows) if sweep % 2 else rows:
            means = {v: _mean([place[n] for n in near[v]], place[v]) for v in row}
            row.sort(key=means.__getitem__)
            place.update({vertex: at for at, vertex in enumerate(row)})
    return rows


def _neighbours(
    links: Sequence[tuple[int, int]],
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for upper, lower in links:
        above[lower].append(upper)
        below[upper].append(lower)
    return above, below


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _columns(
    rows: Sequence[Sequence[int]], widths: Sequence[float], links: Sequence[tuple[int, int]]
) -> list[float]:
    """Return the centre of each vertex."""
    x = [0.0] * len(widths)
    for row in rows:
        for vertex, centre in zip(row, _packed(row, widths), strict=True):
            x[vertex] = centre
    above, below = _neighbours(links)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            near = above if sweep % 2 == 0 else below
            wanted = [_mean([x[n] for n in near[v]], x[v]) for v in row]
            for vertex, centre in zip(row, _nearest(row, widths, wanted), strict=True):
                x[vertex] = centre
    left = min((x[v] - widths[v] / 2 for v in range(len(widths))), default=0.0)
    return [centre - left for centre in x]


def _packed(row: Sequence[int], widths: Sequence[float]) -> list[float]:
    """Return the centres of boxes side by side, around 0."""
    centres, at = [], 0.0
    for vertex in row:
        centres.append(at + widths[vertex] / 2)
        at += widths[vertex] + GAP
    return [centre - at / 2 for centre in centres]


def _nearest(row: Sequence[int], widths: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """Return centres in this order, apart, with the least sum of squares from those `wanted`."""
    offsets = _packed(row, widths)
    # Blocks of boxes that touch: (mean of what they want, how many).
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, boxes = blocks.pop()
            mean = (mean * count + before * boxes) / (count + boxes)
            count += boxes
        blocks.append((mean, count))
    shifts = [mean for mean, count in blocks for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]


def _heights(
    rows: Sequence[Sequence[int]], sizes: Sequence[tuple[float, float]]
) -> tuple[list[float], list[float]]:
    """Return the tops and the bottoms of layers."""
    tops, bottoms, at = [], [], 0.0
    for row in rows:
        height = max((sizes[vertex][1] for vertex in row), default=0.0)
        tops.append(at)
        bottoms.append(at + height)
        at += height + LAYER_GAP
    return tops, bottoms
