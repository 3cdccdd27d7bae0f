"""K-Means in full batches."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferrule import _core, _params, _sklearn
from ferrule._validation import Samples, as_random_source, as_samples, as_weights
from ferrule.cluster._centroid_model import CentroidModel, check_enough, mean_variance
from ferrule.cluster._initial_centers import INIT_RULES, N_INIT_RULES, Initializer
from ferrule.errors import ConvergenceWarning

_N_INIT_BY_CHANCE = 10
_LABELS_LOOKED_AT = 1 << 16

_RULES: dict[str, tuple[_params.Rule, ...]] = {
    "n_clusters": (_params.integer(1),),
    "init": INIT_RULES,
    "n_init": N_INIT_RULES,
    "max_iter": (_params.integer(1),),
    "tol": (_params.real(0),),
    "verbose": (_params.VERBOSE,),
    "random_state": (_params.RANDOM_STATE,),
    "copy_x": (_params.BOOLEAN,),
    "algorithm": (_params.one_of("auto", "lloyd", "elkan", "hamerly", "spatial"),),
    "callback": (_params.CALLABLE, _params.NONE),
}


class KMeans(CentroidModel):
    """K-Means clustering, with the interface and the results of scikit-learn's.

    Finds `n_clusters` centres that locally minimise the inertia, the sum of squared distances of
    the samples to their nearest centre, by Lloyd's algorithm [1]_: label each sample with its
    nearest centre, move each centre to the mean of its samples, and repeat.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, and so of centres.
    init : {"k-means++", "random"}, array-like or callable, default="k-means++"
        Where the centres start.

        * ``"k-means++"``: samples chosen one by one, each with a chance in proportion to its
          squared distance to those chosen before; the best of several candidates each time [2]_.
        * ``"random"``: distinct samples, each as likely as its weight.
        * an array of shape (n_clusters, n_features): these centres.
        * a callable: what ``init(X, n_clusters, random_state=...)`` returns.
    n_init : "auto" or int, default="auto"
        How many times to fit from new initial centres; the fit of least inertia is kept.
        ``"auto"`` is 10 for ``init="random"`` or a callable, else 1.
    max_iter : int, default=300
        Most iterations of a fit.
    tol : float, default=1e-4
        A fit has converged once the squared shift of the centres, summed over all, is at most
        `tol` times the mean variance of the features; or when labels repeat.
    verbose : int, default=0
        Print each iteration's inertia, where not 0.
    random_state : int, RandomState, Generator or None, default=None
        Source of the random initial centres. The same int gives the same model, whatever the
        number of threads. ``None`` takes NumPy's global source.
    copy_x : bool, default=True
        Accepted as by scikit-learn; `X` is never changed nor copied, whatever this says.
    algorithm : {"auto", "lloyd", "elkan", "hamerly", "spatial"}, default="auto"
        How the nearest centres are found. All are exact and give the same model; they differ in
        speed and memory. ``"lloyd"`` compares every sample with every centre, at the speed of a
        matrix product. ``"elkan"`` and ``"hamerly"`` keep bounds on distances and skip what these
        rule out: ``4 * (n_clusters + 1)`` bytes a sample and 8 bytes a sample. That only pays over
        many iterations in which centres hardly move; ``"lloyd"`` was faster on all data measured.
        ``"spatial"`` sorts samples of up to 8 features into boxes. ``"auto"`` is ``"spatial"``
        where the shape of the data says that it pays, else ``"lloyd"``. Where an algorithm does
        not apply, ``"lloyd"`` runs: for sparse data; the two with bounds need more than 8
        features or more than 8 clusters.
    callback : callable, optional
        Called as ``callback(iteration, inertia, squared_shift)`` after each iteration, from 1 on:
        the inertia before the centres moved and how far they then moved. What it raises ends the
        fit and reaches the caller.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres, in float32 for float32 data, else in float64.
    labels_ : ndarray of int32 of shape (n_samples,)
        The nearest centre of each sample: ``predict(X)``.
    inertia_ : float
        Sum of the squared distances of the samples to their centres, times their weights.
    n_iter_ : int
        Iterations of the fit that was kept.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of str objects of shape (n_features_in_,)
        Column names of the data frame seen by `fit`; absent where it saw none.

    See Also
    --------
    MiniBatchKMeans : Looks at a few samples at a time.

    Notes
    -----
    A cluster that loses its last sample takes the sample that lies farthest from its centre.

    The number of threads is ``FERRULE_NUM_THREADS``, or else as many as the process may use.

    References
    ----------
    .. [1] S. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory
       28(2), 1982.
    .. [2] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       Symposium on Discrete Algorithms, 2007.
    .. [3] C. Elkan, "Using the triangle inequality to accelerate k-means", International
       Conference on Machine Learning, 2003.
    .. [4] G. Hamerly, "Making k-means even faster", SIAM International Conference on Data Mining,
       2010.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.cluster import KMeans
    >>> X = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]])
    >>> model = KMeans(n_clusters=2, init=X[[0, 3]]).fit(X)
    >>> model.cluster_centers_
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> model.predict([[0.0, 0.0], [12.0, 3.0]])
    array([0, 1], dtype=int32)
    """

    _consumes_sample_weight = ("fit", "score")

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "auto",
        callback: Callable[[int, float, float], object] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.callback = callback

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centres.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 arrays of any layout are read where they lie; other data is
            converted to float64. Sparse data is taken as CSR.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples, not negative; all 1 where left out.

        Returns
        -------
        self

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For NaN or infinity, fewer samples than clusters, or shapes that do not fit.
        ferrule.errors.InvalidParameterError
            For a constructor parameter out of its range.

        Warns
        -----
        ferrule.errors.ConvergenceWarning
            Where fewer distinct clusters than `n_clusters` were found.
        """
        owner = type(self).__name__
        _params.check(self, _RULES)
        samples = as_samples(X, owner)
        check_enough(samples, self.n_clusters)
        weights = as_weights(sample_weight, samples.n_rows, samples.dtype)
        tol = float(self.tol) * mean_variance(samples, owner)
        source = as_random_source(self.random_state)
        initializer = Initializer(owner, self.init, self.n_clusters, source, samples.dtype)
        n_init = initializer.runs(self.n_init, _N_INIT_BY_CHANCE, stacklevel=2)
        algorithm = self._usable_algorithm()
        best = None
        for _ in range(n_init):
            run = self._run(samples, weights, initializer.centers(samples, weights), tol, algorithm)
            if best is None or run.beats(best):
                best = run
        assert best is not None  # noqa: S101 -- n_init is at least 1
        self._warn_of_lost_clusters(best.labels)
        self._record_features(samples)
        self.cluster_centers_ = best.centers
        self.labels_ = best.labels
        self.inertia_ = best.inertia
        self.n_iter_ = best.n_iter
        return self

    def _usable_algorithm(self) -> str:
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
                stacklevel=3,
            )
            return "lloyd"
        return str(self.algorithm)

    def _run(
        self,
        samples: Samples,
        weights: NDArray[np.floating[Any]] | None,
        centers: NDArray[np.floating[Any]],
        tol: float,
        algorithm: str,
    ) -> "_Run":
        """Fit once, from and into `centers`."""
        progress = None
        if self.verbose or self.callback is not None:
            progress = _Progress(verbose=bool(self.verbose), callback=self.callback)
        labels = np.empty(samples.n_rows, dtype=np.int32)
        inertia, n_iter, strict = _core.kmeans_fit(
            samples.core,
            weights,
            centers,
            labels,
            max_iter=int(self.max_iter),
            tol=tol,
            algorithm=algorithm,
            on_iteration=progress,
        )
        if progress is not None:
            progress.finish(n_iter, tol, strict=strict)
        return _Run(centers, labels, inertia, n_iter)

    def _warn_of_lost_clusters(self, labels: NDArray[np.int32]) -> None:
        found = _count_distinct(labels, self.n_clusters)
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters"
                f" ({self.n_clusters}). Possibly due to duplicate points in X.",
                _sklearn.compatible(ConvergenceWarning),
                stacklevel=3,
            )


