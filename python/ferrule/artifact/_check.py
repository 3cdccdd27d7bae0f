"""Holds a model taken from another library to that library's own predictions."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule.artifact._models import Parts, model_of
from ferrule.errors import InvalidArgumentError

_ROWS = 256
# By bytes of an element, of the largest distance in a row: the two add up in another order.
_TOLERANCE = {4: 1e-3, 8: 1e-7}


def check_same_predictions(original: Any, parts: Parts) -> None:
    """Raise where `original` and the model that `parts` make disagree on sample rows.

    Labels may differ only where a row lies between two centres to within rounding.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        Where they disagree.
    """
    if not np.isfinite(parts.centers).all():
        raise InvalidArgumentError("cannot save: cluster_centers_ has NaN or infinity")
    rows = _sample_rows(parts)
    with warnings.catch_warnings():
        # Rows without names are right here, whatever names the fit had.
        warnings.simplefilter("ignore", UserWarning)
        expected = np.asarray(original.predict(rows))
        ours = model_of(parts)
        labels, distances = ours.predict(rows), np.asarray(ours.transform(rows))
    at = np.arange(len(rows))
    gap = np.abs(distances[at, labels] - distances[at, expected])
    wrong = gap > _TOLERANCE[parts.centers.dtype.itemsize] * distances.max(axis=1)
    if wrong.any():
        raise InvalidArgumentError(
            f"cannot save: {type(original).__name__} and the artifact made of it disagree on"
            f" {np.count_nonzero(wrong)} of {len(rows)} sample rows; was it changed after its fit?"
        )


def _sample_rows(parts: Parts) -> NDArray[Any]:
    """Return rows on and about the centres, before any scaling; the same rows each time."""
    generator = np.random.default_rng(0)
    centers = parts.centers.astype(np.float64)
    spread = centers.std(axis=0) + 1e-3 * np.abs(centers).max() + 1e-6
    picked = generator.integers(len(centers), size=_ROWS)
    away = generator.standard_normal((_ROWS, centers.shape[1])) * spread
    away[: len(centers)] = 0.0
    rows: NDArray[Any] = centers[picked] + away
    if parts.scaler is not None:
        rows = parts.scaler.inverse_transform(rows)
    return rows.astype(parts.centers.dtype)
