"""Where the centres start: k-means++, random rows, an array, or the caller's own function."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule import _core, _params
from ferrule._validation import RandomSource, Samples, as_samples, draw_seed
from ferrule.cluster._kmeans_plusplus import seed_centers
from ferrule.errors import InvalidArgumentError

INIT_RULES = (_params.one_of("k-means++", "random"), _params.CALLABLE, _params.ARRAY_LIKE)
N_INIT_RULES = (_params.one_of("auto"), _params.integer(1))


class Initializer:
    """Makes initial centres by an estimator's `init`, a new set on each call.

    Parameters
    ----------
    owner : str
        Class name of the estimator, for messages.
    init : {"k-means++", "random"}, array-like or callable
        As the estimator's parameter.
    n_clusters : int
        How many centres to make.
    source : numpy.random.RandomState or numpy.random.Generator
        Each call takes one seed from it.
    dtype : numpy.dtype
        Element type of the data, and so of the centres.
    """

    def __init__(
        self, owner: str, init: Any, n_clusters: int, source: RandomSource, dtype: np.dtype[Any]
    ) -> None:
        self._owner = owner
        self._n_clusters = n_clusters
        self._source = source
        self._init = init
        if _params.is_array_like(init) and not callable(init):
            self._init = _as_centers(init, owner, dtype)

    def runs(self, n_init: int | str, default: int, *, stacklevel: int) -> int:
        """Return how many runs `n_init` asks for; `default` is for ``"auto"`` where chance rules.

        Warns, `stacklevel` frames up, where an array is given and more than one run: all would
        be the same.
        """
        explicit = isinstance(self._init, np.ndarray)
        if n_init == "auto":
            return 1 if explicit or self._init == "k-means++" else default
        if explicit and n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in"
                f" {self._owner} instead of n_init={n_init}.",
                RuntimeWarning,
                stacklevel=stacklevel + 1,
            )
            return 1
        return int(n_init)

    def centers(
        self, samples: Samples, weights: NDArray[np.floating[Any]] | None
    ) -> NDArray[np.floating[Any]]:
        """Return new centres of shape (n_clusters, n_features), C-ordered.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            Where an array's or a function's centres have the wrong shape or are not finite.
        """
        if isinstance(self._init, np.ndarray):
            self._check_shape(self._init, samples)
            return self._init.copy()
        if callable(self._init):
            made = self._init(samples.values, self._n_clusters, random_state=self._source)
            centers = _as_centers(made, self._owner, samples.dtype)
            self._check_shape(centers, samples)
            return centers
        seed = draw_seed(self._source)
        if self._init == "k-means++":
            return seed_centers(samples, weights, self._n_clusters, seed)[0]
        rows = _core.kmeans_random_rows(samples.n_rows, weights, self._n_clusters, seed)
        return samples.take_dense(np.asarray(rows, dtype=np.intp))

    def _check_shape(self, centers: NDArray[Any], samples: Samples) -> None:
        expected = {
            "number of clusters": self._n_clusters,
            "number of features of the data": samples.n_features,
        }
        for got, (what, wanted) in zip(centers.shape, expected.items(), strict=True):
            if got != wanted:
                raise InvalidArgumentError(
                    f"The shape of the initial centers {centers.shape} does not match"
                    f" the {what} {wanted}."
                )


def _as_centers(init: Any, owner: str, dtype: np.dtype[Any]) -> NDArray[np.floating[Any]]:
    """Return a C-ordered copy of `init`, finite, in `dtype`."""
    values = as_samples(init, owner, dtype).values
    dense = values if isinstance(values, np.ndarray) else values.toarray()
    centers = np.array(dense, order="C")
    if not np.isfinite(centers).all():
        raise InvalidArgumentError(
            "the initial centers contain NaN or infinity; pass finite centers"
        )
    return centers
