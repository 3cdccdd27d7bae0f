import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from ferrule.cli._silhouette import Silhouette


@pytest.mark.parametrize("k", [2, 3, 7, 40])
def test_it_is_scikit_learns_silhouette_score(k):
    generator = np.random.default_rng(k)
    rows = generator.normal(size=(300, 4)) + generator.integers(3, size=(300, 1)) * 5 + 1e3
    labels = generator.integers(k, size=300) * 3
    assert Silhouette(rows).score(labels) == pytest.approx(silhouette_score(rows, labels), abs=1e-7)


def test_a_row_alone_in_its_cluster_counts_nothing():
    rows = np.array([[0.0], [1.0], [9.0]])
    labels = np.array([0, 0, 1])
    assert Silhouette(rows).score(labels) == pytest.approx(silhouette_score(rows, labels))


def test_one_label_has_no_score():
    assert Silhouette(np.eye(3)).score(np.zeros(3, dtype=int)) is None
    assert Silhouette(np.eye(3)).score(np.arange(3)) is None


def test_equal_rows_are_not_a_division_by_zero():
    assert Silhouette(np.ones((4, 2))).score(np.array([0, 0, 1, 1])) == 0.0
