"""Greedy k-means++ on its own."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferrule import _core, _params
from ferrule._validation import Samples, as_random_source, as_samples, as_weights, draw_seed
from ferrule.cluster._centroid_model import check_enough, mean_variance
from ferrule.errors import InvalidArgumentError

_OWNER = "kmeans_plusplus"


def kmeans_plusplus(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    random_state: Any = None,
    n_local_trials: int | None = None,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """Choose initial centres by greedy k-means++ [1]_.

    The first is a random sample. Each next one is drawn with a chance in proportion to the
    squared distance from the centres chosen so far, several times; the draw that leaves the least
    inertia is taken.

    Parameters
    ----------
    X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
        The samples to choose from.
    n_clusters : int
        Number of centres.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the samples, not negative; all 1 where left out.
    random_state : int, RandomState, Generator or None, default=None
        Source of the draws. ``None`` takes NumPy's global source.
    n_local_trials : int, optional
        Draws for each centre but the first; ``2 + int(log(n_clusters))`` where left out.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        The samples chosen, in float32 for float32 data, else in float64.
    indices : ndarray of int64 of shape (n_clusters,)
        Their rows: ``centers[i] == X[indices[i]]``.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For NaN or infinity, fewer samples than clusters, a count below 1, or shapes that do not
        fit.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       Symposium on Discrete Algorithms, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.cluster import kmeans_plusplus
    >>> X = np.array([[1.0], [2.0], [50.0], [51.0]])
    >>> centers, indices = kmeans_plusplus(X, 2, random_state=0)
    >>> bool(abs(centers[0] - centers[1]) > 40)
    True
    >>> np.array_equal(centers, X[indices])
    True
    """
    for name, value in (("n_clusters", n_clusters), ("n_local_trials", n_local_trials)):
        if not _params.integer(1).accepts(value) and (name, value) != ("n_local_trials", None):
            raise InvalidArgumentError(f"{name} is {value!r}; expected an int of at least 1")
    samples = as_samples(X, _OWNER)
    check_enough(samples, n_clusters)
    weights = as_weights(sample_weight, samples.n_rows, samples.dtype)
    mean_variance(samples, _OWNER)
    seed = draw_seed(as_random_source(random_state))
    return seed_centers(samples, weights, int(n_clusters), seed, n_local_trials)


def seed_centers(
    samples: Samples,
    weights: NDArray[np.floating[Any]] | None,
    n_clusters: int,
    seed: int,
    n_local_trials: int | None = None,
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """Return centres and their rows, for samples that were checked."""
    centers = np.empty((n_clusters, samples.n_features), dtype=samples.dtype)
    indices = np.empty(n_clusters, dtype=np.int64)
    _core.kmeans_plus_plus(samples.core, weights, centers, indices, seed, n_local_trials)
    return centers, indices
