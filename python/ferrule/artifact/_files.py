"""Saving, loading and inspecting artifacts."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule.artifact._check import check_same_predictions
from ferrule.artifact._graph import GraphModel, GraphSource, save_graph
from ferrule.artifact._info import ArtifactInfo, TensorInfo, read_signature
from ferrule.artifact._json import as_json
from ferrule.artifact._models import Parts, model_of, parts_of
from ferrule.artifact._paths import expanded, path_to_save
from ferrule.artifact._scaled import ScaledKMeans, Scaler
from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.errors import InvalidArgumentError

# Name, dtype, shape and little-endian bytes.
_Tensor: TypeAlias = tuple[str, str, list[int], bytes]

_FORMAT_VERSION = 1
_DTYPES = {"FP32": "<f4", "FP64": "<f8"}
_SAFETENSORS_DTYPES = {"F32": "<f4", "F64": "<f8"}


def save(
    model: Any,
    path: str | os.PathLike[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | Sequence[str] | None = None,
    signature: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Save a model as one `.safetensors` file, whole or not at all.

    The file is written beside `path`, synced to the disk and renamed over it: after a crash or a
    power loss there is the old file or the new one. Equal fits give equal digests.

    Parameters
    ----------
    model : fitted estimator, module, function or session
        A KMeans or MiniBatchKMeans of `ferrule.cluster` or of scikit-learn, alone or as the last
        step of a scikit-learn ``Pipeline`` behind one StandardScaler or MinMaxScaler; or a
        `ScaledKMeans`. scikit-learn's models are held to their own predictions on sample rows.
        Or an ``nn.Module`` of `ferrule.flow`, which is saved as it is in evaluation, or a function
        of tensors decorated by ``flow.function``; both with the values that their tensors have now.
        Or a ``Session`` of `ferrule.flow.compat.v1`: what `outputs` need of its graph, with the
        values that its variables have now.
    path : str or path-like
        The file to make or to replace; it ends in ``.safetensors``, and may start with ``~``. Its
        stem is the name under which a server offers the model.
    inputs : mapping of str to array, for a module or function
        An example of each argument, by the names that clients use; the first size of each stands
        for any number of rows.
    outputs : sequence of str, for a module or function, optional
        The names of what it gives; ``output`` by default.
    inputs, outputs : mapping of str to tensor, for a session
        The values that requests bring, and those that answers have, by the names
        that clients use. A tensor may be given by its own name (``"x:0"``). Where the first size
        of every input and output is None, and rows do not depend on each other, requests that
        arrive while others run share a run.
    signature : mapping of one str to {"FP32", "FP64"}, optional
        For an estimator: the input's name and dtype, by default ``{"X": ...}`` with the dtype of
        the centres. With another dtype than the model's, its parameters are rounded to that one,
        and samples that lie between two centres to within that rounding may change their label.
    metadata : mapping of str to JSON values, optional
        Anything to keep with the model.

    Returns
    -------
    str
        The digest of the artifact: ``sha256:`` and 64 hexadecimal digits.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For a model that an artifact cannot hold, NaN or infinity in an estimator, a wrong signature
        or metadata, a placeholder that is needed and is no input, or a path that does not end in
        ``.safetensors``.
    ferrule.errors.FailedPreconditionError
        Before the model was fitted, or a variable had a value.
    ferrule.errors.UnimplementedError
        For a graph that no server can run: with an operation written in Python, one that changes
        variables or draws random numbers.
    ferrule.errors.StorageError
        Where the disk fails or is full. What was at `path` is then untouched.

    Examples
    --------
    >>> import ferrule, numpy as np, tempfile
    >>> from ferrule.cluster import KMeans, MiniBatchKMeans
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/two.safetensors"
    >>> digest = ferrule.save(KMeans(n_clusters=2, random_state=0).fit(X), path)
    >>> ferrule.inspect(path).digest == digest
    True
    >>> len(set(ferrule.load(path).predict(X)))
    2
    >>> folder.cleanup()
    """
    place = path_to_save(path)
    if isinstance(model, GraphSource):
        if signature is not None:
            raise InvalidArgumentError("a graph has inputs= and outputs=; signature= is not for it")
        return save_graph(model, place, inputs, outputs, metadata)
    if inputs is not None or outputs is not None:
        raise InvalidArgumentError(
            "inputs= and outputs= are for sessions; an estimator has its own"
        )
    parts = parts_of(model)
    name, dtype = _chosen_input(parts, signature)
    if parts.foreign:
        check_same_predictions(model, parts)
    with np.errstate(over="ignore"):  # the core refuses an infinity, and says which element
        centers = parts.centers.astype(_DTYPES[dtype])
    manifest = _manifest(parts, _signature(name, dtype, centers.shape, parts.feature_names))
    manifest["metadata"] = as_json({} if metadata is None else metadata, "metadata")
    return _core.artifact_save(place, json.dumps(manifest), _tensors(centers, parts.scaler))


