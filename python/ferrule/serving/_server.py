"""The server as a context manager, and as a call that blocks."""

import json
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from ferrule import _core
from ferrule.artifact._paths import expanded
from ferrule.errors import FailedPreconditionError, FerruleError, InvalidArgumentError

# A fitted model, or the path of an artifact or of a folder of them.
_Model: TypeAlias = Any
_Path: TypeAlias = str | os.PathLike[str]
# A command-line option, and what stands for its value, in an error of the core.
_OPTION = re.compile(r"(?<!\S)--([a-z]+(?:-[a-z]+)*)(?: (?:FILE|NAME|PORT|N)\b)?")


class Server:
    """A server for models, running beside the caller.

    Parameters
    ----------
    *models : path or fitted model
        Artifacts, folders of artifacts (``NAME.safetensors`` or ``NAME/VERSION.safetensors``), or
        fitted models as `ferrule.save` takes them.
    name : str, optional
        The name of the one model given; by default its file's stem, or its class's name in lower
        case.
    host : str, default="127.0.0.1"
        Address to listen on. One that other machines reach needs `api_key_file` or `no_auth`.
    http_port, grpc_port : int, default=0
        Ports of REST and gRPC; 0 is any free one.
    threads : int, default=0
        I/O threads; 0 is one for each core.
    watch : bool, default=False
        Load models again when their files change.
    api_key_file : path, optional
        File of API keys, one a line, that requests must bring as ``Authorization: Bearer KEY``.
    no_auth : bool, default=False
        Serve other machines with no authentication.
    tls_cert, tls_key : path, optional
        Certificate chain and private key, PEM; both or neither.
    allowed_hosts : sequence of str, optional
        Host names that REST requests may name, beside loopback's own.
    access_log : bool, default=False
        Write a JSON line for each request to stderr.
    limits : mapping of str to number, optional
        Bounds on requests, by the names of the ``[limits]`` table in
        ``docs/reference/serve-toml.md``; times in seconds.

    Attributes
    ----------
    http_url : str
        Where REST is served, such as ``http://127.0.0.1:8080``.
    grpc_address : str
        Where gRPC is served, such as ``127.0.0.1:8081``.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For an option that is unknown or cannot be served.
    ferrule.errors.NotFoundError
        For a path where there is nothing.
    ferrule.errors.UnavailableError
        For a port that another program has.

    Examples
    --------
    >>> import ferrule
    >>> from ferrule.cluster import KMeans
    >>> model = KMeans(2, n_init=1, random_state=0).fit([[0.0], [0.1], [5.0], [5.1]])
    >>> with ferrule.Server(model, name="demo") as server:
    ...     server.http_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        *models: _Model,
        name: str | None = None,
        host: str = "127.0.0.1",
        http_port: int = 0,
        grpc_port: int = 0,
        threads: int = 0,
        watch: bool = False,
        api_key_file: _Path | None = None,
        no_auth: bool = False,
        tls_cert: _Path | None = None,
        tls_key: _Path | None = None,
        allowed_hosts: Sequence[str] = (),
        access_log: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        self._models = models
        self._config: dict[str, Any] = {
            "name": name,
            "host": host,
            "http_port": http_port,
            "grpc_port": grpc_port,
            "threads": threads,
            "watch": watch,
            "api_key_file": _expanded(api_key_file),
            "no_auth": no_auth,
            "tls_cert": _expanded(tls_cert),
            "tls_key": _expanded(tls_key),
            "allowed_hosts": list(allowed_hosts),
            "access_log": access_log,
            "limits": dict(limits or {}),
        }
        self._core: _core.Server | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        """Load the models and start serving; returns this server."""
        if self._core is not None:
            raise FailedPreconditionError("the server is running already; stop it first")
        self._folder = tempfile.TemporaryDirectory(prefix="ferrule-")
        try:
            paths = [
                _path(model, self._config["name"], self._folder.name) for model in self._models
            ]
            with _words_of_python():
                self._core = _core.Server(json.dumps({**self._config, "models": paths}))
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def stop(self) -> bool:
        """Let the requests in flight end, at most ``limits.drain_timeout``, then stop.

        Returns
        -------
        bool
            Whether every request was answered.
        """
        if self._core is None:
            return True
        drained = self._core.shutdown()
        self._forget()
        return drained

    def kill(self) -> None:
        """Stop at once: requests in flight are dropped. May be called while `stop` waits."""
        if self._core is not None:
            self._core.stop()

    def refresh(self) -> None:
        """Serve what the models' files hold now: new, changed and removed ones."""
        self._running().refresh()

    @property
    def http_url(self) -> str:
        """Where REST is served."""
        scheme = "https" if self._config.get("tls_cert") else "http"
        return f"{scheme}://{self._running().http_address}"

    @property
    def grpc_address(self) -> str:
        """Where gRPC is served."""
        return self._running().grpc_address

    def _running(self) -> _core.Server:
        if self._core is None:
            raise FailedPreconditionError("the server is not running; use it in a `with` block")
        return self._core

    def _forget(self) -> None:
        self._core = None
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        if self._core is None:
            return "<ferrule.Server, not running>"
        return f"<ferrule.Server at {self.http_url}, gRPC {self.grpc_address}>"


def serve(*models: _Model, http_port: int = 8080, grpc_port: int = 8081, **options: Any) -> None:
    """Serve models until SIGINT (Ctrl-C) or SIGTERM; then drain and return.

    A second signal drops what is in flight. In a thread other than the main one, which Python tells
    of no signals, it serves until the process ends.

    Parameters
    ----------
    *models : path or fitted model
        As for `Server`.
    http_port, grpc_port : int, default=8080 and 8081
        Ports of REST and gRPC; 0 is any free one.
    **options
        As for `Server`.

    Raises
    ------
    ferrule.errors.FerruleError
        As for `Server`.
    """
    server = Server(*models, http_port=http_port, grpc_port=grpc_port, **options).start()
    told = threading.Event()
    try:
        with _signals(told, server.kill):
            print(f"serving at {server.http_url}, gRPC {server.grpc_address}; Ctrl-C stops")
            told.wait()
            # A thread drains, so that this one hears the second signal.
            drain = threading.Thread(target=server.stop)
            drain.start()
            while drain.is_alive():
                drain.join(0.1)
    finally:
        server.kill()


@contextmanager
def _words_of_python() -> Iterator[None]:
    """Name parameters as they are here, where the core's errors name command-line options."""
    try:
        yield
    except FerruleError as error:
        text = _OPTION.sub(lambda option: option[1].replace("-", "_"), str(error))
        text = text.replace("the keys are those of serve.toml", "see help(ferrule.Server)")
        raise type(error)(text) from None


@contextmanager
def _signals(told: threading.Event, kill: Callable[[], None]) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM set `told` and the second call `kill`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: object) -> None:
        if told.is_set():
            kill()
        told.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _expanded(path: _Path | None) -> str | None:
    return None if path is None else expanded(path)


def _path(model: _Model, name: str | None, folder: str) -> str:
    """Return where `model` is, after saving it in `folder` if it is not on disk yet."""
    if isinstance(model, str | os.PathLike):
        return expanded(model)
    if not hasattr(model, "fit"):
        raise InvalidArgumentError(
            f"expected a path or a fitted model, got {type(model).__name__}; "
            "give the path of an artifact, or a model that ferrule.save takes"
        )
    from ferrule.artifact import save

    path = Path(folder) / f"{name or type(model).__name__.lower()}.safetensors"
    save(model, path)
    return str(path)
