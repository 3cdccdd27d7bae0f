"""File systems that are elsewhere: object stores, HDFS, web servers.

None of them may keep us waiting: connecting and silences are bounded, and so are retries.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyarrow import fs

from ferrule._hints import hinted
from ferrule._words import listed
from ferrule.data._faults import told
from ferrule.errors import InvalidArgumentError, UnavailableError, UnimplementedError

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 30.0
_ATTEMPTS = 2
GCS_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URI leads.

    Attributes
    ----------
    filesystem : pyarrow.fs.FileSystem
        Knows how to read there.
    path : str
        Where on it.
    prefix : str
        What stands before a path there to make a URI of it.
    ranged : bool
        Whether parts of a file can be read.
    renames : bool
        Whether a file is visible while it is being written, and so is written beside its place
        and renamed; object stores show only whole objects.
    """

    filesystem: Any
    path: str
    prefix: str
    ranged: bool = True
    renames: bool = False


def shown(uri: str) -> str:
    """Return `uri` without the secrets in it, for messages."""
    hidden = re.sub(r"://[^/@]*:[^/@]*@", "://…@", uri)
    return re.sub(r"([?&]token=)[^&]*", r"\1…", hidden)


def connect(uri: str, scheme: str) -> Place:
    """Return where `uri` leads; the network is hardly used yet.

    Raises
    ------
    InvalidArgumentError
        For an unknown scheme, a URI without host or bucket, or an unknown parameter.
    UnimplementedError
        Where a package is missing, which is named.
    UnavailableError
        Where the place does not answer.
    """
    opener = _OPENERS.get(scheme)
    if opener is None:
        raise hinted(
            InvalidArgumentError(f"`{shown(uri)}`: `{scheme}` is no scheme that is read"),
            f"those that are: file, {', '.join(_OPENERS)}",
        )
    if not urlsplit(uri).netloc:
        raise InvalidArgumentError(f"`{shown(uri)}` names no host or bucket after `{scheme}://`")
    with told(shown(uri)):
        return opener(uri)


def _s3(uri: str) -> Place:
    parts = urlsplit(uri)
    query = _query(uri, {"endpoint_override", "region", "scheme", "anonymous"})
    endpoint = query.get("endpoint_override") or _environment(
        "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
    )
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "request_timeout": SILENCE_SECONDS,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    }
    if endpoint:
        scheme, separator, address = endpoint.rpartition("://")
        options["endpoint_override"] = address.rstrip("/")
        if separator or "scheme" in query:
            options["scheme"] = query.get("scheme", scheme)
    bucket = parts.netloc.rpartition("@")[2]
    region = query.get("region") or _environment("AWS_REGION", "AWS_DEFAULT_REGION")
    if not region:
        # Stores that are not Amazon's take any region.
        region = "us-east-1" if endpoint else fs.resolve_s3_region(bucket)
    options["region"] = region
    if parts.username:
        options["access_key"] = unquote(parts.username)
        options["secret_key"] = unquote(parts.password or "")
    elif query.get("anonymous", "").lower() in {"1", "true"}:
        options["anonymous"] = True
    return Place(fs.S3FileSystem(**options), bucket + unquote(parts.path), "s3://")


def _gcs(uri: str) -> Place:
    parts = urlsplit(uri)
    query = _query(uri, {"endpoint_override", "scheme", "anonymous", "project_id"})
    options: dict[str, Any] = {"retry_time_limit": timedelta(seconds=GCS_SECONDS)}
    endpoint = query.get("endpoint_override")
    if endpoint:
        scheme, separator, address = endpoint.rpartition("://")
        options["endpoint_override"] = address
        if separator or "scheme" in query:
            options["scheme"] = query.get("scheme", scheme)
    if query.get("anonymous", "").lower() in {"1", "true"}:
        options["anonymous"] = True
    if "project_id" in query:
        options["project_id"] = query["project_id"]
    return Place(fs.GcsFileSystem(**options), parts.netloc + unquote(parts.path), "gs://")


def _hdfs(uri: str) -> Place:
    parts = urlsplit(uri)
    prefix = f"hdfs://{parts.netloc}/"
    try:
        system, path = fs.FileSystem.from_uri(uri)
    except OSError as error:
        raise hinted(
            UnavailableError(
                f"`{shown(uri)}` cannot be reached: {str(error).splitlines()[0][:160]}"
            ),
            "hdfs:// needs Java and libhdfs here; webhdfs://HOST:PORT/… needs neither",
        ) from error
    return Place(system, path, prefix, renames=True)


def _webhdfs(uri: str) -> Place:
    WebHDFS = _from_fsspec("fsspec.implementations.webhdfs", "WebHDFS", uri)
    parts = urlsplit(uri)
    query = _query(uri, {"user", "token", "kerberos"})
    system = WebHDFS(
        parts.hostname,
        port=parts.port or 9870,
        user=unquote(parts.username) if parts.username else query.get("user"),
        token=query.get("token"),
        kerberos=query.get("kerberos", "").lower() in {"1", "true"},
        skip_instance_cache=True,
    )
    _bound_waiting(system.session)
    prefix = f"webhdfs://{parts.netloc}/"
    return Place(_wrapped(system), unquote(parts.path), prefix, renames=True)


def _bound_waiting(session: Any) -> None:
    """Give every request of a `requests` session a timeout; it has none of its own."""
    ask = session.request

    def request(*arguments: Any, **options: Any) -> Any:
        options.setdefault("timeout", (CONNECT_SECONDS, SILENCE_SECONDS))
        return ask(*arguments, **options)

    session.request = request


def _http(uri: str) -> Place:
    HTTPFileSystem = _from_fsspec("fsspec.implementations.http", "HTTPFileSystem", uri)
    from aiohttp import ClientTimeout

    waiting = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
    system = HTTPFileSystem(client_kwargs={"timeout": waiting}, skip_instance_cache=True)
    ranged = bool(system.info(uri).get("partial"))
    return Place(_wrapped(system), uri, "", ranged=ranged)


def _from_fsspec(module: str, name: str, uri: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise hinted(
            UnimplementedError(
                f"`{shown(uri)}` needs a package that is not installed: {error.name}"
            ),
            "pip install 'ferrule[data]'",
        ) from error


def _wrapped(system: Any) -> Any:
    handler: Any = fs.FSSpecHandler  # the stubs lack its methods
    return fs.PyFileSystem(handler(system))


def _query(uri: str, known: set[str]) -> dict[str, str]:
    given = dict(parse_qsl(urlsplit(uri).query))
    for name in given.keys() - known:
        raise hinted(
            InvalidArgumentError(f"`{shown(uri)}` has an unknown parameter `{name}`"),
            f"those that are known: {listed(sorted(known))}",
        )
    return given


def _environment(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


_OPENERS = {
    "s3": _s3,
    "gs": _gcs,
    "gcs": _gcs,
    "hdfs": _hdfs,
    "webhdfs": _webhdfs,
    "http": _http,
    "https": _http,
}
