"""The core refuses buffers that it cannot use as they are; it never copies or guesses."""

import numpy as np
import pytest

from ferrule import _core

X = np.arange(12.0).reshape(4, 3)
CENTERS = X[:2].copy()


def labels():
    return np.empty(4, np.int32)


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((X.astype(">f8"), None, CENTERS, labels()), TypeError, "X is >f8; expected an aligned"),
        ((X.astype(int), None, CENTERS, labels()), TypeError, "X is int64"),
        ((X[0], None, CENTERS, labels()), ValueError, "X has 1 dimensions; expected 2"),
        ((X[::-1], None, CENTERS, labels()), ValueError, "strides"),
        ((X, None, CENTERS.astype(np.float32), labels()), TypeError, "centers is float32"),
        ((X, None, CENTERS[:, ::-1], labels()), ValueError, "centers is not C-contiguous"),
        ((X, None, CENTERS, labels().astype(np.int64)), TypeError, "labels is int64"),
        ((X, None, CENTERS, read_only(labels())), ValueError, "labels is read-only"),
        ((X, None, CENTERS, labels()[:3]), ValueError, "labels has 3 elements; expected 4"),
        ((X, np.ones(3), CENTERS, labels()), ValueError, "sample_weight has 3 elements"),
        ((X, None, CENTERS, X.reshape(-1).view(np.int32)[:4]), ValueError, "labels overlaps"),
    ],
)
def test_a_buffer_that_does_not_fit_is_refused_by_name(arguments, error, text):
    with pytest.raises(error, match=text):
        _core.kmeans_predict(*arguments)


@pytest.mark.parametrize(
    ("indices", "indptr"),
    [([0, 5], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 2, 1]), ([0, 1], [0, 1, 9]),
     ([0, 1], [1, 1, 2])],
)  # fmt: skip
def test_arrays_that_are_no_csr_matrix_are_refused(indices, indptr):
    csr = (np.ones(2), np.array(indices, np.int32), np.array(indptr, np.int32), 3)
    with pytest.raises(ValueError, match="no CSR matrix"):
        _core.kmeans_predict(csr, None, CENTERS, np.empty(2, np.int32))
