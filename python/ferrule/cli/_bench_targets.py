"""What `ferrule bench` measures: a model, and the servers that have it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray

import ferrule
from ferrule._hints import hinted
from ferrule.artifact import GraphModel
from ferrule.cli._files import existing_model
from ferrule.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)

_ROWS = 64
_TIMEOUT_S = 10
_PROTOCOLS = {"http": "rest", "grpc": "grpc"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address for one protocol."""

    protocol: str
    address: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A model: how to call it, with what, and what it should answer."""

    file: Path | None
    name: str
    input: str
    dtype: str
    rows: list[list[float]]
    # What the first output is, a row of numbers for each row.
    expected: NDArray[Any] | None

    def check(self, answers: list[list[Any]], endpoint: Endpoint) -> None:
        """Raise where a server's first answers are not the model's.

        Without the model file, what the server says first is what it should say ever after.
        """
        if self.expected is None:
            return
        # JSON has the shortest text of a number in its own dtype.
        got = np.asarray(answers, self.expected.dtype)
        wrong = int((got != self.expected).any(axis=1).sum())
        if wrong:
            raise hinted(
                FailedPreconditionError(
                    f"{endpoint.address} gives other answers than `{self.file}` to {wrong} of"
                    f" {len(answers)} rows"
                ),
                "does it serve another model under this name? see --name",
            )


def endpoint_of(url: str) -> Endpoint:
    """Read ``http://host:port`` or ``grpc://host:port``.

    Raises
    ------
    InvalidArgumentError
        For anything else.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in _PROTOCOLS or not parts.hostname or port is None:
        raise hinted(
            InvalidArgumentError(f"`{url}` is no address that can be measured"),
            "write http://HOST:PORT or grpc://HOST:PORT; TLS is not measured",
        )
    return Endpoint(_PROTOCOLS[parts.scheme], f"{parts.hostname}:{port}")


def subject_of(
    file: Path | None, endpoints: list[Endpoint], name: str | None, key: str | None
) -> Subject:
    """Learn how to call the model: from its file, else from a server that speaks REST.

    Raises
    ------
    FerruleError
        Where neither can be read.
    """
    if file is not None:
        return _from_file(existing_model(file), name)
    for endpoint in endpoints:
        if endpoint.protocol == "rest":
            return _from_server(endpoint, name, key)
    raise hinted(
        InvalidArgumentError("over gRPC alone it is not known what the model takes"),
        "give the model file too: ferrule bench model.safetensors grpc://HOST:PORT",
    )


def _from_file(file: Path, name: str | None) -> Subject:
    model: Any = ferrule.load(file)
    if isinstance(model, GraphModel):
        return _from_graph(model, file, name)
    spec = ferrule.inspect(file).signature.inputs[0]
    rows = _rows_about(model).astype(model.cluster_centers_.dtype)
    # The model sees what the server will: rows without names.
    model.__dict__.pop("feature_names_in_", None)
    labels = model.predict(rows)[:, None]
    return Subject(file, name or file.stem, spec.name, spec.dtype, _plain(rows), labels)


def _from_graph(model: GraphModel, file: Path, name: str | None) -> Subject:
    spec = model.inputs[0]
    if len(model.inputs) > 1 or len(spec.shape) != 2:
        taken = ", ".join(str(each) for each in model.inputs)
        raise InvalidArgumentError(
            f"`{file}` takes {taken}; one input [-1, columns] of FP32 or FP64 is expected"
        )
    rows = _normal_rows(file.stem, spec.dtype, spec.shape)
    output = model.predict(**{spec.name: rows})[model.outputs[0].name]
    if output.ndim < 1 or len(output) != len(rows):
        raise InvalidArgumentError(
            f"`{file}` gives {model.outputs[0]}, which has no row for each row"
        )
    expected = output.reshape(len(rows), -1)
    return Subject(file, name or file.stem, spec.name, spec.dtype, _plain(rows), expected)


def _normal_rows(name: str, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """Return rows of normal deviates for an input."""
    width = shape[-1]
    if datatype not in {"FP32", "FP64"} or width < 1:
        raise InvalidArgumentError(
            f"`{name}` takes {datatype} {list(shape)}; rows of FP32 or FP64 are expected"
        )
    dtype = np.float32 if datatype == "FP32" else np.float64
    return np.random.default_rng(0).normal(size=(_ROWS, width)).astype(dtype)


def _rows_about(model: Any) -> NDArray[np.float64]:
    """Return rows on and between the centres, so that all labels occur."""
    generator = np.random.default_rng(0)
    centers = model.cluster_centers_.astype(np.float64)
    picked = centers[np.arange(_ROWS) % len(centers)]
    rows = picked + generator.normal(size=picked.shape) * (centers.std(axis=0) / 4 + 1e-3)
    scaler = getattr(model, "scaler", None)
    return np.asarray(rows if scaler is None else scaler.inverse_transform(rows))


def _from_server(endpoint: Endpoint, name: str | None, key: str | None) -> Subject:
    if name is None:
        name = _only_model(endpoint, key)
    metadata = _ask(endpoint, f"/v2/models/{quote(name, safe='')}", key)
    spec = metadata["inputs"][0]
    rows = _normal_rows(name, spec["datatype"], spec["shape"])
    return Subject(None, name, spec["name"], spec["datatype"], _plain(rows), None)


def _only_model(endpoint: Endpoint, key: str | None) -> str:
    names = sorted({entry["name"] for entry in _ask(endpoint, "/v2/repository/index", key, {})})
    if len(names) == 1:
        return str(names[0])
    listed = ", ".join(names) or "none"
    raise hinted(
        NotFoundError(f"{endpoint.address} serves {len(names)} models: {listed}"),
        "choose one with --name",
    )


def _ask(endpoint: Endpoint, path: str, key: str | None, body: Any = None) -> Any:
    """Call a server's REST interface once."""
    headers = {"content-type": "application/json"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"http://{endpoint.address}{path}", data, headers)
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 -- http only
            return json.load(response)
    except HTTPError as error:
        said = error.read(300).decode("utf-8", "replace")
        raise FailedPreconditionError(
            f"{endpoint.address}{path} answered {error.code}: {said}"
        ) from error
    except (URLError, OSError, json.JSONDecodeError) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(f"{endpoint.address} does not answer: {reason}") from error


def _plain(rows: NDArray[Any]) -> list[list[float]]:
    return [[float(value) for value in row] for row in rows]
