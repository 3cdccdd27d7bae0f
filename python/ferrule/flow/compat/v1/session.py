"""Sessions, under MiniFlow's name of the module."""

from ferrule.flow.compat.v1._session import InteractiveSession, Session

__all__ = ["InteractiveSession", "Session"]
