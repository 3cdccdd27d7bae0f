"""Does ten times the rows cost ten times the time, once nothing fits a cache any more?

usage: scaling.py ROWS COLUMNS CLUSTERS DTYPE ITERATIONS ROUNDS

Prints one line of JSON: the median seconds of a fit at ROWS and at ten times ROWS, uniform data.
"""

import json
import statistics
import sys
import time
import warnings

import numpy as np


def main() -> None:
    """Time both sizes in interleaved rounds, on one array and on its first tenth."""
    rows, columns, clusters, dtype, iterations, rounds = sys.argv[1:]
    from ferrule.cluster import KMeans

    warnings.simplefilter("ignore")  # "did not converge" is what was asked for
    x = np.random.default_rng(7).random((10 * int(rows), int(columns)), np.dtype(dtype))
    init = x[: int(clusters)].copy()
    seconds: dict[int, list[float]] = {}
    for _ in range(int(rounds)):
        for part in (x[: int(rows)], x):
            model = KMeans(len(init), init=init, n_init=1, max_iter=int(iterations), tol=0)
            start = time.perf_counter()
            model.fit(part)
            seconds.setdefault(len(part), []).append(time.perf_counter() - start)
    print(json.dumps({size: statistics.median(times) for size, times in seconds.items()}))


if __name__ == "__main__":
    main()
