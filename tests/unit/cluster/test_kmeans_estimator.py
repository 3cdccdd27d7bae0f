"""KMeans as an estimator: parameters, display, copies, output containers, meta-estimators."""

import copy
import inspect
import pickle
import subprocess
import sys
import textwrap

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone, is_clusterer
from sklearn.cluster import KMeans as Reference
from sklearn.exceptions import ConvergenceWarning as TheirConvergenceWarning
from sklearn.exceptions import NotFittedError as TheirNotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr, get_tags

from ferrule.cluster import KMeans
from ferrule.errors import (
    ConvergenceWarning,
    InvalidArgumentError,
    InvalidParameterError,
    NotFittedError,
)


def test_parameters_are_scikit_learns_with_its_defaults_but_for_two():
    ours, theirs = KMeans().get_params(), Reference().get_params()
    assert ours.pop("callback") is None
    assert (ours.pop("algorithm"), theirs.pop("algorithm")) == ("auto", "lloyd")
    assert ours == theirs
    kinds = {p.name: p.kind for p in inspect.signature(KMeans).parameters.values()}
    assert kinds.pop("n_clusters") is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("n_clusters", 0, r"an int in the range \[1, inf\). Got 0 instead"),
        ("n_clusters", 2.5, "an int"),
        ("n_clusters", "8", "an int"),
        ("init", "kmeans", r"a str among {'k-means\+\+', 'random'}, a callable or an array-like"),
        ("n_init", 0, r"a str among {'auto'} or an int in the range \[1, inf\)"),
        ("max_iter", 0, "an int"),
        ("tol", -1.0, r"a float in the range \[0, inf\)"),
        ("tol", float("nan"), "a float"),
        ("tol", "small", "a float"),
        ("verbose", -1, "an int"),
        ("random_state", -1, "an int"),
        ("random_state", "seed", "an int"),
        ("copy_x", 1, "an instance of 'bool'"),
        ("algorithm", "full", "a str among {'auto', 'elkan', 'hamerly', 'lloyd', 'spatial'}"),
        ("callback", 3, "a callable or None"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_fit_and_not_before(name, value, text):
    model = KMeans(**{name: value})
    with pytest.raises(
        InvalidParameterError, match=f"The '{name}' parameter of KMeans must be {text}"
    ):
        model.fit(np.eye(9))


def test_set_params_returns_the_model_and_refuses_unknown_names():
    model = KMeans()
    assert model.set_params(n_clusters=3, tol=0) is model
    assert (model.n_clusters, model.tol) == (3, 0)
    with pytest.raises(InvalidArgumentError, match=r"Invalid parameter 'k' for estimator KMeans\("):
        model.set_params(k=3)


def test_repr_shows_what_is_not_default_and_never_much():
    assert repr(KMeans()) == "KMeans()"
    assert repr(KMeans(3, tol=0.5)) == "KMeans(n_clusters=3, tol=0.5)"
    assert len(repr(KMeans(init=np.zeros((1000, 50))))) < 200


def test_a_clone_has_the_parameters_and_is_not_fitted(blobs, centers):
    model = KMeans(3, init=centers, n_init=1).fit(blobs[0])
    again = clone(model)
    assert again.get_params().keys() == model.get_params().keys()
    assert np.array_equal(again.init, centers)
    assert not hasattr(again, "cluster_centers_")


@pytest.mark.parametrize(
    "copy_of", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy,
                lambda m: cloudpickle.loads(cloudpickle.dumps(m))],
)  # fmt: skip
def test_a_copy_predicts_the_same(blobs, copy_of):
    X, _ = blobs
    model = KMeans(3, random_state=0).fit(pd.DataFrame(X).add_prefix("f"))
    again = copy_of(model)
    assert vars(again).keys() == vars(model).keys()
    assert np.array_equal(again._assign(again._as_fitted(X), None)[0], model.labels_)


def test_names_out_are_the_class_name_numbered(blobs):
    model = KMeans(3).fit(blobs[0])
    assert model.get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    with pytest.raises(InvalidArgumentError, match="should have length equal to number"):
        model.get_feature_names_out(["a"])


def test_set_output_makes_frames_and_keeps_the_index(blobs):
    frame = pd.DataFrame(blobs[0], index=np.arange(100) + 1000).add_prefix("f")
    model = KMeans(3, random_state=0)
    plain = model.fit_transform(frame)
    as_pandas = model.set_output(transform="pandas").fit_transform(frame)
    assert isinstance(as_pandas, pd.DataFrame)
    assert as_pandas.columns.tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    assert as_pandas.index.equals(frame.index)
    assert np.array_equal(as_pandas.to_numpy(), plain)
    as_polars = model.set_output(transform="polars").transform(frame)
    assert isinstance(as_polars, pl.DataFrame)
    assert np.array_equal(as_polars.to_numpy(), plain)
    assert isinstance(model.set_output(transform="default").transform(frame), np.ndarray)
    with pytest.raises(InvalidArgumentError, match="output config must be in"):
        model.set_output(transform="excel").transform(frame)


