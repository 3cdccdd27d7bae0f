"""What every estimator shares: parameters, feature names, output containers, display.

The contract is scikit-learn's (its "developing estimators" page); scikit-learn is not needed.
"""

import inspect
import reprlib
import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ferrule import _sklearn
from ferrule._validation import Samples
from ferrule.errors import InvalidArgumentError, NotFittedError

_OUTPUT_CONTAINERS = ("default", "pandas", "polars")
_LISTED_NAMES_MAX = 5


class Estimator:
    """Parameters, display and the feature bookkeeping of an estimator.

    A subclass names its parameters in the signature of ``__init__``, which stores each one
    unchanged under its own name.
    """

    _consumes_sample_weight: tuple[str, ...] = ()

    @classmethod
    def _parameters(cls) -> dict[str, Any]:
        """Return parameter names, in order, with their defaults."""
        signature = inspect.signature(cls.__init__)
        return {name: p.default for name, p in signature.parameters.items() if name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Accepted as by scikit-learn; no parameter here is an estimator itself.

        Returns
        -------
        dict
            Parameter names, sorted, with their values.
        """
        return {name: getattr(self, name) for name in sorted(self._parameters())}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Returns
        -------
        self

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For a name that is no parameter.
        """
        valid = sorted(self._parameters())
        for name in params:
            if name not in valid:
                raise InvalidArgumentError(
                    f"Invalid parameter {name!r} for estimator {self}."
                    f" Valid parameters are: {valid!r}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={_short(value)}"
            for name, default in self._parameters().items()
            if not _same(value := getattr(self, name), default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if _sklearn.shows_diagrams():
            bundle["text/html"] = _sklearn.diagram(self)
        return bundle

    def _repr_html_(self) -> str | None:
        return _sklearn.diagram(self) if _sklearn.shows_diagrams() else None

    def get_metadata_routing(self) -> Any:
        """Return what metadata each method asks for (a scikit-learn ``MetadataRequest``)."""
        return _sklearn.metadata_request(self, self._consumes_sample_weight)

    def _request_sample_weight(self, method: str, alias: bool | str | None) -> Self:
        if not _sklearn.routing_enabled():
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it"
                " using sklearn.set_config(enable_metadata_routing=True)."
            )
        if alias != _sklearn.UNCHANGED:
            request = self.get_metadata_routing()
            getattr(request, method).add_request(param="sample_weight", alias=alias)
            self._metadata_request = request
        return self

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise _sklearn.compatible(NotFittedError)(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with"
                " appropriate arguments before using this estimator."
            )

    def _record_features(self, samples: Samples) -> None:
        """Note what `fit` saw: how many features, and their names where they had any."""
        self.n_features_in_ = samples.n_features
        if samples.feature_names is not None:
            self.feature_names_in_ = samples.feature_names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_features(self, samples: Samples) -> None:
        """Hold later input to what `fit` saw."""
        self._check_feature_names(samples.feature_names)
        if samples.n_features != self.n_features_in_:
            raise InvalidArgumentError(
                f"X has {samples.n_features} features, but {type(self).__name__} is expecting"
                f" {self.n_features_in_} features as input."
            )

    def _check_feature_names(self, names: NDArray[np.object_] | None) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        owner = type(self).__name__
        if names is None and fitted is not None:
            warnings.warn(
                f"X does not have valid feature names, but {owner} was fitted with feature names",
                UserWarning,
                stacklevel=4,
            )
        elif names is not None and fitted is None:
            warnings.warn(
                f"X has feature names, but {owner} was fitted without feature names",
                UserWarning,
                stacklevel=4,
            )
        elif names is not None and fitted is not None and not np.array_equal(fitted, names):
            raise InvalidArgumentError(_name_mismatch(set(fitted), set(names)))


class PrefixedOutput(Estimator):
    """Named output features, in the container that the user asked for."""

    cluster_centers_: NDArray[Any]

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns of `transform`: the class name in lower case, numbered.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only held against what `fit` saw.

        Returns
        -------
        ndarray of str objects of shape (n_features_out,)

        Raises
        ------
        ferrule.errors.NotFittedError
            Before `fit`.
        ferrule.errors.InvalidArgumentError
            Where `input_features` are not those of `fit`.
        """
        self._check_fitted("cluster_centers_")
        if input_features is not None:
            self._check_input_features(np.asarray(input_features, dtype=object))
        prefix = type(self).__name__.lower()
        return np.asarray([f"{prefix}{i}" for i in range(self._n_features_out)], dtype=object)

    def _check_input_features(self, names: NDArray[np.object_]) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        if fitted is not None and not np.array_equal(fitted, names):
            raise InvalidArgumentError("input_features is not equal to feature_names_in_")
        if len(names) != self.n_features_in_:
            raise InvalidArgumentError(
                "input_features should have length equal to number of features"
                f" ({self.n_features_in_}), got {len(names)}"
            )

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` and `fit_transform` return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            A NumPy array, a pandas or a polars ``DataFrame``. ``None`` changes nothing.

        Returns
        -------
        self
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _in_container(self, values: NDArray[Any], X: Any) -> Any:
        """Return `values` in the container chosen; a pandas frame takes the index of `X`."""
        configured = getattr(self, "_sklearn_output_config", {})
        container = configured.get("transform") or _sklearn.global_output_container()
        if container == "default":
            return values
        if container == "pandas":
            import pandas as pd

            index = X.index if isinstance(X, pd.DataFrame) else None
            return pd.DataFrame(values, columns=self.get_feature_names_out(), index=index)
        if container == "polars":
            import polars as pl

            return pl.DataFrame(values, schema=list(self.get_feature_names_out()), orient="row")
        raise InvalidArgumentError(
            f"output config must be in {sorted(_OUTPUT_CONTAINERS)}, got {container}"
        )


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(np.all(value == default)))


def _short(value: Any) -> str:
    shortener = reprlib.Repr()
    shortener.maxother = shortener.maxstring = 80
    return shortener.repr(value)


def _name_mismatch(fitted: set[str], given: set[str]) -> str:
    message = "The feature names should match those that were passed during fit.\n"
    if unseen := sorted(given - fitted):
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing := sorted(fitted - given):
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message


def _listed(names: list[str]) -> str:
    shown = [f"- {name}\n" for name in names[:_LISTED_NAMES_MAX]]
    return "".join(shown) + ("- ...\n" if len(names) > _LISTED_NAMES_MAX else "")
