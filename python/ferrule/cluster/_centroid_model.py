"""What K-Means models do with their centres, however these were found."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferrule import _core, _sklearn
from ferrule._base import PrefixedOutput
from ferrule._validation import Samples, as_samples, as_weights, is_source
from ferrule.errors import InvalidArgumentError


class CentroidModel(PrefixedOutput):
    """Assigns samples to the nearest of ``cluster_centers_``."""

    labels_: NDArray[np.int32]

    @abstractmethod
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centres."""

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Fit, and return the label of each sample: ``fit(X).labels_``.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        ndarray of int32 of shape (n_samples,)
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Fit, and return the distance of each sample to each centre.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Or a data frame: see `set_output`.
        """
        self.fit(X, sample_weight=sample_weight)
        return self._in_container(self._distances(self._as_fitted(X)), X)

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Return the index of the nearest centre; the lowest where several are equally near.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix, Source} of shape (n_samples, n_features)
            Taken in the dtype of ``cluster_centers_``. A `ferrule.data.Source` is read batch by
            batch, so it may be larger than memory.

        Returns
        -------
        ndarray of int32 of shape (n_samples,)

        Raises
        ------
        ferrule.errors.NotFittedError
            Before `fit`.
        ferrule.errors.InvalidArgumentError
            For NaN, infinity, or other features than `fit` saw.
        """
        if is_source(X):
            self._check_fitted("cluster_centers_")
            return self._assign_stream(X)[0]
        return self._assign(self._checked(X), None)[0]

    def transform(self, X: Any) -> Any:
        """Return the Euclidean distance of each sample to each centre.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Taken in the dtype of ``cluster_centers_``.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Or a data frame: see `set_output`.

        Raises
        ------
        ferrule.errors.NotFittedError
            Before `fit`.
        ferrule.errors.InvalidArgumentError
            For NaN, infinity, or other features than `fit` saw.
        """
        samples = self._checked(X)
        mean_variance(samples, type(self).__name__)
        return self._in_container(self._distances(samples), X)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Return minus the inertia of `X`: higher is better.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Taken in the dtype of ``cluster_centers_``.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        float

        Raises
        ------
        ferrule.errors.NotFittedError
            Before `fit`.
        ferrule.errors.InvalidArgumentError
            For NaN, infinity, or other features than `fit` saw.
        """
        samples = self._checked(X)
        weights = as_weights(sample_weight, samples.n_rows, samples.dtype)
        return -self._assign(samples, weights)[1]

    def set_fit_request(self, *, sample_weight: bool | str | None = _sklearn.UNCHANGED) -> Self:
        """Say whether `fit` asks a scikit-learn meta-estimator for ``sample_weight``.

        Parameters
        ----------
        sample_weight : bool, str or None
            Ask, do not ask, ask for it under this name, or raise where it is given.

        Returns
        -------
        self
        """
        return self._request_sample_weight("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None = _sklearn.UNCHANGED) -> Self:
        """Say whether `score` asks a scikit-learn meta-estimator for ``sample_weight``.

        Parameters
        ----------
        sample_weight : bool, str or None
            Ask, do not ask, ask for it under this name, or raise where it is given.

        Returns
        -------
        self
        """
        return self._request_sample_weight("score", sample_weight)

    def __sklearn_tags__(self) -> Any:
        return _sklearn.clusterer_tags(sparse=True)

    def _checked(self, X: Any) -> Samples:
        self._check_fitted("cluster_centers_")
        samples = self._as_fitted(X)
        self._check_features(samples)
        return samples

    def _as_fitted(self, X: Any) -> Samples:
        return as_samples(X, type(self).__name__, self.cluster_centers_.dtype)

    def _assign(
        self, samples: Samples, weights: NDArray[np.floating[Any]] | None
    ) -> tuple[NDArray[np.int32], float]:
        """Return labels and inertia.

        A sample that is not finite has no finite distance, so only an inertia that is not finite
        calls for a look at the samples themselves.
        """
        labels = np.empty(samples.n_rows, dtype=np.int32)
        centers = np.ascontiguousarray(self.cluster_centers_)
        inertia = _core.kmeans_predict(samples.core, weights, centers, labels)
        if not np.isfinite(inertia):
            mean_variance(samples, type(self).__name__)
        return labels, inertia

    def _assign_stream(self, source: Any) -> tuple[NDArray[np.int32], float]:
        """Return labels and inertia of the rows of a source, one batch in memory at a time."""
        names = np.asarray(source.columns, dtype=object) if source.named else None
        labels: list[NDArray[np.int32]] = []
        inertia = 0.0
        for rows in source.matrices(dtype=self.cluster_centers_.dtype):
            samples = Samples(rows, names)
            if not labels:
                self._check_features(samples)
            some, more = self._assign(samples, None)
            labels.append(some)
            inertia += more
        return np.concatenate(labels), inertia

    def _distances(self, samples: Samples) -> NDArray[np.floating[Any]]:
        centers = np.ascontiguousarray(self.cluster_centers_)
        out = np.empty((samples.n_rows, len(centers)), dtype=samples.dtype)
        _core.kmeans_transform(samples.core, centers, out)
        return out


def mean_variance(samples: Samples, owner: str) -> float:
    """Return the mean over the features of their variances, in one pass over `samples`.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For NaN or infinity, which that pass finds.
    """
    variance = np.empty(samples.n_features)
    bad = _core.column_variances(samples.core, variance)
    if bad is not None:
        kind, row, column = bad
        value = "NaN" if kind == "nan" else f"infinity or a value too large for {samples.dtype!r}"
        raise InvalidArgumentError(
            f"Input X contains {value}. The first is in row {row}, column {column};"
            f" {owner} takes finite values only: drop or impute such rows"
        )
    return float(variance.mean())


def check_enough(samples: Samples, n_clusters: int) -> None:
    """Raise where there are fewer samples than clusters."""
    if samples.n_rows < n_clusters:
        raise InvalidArgumentError(
            f"n_samples={samples.n_rows} should be >= n_clusters={n_clusters}."
        )
