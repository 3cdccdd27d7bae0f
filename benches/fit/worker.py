"""One Python contender of `kmeans_fit.py`, in a process of its own.

usage: worker.py NAME SAMPLES CENTERS ROWS COLUMNS CLUSTERS DTYPE OUT

The files are raw numbers, row by row. Prints a line of versions once the samples are in memory;
then, for each line of input (a number of iterations), fits once, writes the centres to OUT and
prints one line of JSON: the seconds of the fit, its iterations and what it calls inertia.
"""

import json
import pathlib
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import numpy as np


class Outcome(NamedTuple):
    """What a fit left behind."""

    centers: np.ndarray
    inertia: float
    iterations: int


Fit = Callable[[int], Outcome]


def estimator(make: Callable[..., object], x: np.ndarray, init: np.ndarray, algorithm: str) -> Fit:
    """Return a fit of any estimator that keeps scikit-learn's contract."""

    def fit(iterations: int) -> Outcome:
        model = make(
            len(init), init=init, n_init=1, max_iter=iterations, tol=0, algorithm=algorithm
        ).fit(x)
        return Outcome(model.cluster_centers_, model.inertia_, model.n_iter_)

    return fit


def ferrule(x: np.ndarray, init: np.ndarray, algorithm: str) -> Fit:
    """Return our fit."""
    from ferrule.cluster import KMeans

    return estimator(KMeans, x, init, algorithm)


def sklearn(x: np.ndarray, init: np.ndarray, algorithm: str) -> Fit:
    """Return scikit-learn's fit."""
    from sklearn.cluster import KMeans

    return estimator(KMeans, x, init, algorithm)


def float64(x: np.ndarray, init: np.ndarray, algorithm: str) -> Fit:
    """Return scikit-learn's fit of the same numbers in float64."""
    return sklearn(x.astype(np.float64), init.astype(np.float64), algorithm)


def sklearnex(x: np.ndarray, init: np.ndarray, algorithm: str) -> Fit:
    """Return scikit-learn-intelex's fit."""
    from sklearnex.cluster import KMeans

    return estimator(KMeans, x, init, algorithm)


def faiss(x: np.ndarray, init: np.ndarray, _algorithm: str) -> Fit:
    """Return faiss's fit: on every row (no subsampling), in float32, which is all it knows."""
    from faiss import Kmeans

    single, centers = np.ascontiguousarray(x, np.float32), init.astype(np.float32)

    def fit(iterations: int) -> Outcome:
        model = Kmeans(
            x.shape[1],
            len(centers),
            niter=iterations,
            nredo=1,
            max_points_per_centroid=len(x),
            min_points_per_centroid=1,
        )
        model.train(single, init_centroids=centers)
        return Outcome(model.centroids, float(model.obj[-1]), len(model.obj))

    return fit


# name: (maker of its fit, the algorithm asked for, the package whose version counts)
CONTENDERS = {
    "ferrule": (ferrule, "auto", "ferrule"),
    "ferrule lloyd": (ferrule, "lloyd", "ferrule"),
    "scikit-learn lloyd": (sklearn, "lloyd", "scikit-learn"),
    "scikit-learn elkan": (sklearn, "elkan", "scikit-learn"),
    "scikit-learn-intelex": (sklearnex, "lloyd", "scikit-learn-intelex"),
    "scikit-learn float64": (float64, "lloyd", "scikit-learn"),
    "faiss": (faiss, "", "faiss-cpu"),
}


def main() -> None:
    """Serve fits until the input ends."""
    name, samples, centers, rows, columns, clusters, dtype, out = sys.argv[1:]
    x = np.fromfile(samples, dtype).reshape(int(rows), int(columns))
    init = np.fromfile(centers, dtype).reshape(int(clusters), int(columns))
    warnings.simplefilter("ignore")  # "did not converge" is what was asked for
    make, algorithm, package = CONTENDERS[name]
    # A contender's code is loaded before the memory of its fit is watched.
    make(x[: 8 * len(init)], init, algorithm)(1)
    fit = make(x, init, algorithm)
    print(json.dumps({package: _version(package)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(timed(fit, int(line), dtype, out)), flush=True)


def timed(fit: Fit, iterations: int, dtype: str, out: str) -> dict[str, float]:
    """Fit once; return the seconds and what the contender says of the result."""
    start = time.perf_counter()
    outcome = fit(iterations)
    seconds = time.perf_counter() - start
    np.asarray(outcome.centers, dtype).tofile(pathlib.Path(out))
    return {
        "seconds": seconds,
        "inertia": float(outcome.inertia),
        "iterations": int(outcome.iterations),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "this tree"


if __name__ == "__main__":
    main()
