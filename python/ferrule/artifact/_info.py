"""What an artifact says about itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

_LABEL_WIDTH = 12
_NAMES_SHOWN = 6
# Parameters of how a fit is run, which say nothing of the model that comes of it.
_UNTOLD = {"callback", "compute_labels", "copy_x", "verbose"}
# The kind of graphs, and the hyper-parameter that holds their definition.
_GRAPH = "graph"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or an output: its name, Open Inference dtype and shape, -1 where any size goes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    optional: bool = False

    def __str__(self) -> str:
        asked = " (on request)" if self.optional else ""
        return f"{self.name} {self.dtype} {list(self.shape)}{asked}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    feature_names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A parameter in the file: its name, safetensors dtype and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class ArtifactInfo:
    """What an artifact says about itself; all of it has been verified against the digest.

    Attributes
    ----------
    path : str
        The file.
    size : int
        Bytes of the file.
    format_version : int
        Version of the artifact format.
    kind : str
        What kind of model it is: ``"kmeans"`` or ``"graph"``.
    digest : str
        ``sha256:`` and 64 hexadecimal digits, over everything but the creation time.
    created_at : str
        When it was saved, in UTC: ``2026-01-31T12:00:00Z``.
    signature : Signature
        What the model takes and gives.
    hyperparameters, training, metadata, versions : Mapping
        The parameters of the estimator, facts of its fit, what the user added, and the versions of
        the libraries it was made with.
    tensors : tuple of TensorInfo
        The parameters of the model.
    """

    path: str
    size: int
    format_version: int
    kind: str
    digest: str
    created_at: str
    signature: Signature
    hyperparameters: Mapping[str, Any]
    training: Mapping[str, Any]
    metadata: Mapping[str, Any]
    versions: Mapping[str, str]
    tensors: tuple[TensorInfo, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it all as plain dictionaries, lists, strings and numbers."""
        plain = _plain(self)
        assert isinstance(plain, dict)  # noqa: S101 -- a dataclass gives a dict
        return plain

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the hyperparameters that shaped the model, not only how its fit was run.

        Of a graph, whose definition is long, how many nodes it has.
        """
        if self.kind == _GRAPH:
            return {"nodes": len(self.hyperparameters[_GRAPH]["nodes"])}
        return {k: v for k, v in self.hyperparameters.items() if k not in _UNTOLD}

    def __repr__(self) -> str:
        rows = [
            ("file", f"{self.path} ({self.size:,} bytes)"),
            ("kind", f"{self.kind} (format version {self.format_version})"),
            ("digest", self.digest),
            ("created", self.created_at),
            *(("input", str(spec)) for spec in self.signature.inputs),
            *(("output", str(spec)) for spec in self.signature.outputs),
        ]
        if self.signature.feature_names:
            rows.append(("features", _shortened(self.signature.feature_names)))
        rows += [("tensor", str(tensor)) for tensor in self.tensors]
        for label in ("parameters", "training", "metadata", "versions"):
            if facts := getattr(self, label):
                rows.append((label, _listed(facts)))
        return "\n".join(f"{label:<{_LABEL_WIDTH}}{_printable(text)}" for label, text in rows)


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(facts[key], ensure_ascii=False)}" for key in facts)


def _printable(text: str) -> str:
    """Escape what a terminal would act on: a file is not trusted to write to it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _shortened(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f", … ({more} more)" if more > 0 else "")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def read_signature(manifest: Mapping[str, Any]) -> Signature:
    """Return the signature in a manifest that the core has checked."""
    signature = manifest["signature"]
    names = signature.get("feature_names")
    return Signature(
        inputs=tuple(_read_spec(spec) for spec in signature["inputs"]),
        outputs=tuple(_read_spec(spec) for spec in signature["outputs"]),
        feature_names=None if names is None else tuple(names),
    )


def _read_spec(spec: Mapping[str, Any]) -> TensorSpec:
    optional = spec.get("optional", False)
    return TensorSpec(spec["name"], spec["dtype"], tuple(spec["shape"]), optional)