def test_scikit_learns_global_output_setting_is_heeded(blobs):
    model = KMeans(3).fit(blobs[0])
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(model.transform(blobs[0]), pd.DataFrame)
    assert isinstance(model.transform(blobs[0]), np.ndarray)


def test_tags_say_a_clusterer_that_transforms_and_takes_sparse_data():
    tags = get_tags(KMeans())
    assert is_clusterer(KMeans())
    assert tags.input_tags.sparse
    assert tags.transformer_tags is not None
    assert not tags.target_tags.required


def test_notebooks_get_scikit_learns_diagram_unless_it_is_set_to_text(blobs):
    model = KMeans(3).fit(blobs[0])
    assert "KMeans" in estimator_html_repr(model)
    assert "<div" in model._repr_mimebundle_()["text/html"]
    assert "<div" in model._repr_html_()
    with sklearn.config_context(display="text"):
        assert model._repr_mimebundle_() == {"text/plain": "KMeans(n_clusters=3)"}


def test_pipelines_and_grid_searches_in_processes_take_it(blobs):
    X, _ = blobs
    pipeline = make_pipeline(StandardScaler(), KMeans(random_state=0))
    grid = {"kmeans__n_clusters": [2, 3], "kmeans__algorithm": ["lloyd", "auto"]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X)
    assert search.best_params_["kmeans__n_clusters"] == 3
    assert np.array_equal(search.predict(X), search.best_estimator_.fit_predict(X))


def test_weights_are_routed_where_they_are_asked_for(blobs):
    X, _ = blobs
    weights = np.random.default_rng(0).uniform(size=len(X))
    with pytest.raises(RuntimeError, match="only available when metadata routing is enabled"):
        KMeans().set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = KMeans(3, random_state=0).set_fit_request(sample_weight="w")
        assert clone(inner).get_metadata_routing().fit.requests == {"sample_weight": "w"}
        routed = make_pipeline(StandardScaler(), inner).fit(X, w=weights)[-1]
        asked = inner.set_score_request(sample_weight=True).get_metadata_routing()
        assert asked.score.requests == {"sample_weight": True}
    scaled = StandardScaler().fit_transform(X)
    direct = KMeans(3, random_state=0).fit(scaled, sample_weight=weights)
    assert routed.inertia_ == direct.inertia_


def test_errors_and_warnings_are_ours_and_scikit_learns_at_once():
    with pytest.raises(NotFittedError) as caught:
        KMeans().predict(np.eye(3))
    assert isinstance(caught.value, TheirNotFittedError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, (NotFittedError, TheirNotFittedError))
    assert str(again) == str(caught.value)
    with pytest.warns(ConvergenceWarning) as warned:
        KMeans(2).fit(np.ones((4, 1)))
    assert issubclass(warned[0].category, TheirConvergenceWarning)
    assert warned[0].filename == __file__


def test_a_failed_fit_leaves_the_model_as_it_was(blobs):
    X, _ = blobs
    model = KMeans(3, random_state=0).fit(X)
    before = dict(vars(model))
    with pytest.raises(InvalidArgumentError):
        model.fit(np.full((9, 2), np.nan))
    assert vars(model) == before


def test_centers_may_be_read_only_memory(blobs):
    X, _ = blobs
    model = KMeans(3, random_state=0).fit(X)
    model.cluster_centers_.flags.writeable = False
    assert np.array_equal(model.predict(X), model.labels_)


WITHOUT_SKLEARN = """
    import sys

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {"sklearn", "scipy", "joblib"}:
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, Refuse())
    import pickle, warnings
    import numpy as np, pandas as pd
    import ferrule.cluster
    from ferrule.errors import ConvergenceWarning, NotFittedError

    X = np.random.default_rng(0).normal(size=(500, 3))
    for cls in (ferrule.cluster.KMeans, ferrule.cluster.MiniBatchKMeans):
        model = cls(4, random_state=0)
        try:
            model.predict(X)
        except NotFittedError as error:
            assert type(error) is NotFittedError
        model.fit(X)
        assert model.predict(X).shape == (500,) and model.score(X) < 0
        assert isinstance(model.set_output(transform="pandas").transform(X), pd.DataFrame)
        assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()
        assert model._repr_mimebundle_() == {"text/plain": repr(model)}
        assert model._repr_html_() is None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ferrule.cluster.KMeans(2).fit(np.ones((4, 1)))
    assert caught[0].category is ConvergenceWarning
    assert not {"sklearn", "scipy", "joblib"} & sys.modules.keys()
    print("worked")
"""


def run_python(script):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_everything_but_tags_works_where_scikit_learn_is_missing():
    done = run_python(WITHOUT_SKLEARN)
    assert done.stdout == "worked\n", done.stderr


def test_an_ordinary_fit_imports_no_scikit_learn():
    done = run_python("""
        import sys, numpy as np
        from ferrule.cluster import KMeans
        KMeans(2).fit(np.eye(4)).predict(np.eye(4))
        print(sorted({"sklearn", "scipy", "pandas", "pyarrow"} & sys.modules.keys()))
    """)
    assert done.stdout == "[]\n", done.stderr