@dataclass(frozen=True, slots=True)
class _Run:
    """One fit from one set of initial centres."""

    centers: NDArray[np.floating[Any]]
    labels: NDArray[np.int32]
    inertia: float
    n_iter: int

    def beats(self, other: "_Run") -> bool:
        """Tell whether this run is better by more than a rounding of the same clustering."""
        return self.inertia < other.inertia and not self._renames(other)

    def _renames(self, other: "_Run") -> bool:
        names = np.zeros(len(self.centers), dtype=np.int32)
        names[self.labels] = other.labels
        return np.array_equal(names[self.labels], other.labels)


class _Progress:
    """Prints each iteration, and passes it on."""

    def __init__(
        self, *, verbose: bool, callback: Callable[[int, float, float], object] | None
    ) -> None:
        self._verbose = verbose
        self._callback = callback
        self._squared_shift = np.inf
        if verbose:
            print("Initialization complete")

    def __call__(self, iteration: int, inertia: float, squared_shift: float) -> None:
        self._squared_shift = squared_shift
        if self._verbose:
            print(f"Iteration {iteration}, inertia {inertia}.")
        if self._callback is not None:
            self._callback(iteration, inertia, squared_shift)

    def finish(self, n_iter: int, tol: float, *, strict: bool) -> None:
        """Print why the fit ended, where it converged."""
        if not self._verbose:
            return
        if strict:
            print(f"Converged at iteration {n_iter}: strict convergence.")
        elif self._squared_shift <= tol:
            print(
                f"Converged at iteration {n_iter}: center shift {self._squared_shift}"
                f" within tolerance {tol}."
            )


def _count_distinct(labels: NDArray[np.int32], n_clusters: int) -> int:
    """Count the labels in use; looks no further than where all have been seen."""
    seen = np.zeros(n_clusters, dtype=bool)
    for start in range(0, len(labels), _LABELS_LOOKED_AT):
        seen[labels[start : start + _LABELS_LOOKED_AT]] = True
        if seen.all():
            break
    return int(np.count_nonzero(seen))
