"""A K-Means behind a scaler, as one model."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferrule._base import Estimator
from ferrule._validation import Samples, as_samples
from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """How the values of each feature change before they meet the centres.

    Attributes
    ----------
    kind : {"standard", "minmax"}
        ``standard``: ``(x - shift) / scale``, as scikit-learn's StandardScaler computes;
        ``minmax``: ``x * scale + shift``, as its MinMaxScaler does.
    shift, scale : ndarray of float64 of shape (n_features,)
        One number a feature.
    clip : (float, float) or None
        Lowest and highest value after ``minmax``.
    """

    kind: Literal["standard", "minmax"]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    clip: tuple[float, float] | None = None

    def transform(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return scaled values, each step rounded to the dtype of `values`.

        Parameters
        ----------
        values : ndarray of float32 or float64 of shape (n_samples, n_features)

        Returns
        -------
        ndarray of the same shape and dtype
        """
        shift, scale = self.shift.astype(values.dtype), self.scale.astype(values.dtype)
        standard = self.kind == "standard"
        scaled: NDArray[Any] = (values - shift) / scale if standard else values * scale + shift
        return scaled if self.clip is None else np.clip(scaled, *self.clip)

    def inverse_transform(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what `transform` makes `values` of, but for rounding and clipping."""
        scale, shift, standard = self.scale, self.shift, self.kind == "standard"
        unscaled: NDArray[Any] = values * scale + shift if standard else (values - shift) / scale
        return unscaled


class ScaledKMeans(Estimator):
    """A fitted K-Means behind a fitted scaler.

    What `ferrule.load` gives for a pipeline that was saved, and what `ferrule.save` takes.

    Parameters
    ----------
    scaler : Scaler
        What samples pass first.
    kmeans : ferrule.cluster.KMeans or ferrule.cluster.MiniBatchKMeans
        Fitted on scaled samples.
    feature_names : sequence of str, optional
        The columns of the data frame that the scaler was fitted on.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres, in the space of the scaled samples.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str objects of shape (n_features_in_,)
        Absent where `feature_names` were not given.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.artifact import ScaledKMeans, Scaler
    >>> from ferrule.cluster import KMeans, MiniBatchKMeans
    >>> X = np.array([[0.0, 0.0], [0.1, 100.0], [9.9, 0.0], [10.0, 100.0]])
    >>> scaler = Scaler("standard", X.mean(axis=0), X.std(axis=0))
    >>> kmeans = KMeans(n_clusters=2, random_state=0).fit(scaler.transform(X))
    >>> ScaledKMeans(scaler, kmeans).predict(X).shape
    (4,)
    """

    def __init__(
        self,
        scaler: Scaler,
        kmeans: KMeans | MiniBatchKMeans,
        *,
        feature_names: ArrayLike | None = None,
    ) -> None:
        self.scaler = scaler
        self.kmeans = kmeans
        self.feature_names = feature_names
        self.cluster_centers_ = kmeans.cluster_centers_
        self.n_features_in_ = kmeans.cluster_centers_.shape[1]
        if feature_names is not None:
            self.feature_names_in_ = np.asarray(feature_names, dtype=object)

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Return the index of the centre nearest to each scaled sample.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_samples, n_features)
            Not scaled; taken in the dtype of ``cluster_centers_``.

        Returns
        -------
        ndarray of int32 of shape (n_samples,)

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For NaN, infinity, or other features than the scaler saw.
        """
        return self.kmeans.predict(self._scaled(X))

    def transform(self, X: Any) -> Any:
        """Return the Euclidean distance of each scaled sample to each centre.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_samples, n_features)
            Not scaled; taken in the dtype of ``cluster_centers_``.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For NaN, infinity, or other features than the scaler saw.
        """
        return self.kmeans.transform(self._scaled(X))

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return minus the inertia of the scaled samples.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_samples, n_features)
            Not scaled; taken in the dtype of ``cluster_centers_``.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        float
        """
        return self.kmeans.score(self._scaled(X), sample_weight=sample_weight)

    def _scaled(self, X: Any) -> NDArray[Any]:
        samples = as_samples(X, type(self).__name__, self.cluster_centers_.dtype)
        self._check_features(samples)
        return self.scaler.transform(_dense(samples))


def _dense(samples: Samples) -> NDArray[Any]:
    if not isinstance(samples.values, np.ndarray):
        raise InvalidArgumentError("X is sparse; a model behind a scaler takes dense samples")
    return samples.values
