"""Clustering: K-Means, in full batches and in mini-batches."""

from ferrule.cluster._kmeans import KMeans

__all__ = ["KMeans"]
