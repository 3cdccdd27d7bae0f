"""Models on disk: one `.safetensors` file each, written durably, verified when read, never run.

`save` takes models of Ferrule, fitted scikit-learn ones, and graphs of `ferrule.flow`; `load` gives
a model of Ferrule back; `inspect` tells what a file holds.
"""

from ferrule.artifact._files import inspect, load, save
from ferrule.artifact._graph import GraphModel
from ferrule.artifact._info import ArtifactInfo, Signature, TensorInfo, TensorSpec
from ferrule.artifact._scaled import ScaledKMeans, Scaler

__all__ = [
    "ArtifactInfo",
    "GraphModel",
    "ScaledKMeans",
    "Scaler",
    "Signature",
    "TensorInfo",
    "TensorSpec",
    "inspect",
    "load",
    "save",
]
