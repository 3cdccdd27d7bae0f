"""Batches from arrays, taken one a run."""

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.data._dataset import Dataset
from ferrule.flow.compat.v1.data._iterator import Iterator, make_one_shot_iterator

__all__ = ["Dataset", "Iterator", "make_one_shot_iterator"]

__getattr__ = raiser("tf.data", __name__)
