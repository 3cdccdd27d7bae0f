"""Where Ferrule meets scikit-learn, which it never depends on.

scikit-learn is imported here only on behalf of a caller who asks for something of its own: tags,
metadata routing, an HTML diagram. Everything else works with what is already loaded.
"""

import sys
from typing import Any, TypeVar

ExceptionT = TypeVar("ExceptionT", bound=Exception)

UNCHANGED = "$UNCHANGED$"
"""scikit-learn's mark for a metadata request that a ``set_*_request`` call leaves as it is."""

_made: dict[tuple[type[Exception], type[Exception]], type[Exception]] = {}


def compatible(cls: type[ExceptionT]) -> type[ExceptionT]:
    """Return `cls`, made scikit-learn's exception of the same name too where that is loaded.

    A caller who has scikit-learn catches (or filters) its class; one who has not catches ours.
    """
    exceptions = sys.modules.get("sklearn.exceptions")
    if exceptions is None:
        return cls
    joined: type[ExceptionT] = _joined(cls, getattr(exceptions, cls.__name__))
    return joined


def _joined(ours: type[Exception], theirs: type[Exception]) -> Any:
    """Make the class that is both; each pair once, so that equal errors have equal classes."""
    if (ours, theirs) not in _made:
        _made[ours, theirs] = _make(ours, theirs)
    return _made[ours, theirs]


def _make(ours: type[Exception], theirs: type[Exception]) -> type[Exception]:
    def reduce(self: Exception) -> tuple[Any, ...]:
        return _rebuild, (ours, self.args)

    namespace = {"__doc__": ours.__doc__, "__module__": ours.__module__, "__reduce__": reduce}
    return type(ours.__name__, (ours, theirs), namespace)


def _rebuild(cls: type[Exception], args: tuple[Any, ...]) -> Exception:
    return compatible(cls)(*args)


def global_output_container() -> str:
    """Return what ``sklearn.set_config(transform_output=...)`` says, where it is loaded."""
    sklearn = sys.modules.get("sklearn")
    return "default" if sklearn is None else str(sklearn.get_config()["transform_output"])


def shows_diagrams() -> bool:
    """Tell whether notebooks are to show estimators as diagrams: scikit-learn's setting."""
    try:
        import sklearn
    except ImportError:
        return False
    return bool(sklearn.get_config()["display"] == "diagram")


def diagram(estimator: object) -> str:
    """Return scikit-learn's HTML diagram of `estimator`."""
    from sklearn.utils import estimator_html_repr

    return str(estimator_html_repr(estimator))


def clusterer_tags(*, sparse: bool) -> Any:
    """Return scikit-learn's tags of a clusterer that also transforms."""
    from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

    return Tags(
        estimator_type="clusterer",
        target_tags=TargetTags(required=False),
        transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
        input_tags=InputTags(sparse=sparse),
    )


def metadata_request(estimator: Any, methods: tuple[str, ...]) -> Any:
    """Return the request for ``sample_weight`` by `methods`, as stored or as at first."""
    from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

    stored = getattr(estimator, "_metadata_request", None)
    if stored is not None:
        return get_routing_for_object(stored)
    request = MetadataRequest(owner=estimator)
    for method in methods:
        getattr(request, method).add_request(param="sample_weight", alias=None)
    return request


def routing_enabled() -> bool:
    """Tell whether ``sklearn.set_config(enable_metadata_routing=True)`` was called."""
    sklearn = sys.modules.get("sklearn")
    return sklearn is not None and bool(sklearn.get_config()["enable_metadata_routing"])
