"""Graphs, under MiniFlow's name of the module."""

from ferrule.flow.compat.v1._graph import Graph, get_default_graph, reset_default_graph

__all__ = ["Graph", "get_default_graph", "reset_default_graph"]