def load(
    path: str | os.PathLike[str],
) -> KMeans | MiniBatchKMeans | ScaledKMeans | GraphModel:
    """Load the model in an artifact, after verifying all of the file.

    Nothing in the file is executed, and whatever it claims, reading it takes no more memory than
    twice its size and 64 MiB.

    Parameters
    ----------
    path : str or path-like
        A file made by `save`; may start with ``~``.

    Returns
    -------
    ferrule.cluster.KMeans, ferrule.cluster.MiniBatchKMeans, ScaledKMeans or GraphModel
        Ready to predict. A graph has `GraphModel.predict`, ``inputs`` and ``outputs``; an estimator
        is with ``cluster_centers_``, ``n_features_in_``, and where the fit had them
        ``feature_names_in_``, ``inertia_`` and ``n_iter_``. Not kept are ``labels_``, and how many
        samples each centre of a MiniBatchKMeans has seen: a `partial_fit` counts from nothing.

    Raises
    ------
    ferrule.errors.NotFoundError
        Where there is no such file.
    ferrule.errors.DataLossError
        For a damaged or truncated file.
    ferrule.errors.InvalidArgumentError
        For a file that is no artifact, such as a pickle.
    ferrule.errors.UnimplementedError
        For an artifact of a newer Ferrule.
    """
    place = expanded(path)
    manifest, _, _, tensors = _core.artifact_load(place)
    if json.loads(manifest)["kind"] == "graph":
        return GraphModel(place)
    return model_of(_loaded_parts(json.loads(manifest), {t[0]: _array(t) for t in tensors}))


def inspect(path: str | os.PathLike[str]) -> ArtifactInfo:
    """Tell what an artifact holds, after verifying all of the file.

    Parameters
    ----------
    path : str or path-like
        A file made by `save`; may start with ``~``.

    Returns
    -------
    ArtifactInfo
        Prints as a table; `ArtifactInfo.to_dict` gives plain values.

    Raises
    ------
    ferrule.errors.FerruleError
        As `load`.
    """
    place = expanded(path)
    manifest_json, created_at, digest, tensors = _core.artifact_load(place)
    manifest = json.loads(manifest_json)
    return ArtifactInfo(
        path=place,
        size=Path(place).stat().st_size,
        format_version=manifest["format_version"],
        kind=manifest["kind"],
        digest=digest,
        created_at=created_at,
        signature=read_signature(manifest),
        hyperparameters=manifest["hyperparameters"],
        training=manifest["training"],
        metadata=manifest["metadata"],
        versions=manifest["versions"],
        tensors=tuple(TensorInfo(name, dtype, tuple(shape)) for name, dtype, shape, _ in tensors),
    )


def _chosen_input(parts: Parts, signature: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the input's name and dtype."""
    own = "FP32" if parts.centers.dtype == np.float32 else "FP64"
    if signature is None:
        return "X", own
    if not isinstance(signature, Mapping) or len(signature) != 1:
        raise InvalidArgumentError(
            f"signature must map the input's name to its dtype, such as {{'X': {own!r}}},"
            f" got {signature!r}"
        )
    [(name, dtype)] = signature.items()
    if not isinstance(name, str) or dtype not in _DTYPES:
        raise InvalidArgumentError(
            f"signature must map a str to 'FP32' or 'FP64', got {name!r}: {dtype!r}"
        )
    return name, dtype


def _manifest(parts: Parts, signature: dict[str, Any]) -> dict[str, Any]:
    """Return all that the file says of the model, but for the caller's metadata."""
    return {
        "format_version": _FORMAT_VERSION,
        "kind": "kmeans",
        "hyperparameters": {**parts.hyperparameters, **_scaler_parameters(parts.scaler)},
        "signature": signature,
        "training": parts.training,
        "versions": parts.versions,
    }


def _signature(
    name: str, dtype: str, shape: tuple[int, ...], feature_names: list[str] | None
) -> dict[str, Any]:
    k, d = shape
    distances = {"name": "distances", "dtype": dtype, "shape": [-1, k], "optional": True}
    signature: dict[str, Any] = {
        "inputs": [{"name": name, "dtype": dtype, "shape": [-1, d]}],
        "outputs": [{"name": "label", "dtype": "INT32", "shape": [-1]}, distances],
    }
    if feature_names is not None:
        signature["feature_names"] = as_json(feature_names, "feature_names_in_")
    return signature


def _scaler_parameters(scaler: Scaler | None) -> dict[str, Any]:
    if scaler is None:
        return {}
    parameters: dict[str, Any] = {"scaler.kind": scaler.kind}
    if scaler.clip is not None:
        parameters |= {"scaler.clip": True, "scaler.feature_range": list(scaler.clip)}
    return parameters


def _loaded_parts(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Parts:
    parameters = manifest["hyperparameters"]
    scaler = None
    if "scaler.kind" in parameters:
        clip = tuple(parameters["scaler.feature_range"]) if parameters.get("scaler.clip") else None
        shift, scale = arrays["scaler.shift"], arrays["scaler.scale"]
        scaler = Scaler(parameters["scaler.kind"], shift, scale, clip)
    return Parts(
        centers=arrays["cluster_centers"],
        scaler=scaler,
        hyperparameters=parameters,
        training=manifest["training"],
        feature_names=manifest["signature"].get("feature_names"),
        versions=manifest["versions"],
        foreign=False,
    )


def _tensors(centers: NDArray[Any], scaler: Scaler | None) -> list[_Tensor]:
    tensors = [_tensor("cluster_centers", centers)]
    if scaler is not None:
        tensors.append(_tensor("scaler.shift", scaler.shift))
        tensors.append(_tensor("scaler.scale", scaler.scale))
    return tensors


def _tensor(name: str, array: NDArray[Any]) -> _Tensor:
    dtype = "F32" if array.dtype.itemsize == 4 else "F64"
    little_endian = array.astype(_SAFETENSORS_DTYPES[dtype], copy=False)
    return name, dtype, list(array.shape), little_endian.tobytes()


def _array(tensor: tuple[str, str, list[int], bytearray]) -> NDArray[Any]:
    """Return a writable array in the machine's byte order."""
    _, dtype, shape, data = tensor
    stored = np.frombuffer(data, dtype=_SAFETENSORS_DTYPES[dtype]).reshape(shape)
    native: NDArray[Any] = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return native
