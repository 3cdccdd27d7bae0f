"""Fitted models to what an artifact holds, and back."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule.artifact._json import as_json
from ferrule.artifact._scaled import ScaledKMeans, Scaler
from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.errors import FailedPreconditionError, InvalidArgumentError

_ESTIMATORS: dict[str, type[KMeans] | type[MiniBatchKMeans]] = {
    "KMeans": KMeans,
    "MiniBatchKMeans": MiniBatchKMeans,
}
_TAKEN = (
    "ferrule.save takes a fitted KMeans or MiniBatchKMeans of ferrule.cluster or scikit-learn,"
    " alone or as the last step of a scikit-learn Pipeline behind one StandardScaler or"
    " MinMaxScaler"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an artifact holds of a model."""

    centers: NDArray[Any]
    scaler: Scaler | None
    hyperparameters: Mapping[str, Any]
    training: Mapping[str, Any]
    feature_names: list[str] | None
    versions: Mapping[str, str]
    foreign: bool
    """Whether another library's arithmetic made the model, so that ours is to be held to it."""


def parts_of(model: Any) -> Parts:
    """Take a fitted model apart.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For what is no model that an artifact can hold.
    ferrule.errors.FailedPreconditionError
        Before the model was fitted.
    """
    if type(model) is ScaledKMeans:
        return replace(
            _kmeans_parts(model.kmeans), scaler=model.scaler, feature_names=_names(model)
        )
    scaler, kmeans = _pipeline_steps(model)
    parts = _kmeans_parts(kmeans)
    if model is kmeans:
        return parts
    return replace(parts, scaler=_scaler_parts(scaler), feature_names=_names(model), foreign=True)


def model_of(parts: Parts) -> KMeans | MiniBatchKMeans | ScaledKMeans:
    """Make the model of Ferrule that `parts` describe."""
    cls = _ESTIMATORS.get(str(parts.training.get("estimator")), KMeans)
    defaults = cls().get_params()
    stored = {
        name: value
        for name, value in parts.hyperparameters.items()
        if name in defaults and (value is not None or defaults[name] is None)
    }
    model = cls(**stored)
    model.n_clusters = len(parts.centers)
    model.cluster_centers_ = parts.centers
    model.n_features_in_ = parts.centers.shape[1]
    for name in ("inertia", "n_iter", "n_steps"):
        if name in parts.training:
            setattr(model, f"{name}_", parts.training[name])
    if parts.scaler is not None:
        return ScaledKMeans(parts.scaler, model, feature_names=parts.feature_names)
    if parts.feature_names is not None:
        model.feature_names_in_ = np.asarray(parts.feature_names, dtype=object)
    return model


def _is_sklearn(value: Any, module: str, *names: str) -> bool:
    """Tell whether `value` is just of a class of scikit-learn, which then is loaded already."""
    loaded = sys.modules.get(module)
    return loaded is not None and any(type(value) is getattr(loaded, name) for name in names)


def _pipeline_steps(model: Any) -> tuple[Any, Any]:
    """Return the scaler (or None) and the K-Means of `model`."""
    if not _is_sklearn(model, "sklearn.pipeline", "Pipeline"):
        return None, model
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    if not 1 <= len(steps) <= 2:
        names = ", ".join(type(step).__name__ for step in steps) or "no step"
        raise InvalidArgumentError(f"cannot save a Pipeline of {names}: {_TAKEN}")
    return (None if len(steps) == 1 else steps[0]), steps[-1]


def _kmeans_parts(model: Any) -> Parts:
    theirs = _is_sklearn(model, "sklearn.cluster", "KMeans", "MiniBatchKMeans")
    if not theirs and type(model) not in _ESTIMATORS.values():
        raise InvalidArgumentError(f"cannot save a {_full_name(model)}: {_TAKEN}")
    _check_fitted(model, "cluster_centers_")
    versions = {
        "ferrule": version("ferrule"),
        "numpy": np.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    if theirs:
        versions["scikit-learn"] = sys.modules["sklearn"].__version__
    return Parts(
        centers=np.ascontiguousarray(model.cluster_centers_),
        scaler=None,
        hyperparameters={k: _json_or_none(v) for k, v in model.get_params(deep=False).items()},
        training=_training_facts(model, "scikit-learn" if theirs else "ferrule"),
        feature_names=_names(model),
        versions=versions,
        foreign=theirs,
    )


def _scaler_parts(scaler: Any) -> Scaler | None:
    if scaler is None:
        return None
    if _is_sklearn(scaler, "sklearn.preprocessing", "StandardScaler"):
        return _standard_scaler(scaler)
    if _is_sklearn(scaler, "sklearn.preprocessing", "MinMaxScaler"):
        _check_fitted(scaler, "scale_")
        low, high = (float(bound) for bound in scaler.feature_range)
        clip = (low, high) if scaler.clip else None
        return Scaler("minmax", _float64(scaler.min_), _float64(scaler.scale_), clip)
    raise InvalidArgumentError(f"cannot save a Pipeline behind {_full_name(scaler)}: {_TAKEN}")


def _standard_scaler(scaler: Any) -> Scaler:
    """Where it does not shift or scale, a shift of 0 and a scale of 1 change no bit."""
    _check_fitted(scaler, "n_samples_seen_")
    d = scaler.n_features_in_
    shift = _float64(scaler.mean_) if scaler.with_mean else np.zeros(d)
    scale = _float64(scaler.scale_) if scaler.with_std else np.ones(d)
    return Scaler("standard", shift, scale)


def _float64(values: Any) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)


def _check_fitted(estimator: Any, attribute: str) -> None:
    if not hasattr(estimator, attribute):
        name = type(estimator).__name__
        raise FailedPreconditionError(f"this {name} is not fitted yet: call fit before saving it")


def _names(model: Any) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _json_or_none(value: Any) -> Any:
    """Return a parameter as JSON holds it; None for an array, a function or a generator."""
    try:
        return as_json(value, "parameter")
    except InvalidArgumentError:
        return None


def _training_facts(model: Any, library: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"estimator": type(model).__name__, "library": library}
    # A partial fit sets no n_iter_, and its labels_ are those of the last batch only.
    if hasattr(model, "labels_") and hasattr(model, "n_iter_"):
        facts["rows"] = len(model.labels_)
    for name in ("inertia", "n_iter", "n_steps"):
        if (value := _json_or_none(getattr(model, f"{name}_", None))) is not None:
            facts[name] = value
    return facts


def _full_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
