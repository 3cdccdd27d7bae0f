"""Models behind HTTP and gRPC, from Python.

`serve` runs until it is interrupted; `Server` runs beside your program, for tests and notebooks.
The requests are answered by compiled threads: Python's lock is not held.
"""

from ferrule.serving._server import Server, serve

__all__ = ["Server", "serve"]
