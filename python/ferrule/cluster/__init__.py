"""Clustering: K-Means, in full batches and in mini-batches."""

from ferrule.cluster._kmeans import KMeans
from ferrule.cluster._kmeans_plusplus import kmeans_plusplus
from ferrule.cluster._minibatch_kmeans import MiniBatchKMeans

__all__ = ["KMeans", "MiniBatchKMeans", "kmeans_plusplus"]
