"""Measures over many batches, by local variables."""

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.metrics._metrics import (
    accuracy,
    false_negatives,
    false_positives,
    mean,
    mean_absolute_error,
    mean_squared_error,
    precision,
    recall,
    root_mean_squared_error,
    true_negatives,
    true_positives,
)

__all__ = [
    "accuracy",
    "false_negatives",
    "false_positives",
    "mean",
    "mean_absolute_error",
    "mean_squared_error",
    "precision",
    "recall",
    "root_mean_squared_error",
    "true_negatives",
    "true_positives",
]

__getattr__ = raiser("tf.metrics", __name__)
