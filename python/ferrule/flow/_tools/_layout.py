"""Where operations are in a picture: name scopes are boxes around what is in them."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

from ferrule.flow._drawing import Node, Port
from ferrule.flow._tools._layering import Edge, Layered, Point, layered

# Characters are of one width.
CHARACTER = 6.7
LINE = 15.0
_MARGIN = 12.0
_HEAD = 16.0

Scope: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class _Way:
    """Where a value comes into a scope, or leaves it."""

    is_in: bool
    port: Port


# An operation by number, a scope within the one that is laid out, or a way in or out of that.
_Item: TypeAlias = int | Scope | _Way


@dataclass(frozen=True)
class Box:
    """A rectangle, by its left and upper edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """An operation to be drawn: lines of text, and what it takes."""

    node: Node
    lines: tuple[str, ...]
    inputs: tuple[Port, ...]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        width = max(len(line) for line in self.lines) * CHARACTER + 16
        return max(width, 48.0, 12.0 * len(self.inputs)), len(self.lines) * LINE + 10


@dataclass
class Picture:
    """Boxes, and lines between them by the value that they carry."""

    width: float = 0.0
    height: float = 0.0
    nodes: dict[int, Box] = field(default_factory=dict)
    scopes: dict[Scope, Box] = field(default_factory=dict)
    lines: dict[Port, list[list[Point]]] = field(default_factory=lambda: defaultdict(list))


def picture(labels: dict[int, Label]) -> Picture:
    """Lay out operations that take values of each other."""
    scopes = _scopes(labels)
    return _Layout(labels, scopes).picture()


def _scopes(labels: dict[int, Label]) -> dict[int, Scope]:
    """Return the scope of each operation, without those that hold but one thing."""
    paths = {number: tuple(label.node.name.split("/")[:-1]) for number, label in labels.items()}
    counts: dict[Scope, int] = defaultdict(int)
    for path in paths.values():
        for depth in range(1, len(path) + 1):
            counts[path[:depth]] += 1
    kept = {}
    for number, path in paths.items():
        depths = range(1, len(path) + 1)
        kept[number] = next((path[:d] for d in reversed(depths) if counts[path[:d]] > 1), ())
    return kept


class _Layout:
    """Scopes laid out from the inside to the outside."""

    def __init__(self, labels: dict[int, Label], scopes: dict[int, Scope]) -> None:
        self._labels = labels
        self._scope_of = scopes
        self._items: dict[Scope, list[_Item]] = defaultdict(list)
        self._edges: dict[Scope, list[tuple[_Item, _Item, Port]]] = defaultdict(list)
        self._made: dict[Scope, Layered] = {}
        self._places: dict[Scope, dict[_Item, int]] = {}
        self._sizes: dict[Scope, tuple[float, float]] = {}
        self._picture = Picture()
        for number, scope in scopes.items():
            for depth in range(len(scope)):
                self._add(scope[:depth], scope[: depth + 1])
            self._add(scope, number)
        for number, label in labels.items():
            for port in label.inputs:
                self._join(port, number)

    def _add(self, scope: Scope, item: _Item) -> None:
        if item not in self._items[scope]:
            self._items[scope].append(item)

    def _join(self, port: Port, target: int) -> None:
        """Note the pieces of a line, one in each scope that it crosses."""
        for scope, source, end in self._pieces(port, target):
            for item in (source, end):
                self._add(scope, item)
            if (source, end, port) not in self._edges[scope]:
                self._edges[scope].append((source, end, port))

    def _pieces(self, port: Port, target: int) -> list[tuple[Scope, _Item, _Item]]:
        """Return the pieces of a line: the scope that each is in, and what it joins."""
        here, there = self._scope_of[port[0]], self._scope_of[target]
        common = 0
        while common < min(len(here), len(there)) and here[common] == there[common]:
            common += 1
        way_in, way_out = _Way(is_in=True, port=port), _Way(is_in=False, port=port)
        source: _Item = port[0]
        pieces: list[tuple[Scope, _Item, _Item]] = []
        for depth in range(len(here), common, -1):
            pieces.append((here[:depth], source, way_out))
            source = here[:depth]
        end: _Item = there[: common + 1] if len(there) > common else target
        pieces.append((there[:common], source, end))
        for depth in range(common + 1, len(there) + 1):
            end = there[: depth + 1] if len(there) > depth else target
            pieces.append((there[:depth], way_in, end))
        return pieces

    def picture(self) -> Picture:
        """Return the picture of all."""
        for scope in sorted(self._items, key=len, reverse=True):
            self._lay_out(scope)
        self._place((), 0.0, 0.0)
        self._picture.width, self._picture.height = self._sizes[()]
        for number, label in self._labels.items():
            for place, port in enumerate(label.inputs):
                self._picture.lines[port].append(self._line(port, number, place))
        return self._picture

    def _lay_out(self, scope: Scope) -> None:
        items = self._items[scope]
        places = {item: place for place, item in enumerate(items)}
        edges = [Edge(places[a], places[b], port) for a, b, port in self._edges[scope]]
        ways = [(place, item) for item, place in places.items() if isinstance(item, _Way)]
        first = [place for place, way in ways if way.is_in]
        last = [place for place, way in ways if not way.is_in]
        made = layered([self._size(item) for item in items], edges, first, last)
        head = max((len(scope[-1]) if scope else 0) * CHARACTER, made.width)
        self._made[scope], self._places[scope] = made, places
        self._sizes[scope] = (head + 2 * _MARGIN, made.height + 2 * _MARGIN + _HEAD)

    def _size(self, item: _Item) -> tuple[float, float]:
        if isinstance(item, _Way):
            return 0.0, 0.0
        return self._labels[item].size if isinstance(item, int) else self._sizes[item]

    def _place(self, scope: Scope, x: float, y: float) -> None:
        """Put a scope at a place, and what is in it."""
        self._picture.scopes[scope] = Box(x, y, *self._sizes[scope])
        made = self._made[scope]
        for item, place in self._places[scope].items():
            width, height = self._size(item)
            left = x + _MARGIN + made.x[place] - width / 2
            top = y + _MARGIN + _HEAD + made.y[place]
            if isinstance(item, int):
                self._picture.nodes[item] = Box(left, top, width, height)
            elif not isinstance(item, _Way):
                self._place(item, left, top)

    def _line(self, port: Port, target: int, place: int) -> list[Point]:
        """Return the points of a line, from an operation's lower edge to another's upper one."""
        box, node = self._picture.nodes[port[0]], self._labels[port[0]].node
        points = [(_spread(box, port[1], len(node.outputs)), box.y + box.height)]
        for scope, source, end in self._pieces(port, target):
            frame, made, places = (
                self._picture.scopes[scope],
                self._made[scope],
                self._places[scope],
            )
            left, top = frame.x + _MARGIN, frame.y + _MARGIN + _HEAD
            if isinstance(source, _Way):
                points.append((left + made.x[places[source]], frame.y))
            passed = made.passages[Edge(places[source], places[end], port)]
            points += [(left + x, top + y) for x, y in passed]
            if isinstance(end, _Way):
                points.append((left + made.x[places[end]], frame.y + frame.height))
        box, count = self._picture.nodes[target], len(self._labels[target].inputs)
        return [*points, (_spread(box, place, count), box.y)]


def _spread(box: Box, place: int, count: int) -> float:
    """Return where one of several lines meets an edge of a box."""
    step = min(14.0, box.width / (count + 1))
    return box.x + box.width / 2 + (place - (count - 1) / 2) * step
