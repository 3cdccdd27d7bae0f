"""The count of steps."""

from typing import Any

import numpy as np

from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._tensor import default_graph
from ferrule.flow.compat.v1._variables import Variable


def get_global_step(graph: Graph | None = None) -> Variable | None:
    """Return the count of steps of a graph, or None."""
    found = (graph or default_graph()).get_collection(GraphKeys.GLOBAL_STEP)
    return found[0] if found else None


def create_global_step(graph: Graph | None = None) -> Variable:
    """Return a new count of steps, an int64 called ``global_step``.

    Raises
    ------
    ValueError
        Where the graph has one.
    """
    graph = graph or default_graph()
    if get_global_step(graph) is not None:
        raise ValueError("'global_step' already exists")
    with graph.as_default(), graph.name_scope(None):
        names = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
        step: Variable = Variable(
            np.int64(0), trainable=False, collections=names, name="global_step"
        )
    return step


def get_or_create_global_step(graph: Graph | None = None) -> Variable:
    """Return the count of steps of a graph, made where there is none."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def global_step(sess: Any, global_step_tensor: Variable) -> int:
    """Return the count of steps in a session."""
    return int(sess.run(global_step_tensor))
