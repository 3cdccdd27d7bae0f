"""Pictures of graphs as SVG."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from ferrule.flow._drawing import Drawing, Node
from ferrule.flow._tools._layering import Point
from ferrule.flow._tools._layout import LINE, Box, Label, Picture

_STYLE = """
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #1f2933; }
.kind, .shape { fill: #66788a; }
.shape { font-size: 9px; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.scope rect { fill: #1f5fa0; fill-opacity: .05; stroke: #9fb3c8; stroke-dasharray: 3 2; }
.scope text { fill: #486581; font-weight: bold; }
.line { fill: none; stroke: #829ab1; }
.head { fill: #829ab1; }
.node rect { fill: #fff; stroke: #627d98; }
.placeholder rect { fill: #dceefb; stroke: #2680c2; }
.variable rect { fill: #e3f9e5; stroke: #3f9142; }
.constant rect { fill: #f0f4f8; }
.result rect { stroke: #ba2525; stroke-width: 2; }
"""
_EDGE = 10.0
# Classes of the first line of text of an operation, and of the others.
_ROWS = ("name", "kind")


def svg(made: Drawing, labels: dict[int, Label], picture: Picture) -> str:
    """Return the picture of a graph."""
    width, height = picture.width + 2 * _EDGE, picture.height + 2 * _EDGE
    results = {port[0] for port in made.results}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_EDGE:.0f} {-_EDGE:.0f} {width:.0f} {height:.0f}" role="img">',
        f"<title>{_text(made.title)}</title><style>{_STYLE}</style>",
        f'<rect x="{-_EDGE:.0f}" y="{-_EDGE:.0f}" width="100%" height="100%" fill="#fff"/>',
        *(_scope(scope[-1], box) for scope, box in picture.scopes.items() if scope),
        *(line for lines in picture.lines.values() for line in _lines(lines)),
        *(_node(labels[n], picture.nodes[n], is_result=n in results) for n in labels),
        *_shapes(labels, picture),
        "</svg>",
    ]
    return "\n".join(parts)


def _text(text: str) -> str:
    """Return text as XML takes it, which has no control characters."""
    return escape("".join(c if c.isprintable() else "�" for c in text))


def _rect(box: Box, radius: float) -> str:
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius}"/>'
    )


def _scope(name: str, box: Box) -> str:
    text = f'<text x="{box.x + 8:.1f}" y="{box.y + 14:.1f}">{_text(name)}</text>'
    return f'<g class="scope">{_rect(box, 6)}{text}</g>'


def _node(label: Label, box: Box, *, is_result: bool) -> str:
    node = label.node
    kinds = [kind for kind in ("placeholder", "variable", "constant") if node.kind == kind]
    classes = " ".join(["node", *kinds, *(["result"] if is_result else [])])
    middle = box.x + box.width / 2
    rows = "".join(
        f'<text x="{middle:.1f}" y="{box.y + 15 + LINE * row:.1f}" text-anchor="middle" '
        f'class="{_ROWS[row > 0]}">{_text(line)}</text>'
        for row, line in enumerate(label.lines)
    )
    told = f"<title>{_text(_told(node))}</title>"
    return f'<g class="{classes}">{told}{_rect(box, 4)}{rows}</g>'


def _told(node: Node) -> str:
    """Return what is said of an operation where the mouse rests on it."""
    outputs = ", ".join(f"{out.dtype} {out.shape}" for out in node.outputs)
    made = f" at {node.line}" if node.line else ""
    return f"{node.name}: {node.kind} {outputs}{made}"


def _lines(lines: list[list[Point]]) -> Iterator[str]:
    """Yield the lines of one value, pieces that several share once."""
    pieces = dict.fromkeys(piece for line in lines for piece in pairwise(line))
    path = " ".join(_curve(start, end) for start, end in pieces)
    yield f'<path class="line" d="{path}"/>'
    for x, y in dict.fromkeys(line[-1] for line in lines):
        yield f'<path class="head" d="M{x:.1f},{y:.1f} l-3.5,-7 h7 z"/>'


def _curve(start: Point, end: Point) -> str:
    (x, y), (to_x, to_y) = start, end
    bend = max((to_y - y) / 2, 8.0)
    return (
        f"M{x:.1f},{y:.1f} C{x:.1f},{y + bend:.1f} {to_x:.1f},{to_y - bend:.1f} "
        f"{to_x:.1f},{to_y:.1f}"
    )


def _shapes(labels: dict[int, Label], picture: Picture) -> Iterator[str]:
    """Yield the shape of each value that is taken, where its lines begin."""
    for port, lines in picture.lines.items():
        x, y = lines[0][0]
        yield (
            f'<text class="shape" x="{x + 5:.1f}" y="{y + 12:.1f}">'
            f"{_text(str(labels[port[0]].node.outputs[port[1]]))}</text>"
        )
