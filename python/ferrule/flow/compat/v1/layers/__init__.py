"""Layers that make their own variables."""

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.layers._dense import dense, dropout, flatten
from ferrule.flow.compat.v1.layers._images import average_pooling2d, conv2d, max_pooling2d

__all__ = ["average_pooling2d", "conv2d", "dense", "dropout", "flatten", "max_pooling2d"]

__getattr__ = raiser("tf.layers", __name__)
