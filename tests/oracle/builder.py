"""A graph that grows by random operations, kept away from ties and from the edges of domains."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.draws import Draws

VARIABLES_MAX = 3
PLACEHOLDERS_MAX = 3
# Larger ones are drawn constant, so that what is recorded of them stays small.
RECORDED_INPUT_MAX = 40


@dataclasses.dataclass(eq=False)
class Node:
    """A float tensor and what is known of its values."""

    tensor: Any
    shape: tuple[int, ...]
    bound: float  # no element is larger in magnitude
    distinct: bool = True  # no two elements are equal, none is zero, but by chance
    known: bool = True  # the shape, when the graph is built
    used: bool = False
    tamed: dict[float, "Node"] = dataclasses.field(default_factory=dict)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Builder:
    """Grows a graph in the default graph of `tf`, a module with the names of TensorFlow 1."""

    def __init__(self, tf: Any, draws: Draws, dtype: str) -> None:
        self.tf = tf
        self.draws = draws
        self.dtype = getattr(tf, dtype)
        self.numpy_dtype = np.dtype(dtype)
        self.nodes: list[Node] = []
        self.variables: dict[str, tuple[Any, np.ndarray]] = {}
        self.placeholders: dict[str, tuple[Any, np.ndarray]] = {}
        # What is fed, but not differentiated: integers, and the number that they are below.
        self.places: list[tuple[Any, np.ndarray, int]] = []
        self.labels: list[str] = []

    # Leaves.

    def leaf(self, shape: tuple[int, ...]) -> Node:
        """Add a variable, a placeholder or a constant with elements in [-1, 1)."""
        values = self.draws.reals(shape)
        room = {
            "variable": len(self.variables) < VARIABLES_MAX and values.size <= RECORDED_INPUT_MAX,
            "placeholder": len(self.placeholders) < PLACEHOLDERS_MAX
            and values.size <= RECORDED_INPUT_MAX,
        }
        kinds = [kind for kind, free in room.items() if free] or ["constant"]
        kind = self.draws.choice(kinds)
        return {
            "variable": self.variable,
            "placeholder": self._placeholder,
            "constant": self._constant,
        }[kind](values)

    def variable(self, values: np.ndarray) -> Node:
        name = f"w{len(self.variables)}"
        tensor = self.tf.Variable(values.astype(self.numpy_dtype), name=name)
        self.variables[name] = (tensor, values)
        return self._add(Node(tensor, values.shape, 1.0))

    def _placeholder(self, values: np.ndarray) -> Node:
        name = f"x{len(self.placeholders)}"
        unknown = values.ndim > 0 and self.draws.chance(2)
        shape = [None, *values.shape[1:]] if unknown else list(values.shape)
        tensor = self.tf.placeholder(self.dtype, shape, name=name)
        self.placeholders[name] = (tensor, values)
        return self._add(Node(tensor, values.shape, 1.0, known=not unknown))

    def _constant(self, values: np.ndarray) -> Node:
        return self._add(Node(self.constant(values), values.shape, 1.0))

    def constant(self, values: np.ndarray) -> Any:
        return self.tf.constant(values.astype(self.numpy_dtype))

    def integers(self, shape: tuple[int, ...], end: int) -> Any:
        """Return a constant or fed tensor of integers below `end`."""
        values = self.draws.integers(shape, end)
        if self.draws.chance(2):
            return self.tf.constant(values)
        fed = self.tf.placeholder(self.tf.int32, list(shape))
        self.places.append((fed, values, end))
        return fed

    # Choice.

    def pick(
        self,
        *ranks: int,
        distinct: bool = False,
        known: bool = False,
        limit: float = 2.0,
        fits: Callable[[Node], bool] = lambda node: True,
    ) -> Node:
        """Return a node of one of the ranks (any by default), scaled into `limit`.

        One of the leaves is added where no node is suitable, and now and then where one is.
        """
        ranks = ranks or (0, 1, 2, 3, 4)
        suitable = [
            node
            for node in self.nodes
            if node.rank in ranks
            and (node.distinct or not distinct)
            and (node.known or not known)
            and fits(node)
        ]
        while not suitable or (len(suitable) < 3 and self.draws.chance(4)):
            rank = self.draws.choice([r for r in ranks if r > 0] or ranks)
            leaf = self.leaf(self.draws.shape(rank))
            if fits(leaf) and (leaf.known or not known):
                suitable = [leaf]
        fresh = [node for node in suitable if not node.used]
        node = self.draws.choice(fresh if fresh and not self.draws.chance(4) else suitable)
        node.used = True
        return self.tame(node, limit)

    def like(self, shape: tuple[int, ...], *, distinct: bool = False, limit: float = 2.0) -> Node:
        """Return a node of the very shape."""
        suitable = [n for n in self.nodes if n.shape == shape and (n.distinct or not distinct)]
        if not suitable or self.draws.chance(3):
            suitable = [self.leaf(shape)]
        node = self.draws.choice(suitable)
        node.used = True
        return self.tame(node, limit)

    def broadcastable(
        self, shape: tuple[int, ...], *, distinct: bool = False, limit: float = 2.0
    ) -> Node:
        """Return a node that broadcasts to `shape`."""
        kept = shape[self.draws.below(len(shape) + 1) :]
        kept = tuple(1 if self.draws.chance(3) else n for n in kept)
        return self.like(shape if self.draws.chance(2) else kept, distinct=distinct, limit=limit)

    def tame(self, node: Node, limit: float) -> Node:
        """Scale by a power of two so that no element is larger than `limit`."""
        if node.bound <= limit:
            return node
        if limit not in node.tamed:
            scale = 2.0 ** -math.ceil(math.log2(node.bound / limit))
            node.tamed[limit] = self._derived(node, node.tensor * scale, node.bound * scale)
        return node.tamed[limit]

    def positive(self, node: Node) -> Node:
        """Map smoothly to (0.25, 2.25)."""
        tf, x = self.tf, self.tame(node, 1.0)
        maps = [
            lambda: tf.square(x.tensor) + 0.25,
            lambda: 2.0 * tf.sigmoid(x.tensor) + 0.25,
            lambda: x.tensor + 1.25,
        ]
        return self._derived(x, self.draws.choice(maps)(), 2.25)

    # Growth.

    def emit(
        self,
        label: str,
        tensor: Any,
        shape: tuple[int, ...],
        bound: float,
        *parents: Node,
        distinct: bool | None = None,
    ) -> Node:
        """Add a node made of the parents, distinct if they are, known if they are."""
        self.labels.append(label)
        inherited = all(parent.distinct for parent in parents)
        return self._add(
            Node(
                tensor,
                tuple(shape),
                bound,
                distinct=inherited if distinct is None else distinct,
                known=all(parent.known for parent in parents),
            )
        )

    @staticmethod
    def _derived(node: Node, tensor: Any, bound: float) -> Node:
        return dataclasses.replace(node, tensor=tensor, bound=bound, tamed={})

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node
