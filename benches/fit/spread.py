"""How far does float32 arithmetic take a fit from the same fit in float64: ours and scikit-learn's?

usage: spread.py ROWS COLUMNS CLUSTERS ITERATIONS DATA_SETS

A rounding that moves one row between two centres that are as near moves all that follows, so one
fit says little. Prints one line of JSON: for each of the two, the difference of its inertia
(recomputed in float64) from that of scikit-learn in float64, a number a data set of uniform rows.
"""

import json
import sys
import warnings

import numpy as np
from cases import inertia
from worker import Fit, ferrule, float64, sklearn


def main() -> None:
    """Fit each data set three times, from the same centres."""
    rows, columns, clusters, iterations, data_sets = map(int, sys.argv[1:])
    warnings.simplefilter("ignore")  # "did not converge" is what was asked for
    off: dict[str, list[float]] = {"ferrule": [], "scikit-learn": []}
    for seed in range(1, data_sets + 1):
        rng = np.random.default_rng(seed)
        x = rng.random((rows, columns), np.float32)
        init = x[rng.choice(rows, clusters, replace=False)].copy()

        def result(fit: Fit, x: np.ndarray = x) -> float:
            return inertia(x, fit(iterations).centers)

        judge = result(float64(x, init, "lloyd"))
        off["ferrule"].append(result(ferrule(x, init, "lloyd")) / judge - 1)
        off["scikit-learn"].append(result(sklearn(x, init, "lloyd")) / judge - 1)
    print(json.dumps(off))


if __name__ == "__main__":
    main()
