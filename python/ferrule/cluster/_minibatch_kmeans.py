"""K-Means on a few samples at a time."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferrule import _core, _params, _sklearn
from ferrule._validation import (
    RandomSource,
    Samples,
    as_random_source,
    as_samples,
    as_weights,
    draw_seed,
    is_source,
)
from ferrule.cluster._centroid_model import CentroidModel, check_enough, mean_variance
from ferrule.cluster._initial_centers import INIT_RULES, N_INIT_RULES, Initializer
from ferrule.cluster._stream import Stream
from ferrule.errors import InvalidArgumentError

_N_INIT_BY_CHANCE = 3

Weights = NDArray[np.floating[Any]] | None

_RULES: dict[str, tuple[_params.Rule, ...]] = {
    "n_clusters": (_params.integer(1),),
    "init": INIT_RULES,
    "max_iter": (_params.integer(1),),
    "batch_size": (_params.integer(1),),
    "verbose": (_params.VERBOSE,),
    "compute_labels": (_params.BOOLEAN,),
    "random_state": (_params.RANDOM_STATE,),
    "tol": (_params.real(0),),
    "max_no_improvement": (_params.integer(0), _params.NONE),
    "init_size": (_params.integer(1), _params.NONE),
    "n_init": N_INIT_RULES,
    "reassignment_ratio": (_params.real(0),),
    "callback": (_params.CALLABLE, _params.NONE),
}


class MiniBatchKMeans(CentroidModel):
    """K-Means clustering on random batches, with the interface of scikit-learn's.

    Each step takes a random batch, labels it, and moves each centre to the mean of all samples
    that it was ever given [1]_. Much faster than `KMeans` on large data, for an inertia that is a
    little higher. `partial_fit` takes batches from a stream.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, and so of centres.
    init : {"k-means++", "random"}, array-like or callable, default="k-means++"
        Where the centres start; as for `KMeans`, on a random subset of `init_size` samples.
    max_iter : int, default=100
        Most passes over the data, in batches.
    batch_size : int, default=1024
        Samples a batch.
    verbose : int, default=0
        Print each step's inertia, where not 0.
    compute_labels : bool, default=True
        Label all samples after the fit, and sum their inertia.
    random_state : int, RandomState, Generator or None, default=None
        Source of the initial centres, the batches and the reassignments. The same int gives the
        same model, whatever the number of threads. ``None`` takes NumPy's global source.
    tol : float, default=0.0
        Where not 0, stop once the squared shift of the centres in a step, summed over all, is at
        most `tol` times the mean variance of the features.
    max_no_improvement : int or None, default=10
        Stop after so many steps in a row without a better smoothed inertia; ``None``: never.
    init_size : int or None, default=None
        Samples that initial centres are chosen from and held against. ``None`` is three batches,
        or three times `n_clusters` where three batches are fewer samples than clusters.
    n_init : "auto" or int, default="auto"
        Sets of initial centres to try; the one of least inertia on `init_size` samples is used.
        ``"auto"`` is 3 for ``init="random"`` or a callable, else 1.
    reassignment_ratio : float, default=0.01
        Centres with less than this share of the largest centre's weight are moved to random
        samples of the batch, now and then. Higher values take longer to converge, and may reach
        a better clustering.
    callback : callable, optional
        Called as ``callback(step, mean_inertia, squared_shift)`` after each step, from 1 on: the
        inertia a sample of the batch before the centres moved, and how far they then moved. What
        it raises ends the fit and reaches the caller.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres, in float32 for float32 data, else in float64.
    labels_ : ndarray of int32 of shape (n_samples,)
        The nearest centre of each sample of the last call; absent without `compute_labels`.
    inertia_ : float
        Sum of the squared distances of the samples to their centres, times their weights; without
        `compute_labels` an estimate from the batches.
    n_iter_ : int
        Passes over the data that `fit` began.
    n_steps_ : int
        Batches taken.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of str objects of shape (n_features_in_,)
        Column names of the data frame seen by `fit`; absent where it saw none.

    See Also
    --------
    KMeans : Looks at all samples in each iteration.

    References
    ----------
    .. [1] D. Sculley, "Web-scale k-means clustering", International Conference on World Wide Web,
       2010.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.cluster import MiniBatchKMeans
    >>> X = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]])
    >>> model = MiniBatchKMeans(n_clusters=2, init=X[[0, 3]])
    >>> model.partial_fit(X).cluster_centers_
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> model.predict([[0.0, 0.0], [12.0, 3.0]])
    array([0, 1], dtype=int32)
    """

    _consumes_sample_weight = ("fit", "partial_fit", "score")

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: Any = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: int | str = "auto",
        reassignment_ratio: float = 0.01,
        callback: Callable[[int, float, float], object] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
        self.callback = callback

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centres, from random batches of `X`.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix, Source} of shape (n_samples, n_features)
            float32 and float64 arrays of any layout are read where they lie; other data is
            converted to float64. Sparse data is taken as CSR. A `ferrule.data.Source` is read
            again and again and never held whole, so it may be larger than memory: the initial
            centres are those of the same rows in an array, but a pass takes each row once, in
            batches from a pool of 64 MiB of rows that is mixed as it is filled. Where rows lie in
            an order that has to do with the clusters, over more than such a pool, mix them first.
        y : Ignored
            Present by convention.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples, not negative: how likely each is to be in a batch. A source
            takes none.

        Returns
        -------
        self

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For NaN or infinity, fewer samples than clusters, or shapes that do not fit.
        ferrule.errors.InvalidParameterError
            For a constructor parameter out of its range.
        """
        owner = type(self).__name__
        _params.check(self, _RULES)
        if is_source(X):
            return self._fit_stream(X, sample_weight)
        samples = as_samples(X, owner)
        check_enough(samples, self.n_clusters)
        weights = as_weights(sample_weight, samples.n_rows, samples.dtype)
        tol = float(self.tol) * mean_variance(samples, owner)
        source = as_random_source(self.random_state)
        state = _State.begin(self.n_clusters, self.batch_size, samples, source)
        centers = self._initial_centers(samples, weights, source, state)
        draw = _BatchSampler(weights, samples.n_rows, state)
        batches = iter(lambda: samples.take(draw()), None)
        n_steps, mean_inertia = self._run(samples, batches, centers, state, tol)
        self._record_features(samples)
        self.cluster_centers_, self._state = centers, state
        self.n_steps_ = n_steps
        self.n_iter_ = -(-n_steps * state.batch_size // samples.n_rows)
        total = samples.n_rows if weights is None else float(weights.sum(dtype=np.float64))
        self.inertia_ = mean_inertia * total
        self._label(samples, weights)
        return self

    def _fit_stream(self, X: Any, sample_weight: ArrayLike | None) -> Self:
        """Fit to a source, which is read once to know it, once for initial centres, then on."""
        if sample_weight is not None:
            raise InvalidArgumentError("sample_weight is given with a Source, which takes none")
        stream = Stream.of(X)
        stream.check_enough(self.n_clusters)
        source = as_random_source(self.random_state)
        state = _State.begin(self.n_clusters, self.batch_size, stream, source)
        centers = self._initial_centers(stream, None, source, state)
        tol = float(self.tol) * stream.mean_variance
        batches = stream.batches(state.batch_size, state.rng)
        n_steps, mean_inertia = self._run(stream, batches, centers, state, tol)
        self._record_features(stream.describe())
        self.cluster_centers_, self._state = centers, state
        self.n_steps_ = n_steps
        self.n_iter_ = -(-n_steps * state.batch_size // stream.n_rows)
        self.inertia_ = mean_inertia * stream.n_rows
        if self.compute_labels:
            self.labels_, self.inertia_ = self._assign_stream(X)
        else:
            self.__dict__.pop("labels_", None)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Move the centres by one batch; the first call also chooses them.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            The batch. Later batches are taken in the dtype of the first.
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
            For NaN or infinity, other features than before, or a first batch with fewer samples
            than clusters.
        ferrule.errors.InvalidParameterError
            For a constructor parameter out of its range.
        """
        owner = type(self).__name__
        _params.check(self, _RULES)
        first = not hasattr(self, "cluster_centers_")
        samples = as_samples(X, owner) if first else self._checked(X)
        if first:
            check_enough(samples, self.n_clusters)
        weights = as_weights(sample_weight, samples.n_rows, samples.dtype)
        mean_variance(samples, owner)
        source = as_random_source(self.random_state)
        kept: _State | None = None if first else getattr(self, "_state", None)
        state = (
            replace(kept, counts=kept.counts.copy())
            if kept is not None
            else (_State.begin(self.n_clusters, self.batch_size, samples, source))
        )
        if first:
            centers = self._initial_centers(samples, weights, source, state, n_init=1)
        else:
            centers = np.array(self.cluster_centers_, order="C")
        self._step(samples, weights, centers, state)
        if first:
            self._record_features(samples)
        self.cluster_centers_, self._state = centers, state
        self.n_steps_ = 1 + (0 if first else getattr(self, "n_steps_", 0))
        self._label(samples, weights)
        return self

    def set_partial_fit_request(
        self, *, sample_weight: bool | str | None = _sklearn.UNCHANGED
    ) -> Self:
        """Say whether `partial_fit` asks a scikit-learn meta-estimator for ``sample_weight``.

        Parameters
        ----------
        sample_weight : bool, str or None
            Ask, do not ask, ask for it under this name, or raise where it is given.

        Returns
        -------
        self
        """
        return self._request_sample_weight("partial_fit", sample_weight)

    def _initial_centers(
        self,
        samples: "Samples | Stream",
        weights: Weights,
        source: RandomSource,
        state: "_State",
        n_init: int | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Return the best of several sets of initial centres, each from a random subset."""
        init_size = self._usable_init_size(state.batch_size, samples.n_rows)
        initializer = Initializer(
            type(self).__name__, self.init, self.n_clusters, source, samples.dtype
        )
        runs = n_init or initializer.runs(self.n_init, _N_INIT_BY_CHANCE, stacklevel=3)

        def random_subset() -> tuple[Samples, Weights]:
            if init_size == samples.n_rows:
                whole = (
                    samples.take(np.arange(init_size)) if isinstance(samples, Stream) else samples
                )
                return whole, weights
            rows = state.rng.integers(samples.n_rows, size=init_size)
            return samples.take(rows), None if weights is None else weights[rows]

        if runs == 1:
            return initializer.centers(*random_subset())
        held_out = random_subset()
        tried = [initializer.centers(*random_subset()) for _ in range(runs)]
        inertias = [_inertia(centers, *held_out) for centers in tried]
        if self.verbose:
            for run, inertia in enumerate(inertias, start=1):
                print(f"Inertia for init {run}/{runs}: {inertia}")
        return tried[int(np.argmin(inertias))]

    def _usable_init_size(self, batch_size: int, n_rows: int) -> int:
        size = self.init_size
        if size is None:
            size = 3 * batch_size
            if size < self.n_clusters:
                size = 3 * self.n_clusters
        elif size < self.n_clusters:
            warnings.warn(
                f"init_size={size} should be larger than n_clusters={self.n_clusters}."
                " Setting it to min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=4,
            )
            size = 3 * self.n_clusters
        return min(int(size), n_rows)

    def _run(
        self,
        samples: "Samples | Stream",
        batches: Iterator[Samples],
        centers: NDArray[np.floating[Any]],
        state: "_State",
        tol: float,
    ) -> tuple[int, float]:
        """Take batches until convergence; return how many, and the mean inertia of a sample."""
        n_steps = int(self.max_iter) * samples.n_rows // state.batch_size
        convergence = _Convergence(
            share=min(2.0 * state.batch_size / (samples.n_rows + 1), 1.0),
            tol=tol,
            max_no_improvement=self.max_no_improvement,
        )
        for step in range(1, n_steps + 1):
            before = centers.copy()
            inertia = self._step(next(batches), None, centers, state) / state.batch_size
            squared_shift = float(np.square(centers - before).sum())
            reason = convergence.reason(step, inertia, squared_shift)
            self._report(step, n_steps, inertia, squared_shift, convergence, reason)
            if reason is not None:
                break
        return step, convergence.smoothed if convergence.smoothed is not None else inertia

    def _step(
        self,
        batch: Samples,
        weights: Weights,
        centers: NDArray[np.floating[Any]],
        state: "_State",
    ) -> float:
        """Move the centres by one batch; return its inertia before they moved."""
        ratio = float(self.reassignment_ratio) if state.is_time_to_reassign() else 0.0
        inertia, n_reassigned = _core.minibatch_step(
            batch.core, weights, centers, state.counts, ratio, draw_seed(state.rng)
        )
        if self.verbose and n_reassigned:
            print(f"[MiniBatchKMeans] Reassigning {n_reassigned} cluster centers.")
        return inertia

    def _report(
        self,
        step: int,
        n_steps: int,
        inertia: float,
        squared_shift: float,
        convergence: "_Convergence",
        reason: str | None,
    ) -> None:
        if self.verbose:
            smoothed = convergence.smoothed
            tail = "" if smoothed is None else f", ewa inertia: {smoothed}"
            print(f"Minibatch step {step}/{n_steps}: mean batch inertia: {inertia}{tail}")
            if reason is not None:
                print(f"Converged ({reason}) at step {step}/{n_steps}")
        if self.callback is not None:
            self.callback(step, inertia, squared_shift)

    def _label(self, samples: Samples, weights: Weights) -> None:
        if self.compute_labels:
            self.labels_, self.inertia_ = self._assign(samples, weights)
        else:
            self.__dict__.pop("labels_", None)


@dataclass(slots=True)
class _State:
    """What goes from batch to batch, beside the centres."""

    counts: NDArray[np.float64]
    rng: np.random.Generator
    batch_size: int
    since_reassignment: int = 0

    @classmethod
    def begin(
        cls, n_clusters: int, batch_size: int, samples: "Samples | Stream", source: RandomSource
    ) -> "_State":
        """Return the state before the first batch: no centre was given any sample."""
        return cls(
            counts=np.zeros(n_clusters),
            rng=np.random.default_rng(draw_seed(source)),
            batch_size=min(int(batch_size), samples.n_rows),
        )

    def is_time_to_reassign(self) -> bool:
        """Tell whether to, as before each step: each ten samples a centre, or for empty centres."""
        self.since_reassignment += self.batch_size
        due = self.since_reassignment >= 10 * len(self.counts) or not self.counts.all()
        if due:
            self.since_reassignment = 0
        return due


@dataclass(slots=True)
class _Convergence:
    """When to stop: scikit-learn's two rules."""

    share: float
    tol: float
    max_no_improvement: int | None
    smoothed: float | None = None
    _best: float = field(default=np.inf)
    _steps_without_improvement: int = 0

    def reason(self, step: int, inertia: float, squared_shift: float) -> str | None:
        """Return why to stop after this step, if so."""
        if step == 1:  # its inertia is that of the initial centres
            return None
        if self.smoothed is None:
            self.smoothed = inertia
        self.smoothed += (inertia - self.smoothed) * self.share
        if self.tol > 0.0 and squared_shift <= self.tol:
            return "small centers change"
        if self.smoothed < self._best:
            self._best, self._steps_without_improvement = self.smoothed, 0
        else:
            self._steps_without_improvement += 1
        limit = self.max_no_improvement
        exhausted = limit is not None and self._steps_without_improvement >= limit
        return "lack of improvement in inertia" if exhausted else None


class _BatchSampler:
    """Draws the rows of a batch, each as likely as its weight, with replacement."""

    def __init__(self, weights: Weights, n_rows: int, state: _State) -> None:
        self._cumulative = None if weights is None else weights.cumsum(dtype=np.float64)
        self._n_rows = n_rows
        self._state = state

    def __call__(self) -> NDArray[np.intp]:
        rng, size = self._state.rng, self._state.batch_size
        if self._cumulative is None:
            return rng.integers(self._n_rows, size=size)
        at = rng.random(size) * self._cumulative[-1]
        rows: NDArray[np.intp] = self._cumulative.searchsorted(at, side="right")
        return np.minimum(rows, self._n_rows - 1)


def _inertia(centers: NDArray[np.floating[Any]], samples: Samples, weights: Weights) -> float:
    labels = np.empty(samples.n_rows, dtype=np.int32)
    return _core.kmeans_predict(samples.core, weights, centers, labels)
