"""Serving one K-Means: the servers that are compared and the load put on them."""
