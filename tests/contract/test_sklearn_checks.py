"""scikit-learn's own estimator checks, with no failure expected beyond scikit-learn's own two."""

import warnings
from functools import partial

import pytest
from sklearn.utils.estimator_checks import (
    check_clusterer_compute_labels_predict,
    check_clustering,
    check_estimators_partial_fit_n_features,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from ferrule.cluster import KMeans, MiniBatchKMeans

KNOWN = {
    "check_sample_weight_equivalence_on_dense_data": "weights change which seeds chance picks",
    "check_sample_weight_equivalence_on_sparse_data": "weights change which seeds chance picks",
}


with warnings.catch_warnings():
    # That the estimators inherit nothing from scikit-learn is on purpose.
    warnings.filterwarnings("ignore", message=".*does not inherit from `sklearn.base")
    every_check = parametrize_with_checks(
        [
            KMeans(n_clusters=2, max_iter=5, n_init=2),
            MiniBatchKMeans(n_clusters=2, max_iter=5, n_init=2, batch_size=10),
        ],
        expected_failed_checks=lambda estimator: KNOWN,
    )


@every_check
def test_estimator_checks(estimator, check):
    check(estimator)


# Checks that scikit-learn runs on its own estimators, and on no others by itself.
FURTHER = [
    check_clusterer_compute_labels_predict,
    check_clustering,
    partial(check_clustering, readonly_memmap=True),
    check_estimators_partial_fit_n_features,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
]


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("check", FURTHER, ids=lambda c: getattr(c, "__name__", "readonly"))
@pytest.mark.parametrize(
    "estimator", [KMeans(n_clusters=2), MiniBatchKMeans(n_clusters=2)], ids=lambda e: repr(e)[:8]
)
def test_checks_that_scikit_learn_keeps_for_its_own(estimator, check):
    check(type(estimator).__name__, estimator)
