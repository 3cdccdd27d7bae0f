"""How well apart clusters lie, on a bounded sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_ROWS = 2000


class Silhouette:
    """The mean silhouette coefficient of labellings of the same rows [1]_.

    Distances are taken once, whatever the number of labellings.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        At most a few thousand: memory is 8 bytes by the square of `n_rows`.

    References
    ----------
    .. [1] P. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
       cluster analysis", Journal of Computational and Applied Mathematics 20, 1987.

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> round(Silhouette(rows).score(np.array([0, 0, 1, 1])), 3)
    0.9
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        wide = np.asarray(rows, dtype=np.float64)
        wide = wide - wide.mean(axis=0)
        squares = np.einsum("ij,ij->i", wide, wide)
        gaps = squares[:, None] + squares[None, :] - 2.0 * (wide @ wide.T)
        np.fill_diagonal(gaps, 0.0)
        self._distances = np.sqrt(np.maximum(gaps, 0.0))

    def score(self, labels: NDArray[np.integer[Any]]) -> float | None:
        """Return the mean coefficient, from -1 to 1; None where fewer than two labels occur.

        Parameters
        ----------
        labels : ndarray of int of shape (n_rows,)
        """
        _, labels = np.unique(labels, return_inverse=True)
        sizes = np.bincount(labels)
        if not 2 <= len(sizes) < len(labels):
            return None
        members = np.eye(len(sizes))[labels]
        totals = self._distances @ members
        own = np.arange(len(labels)), labels
        within = totals[own] / np.maximum(sizes[labels] - 1, 1)
        means = totals / sizes
        means[own] = np.inf
        nearest = means.min(axis=1)
        widest = np.maximum(within, nearest)
        # A row that is alone in its cluster counts 0, as does one on top of another cluster.
        apart = np.where((sizes[labels] > 1) & (widest > 0), nearest - within, 0.0)
        return float(np.mean(apart / np.where(widest > 0, widest, 1.0)))
