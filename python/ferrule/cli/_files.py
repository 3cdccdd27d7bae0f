"""Files that commands read and write."""

from difflib import get_close_matches
from pathlib import Path

from ferrule._hints import hinted
from ferrule.data._endings import ENDINGS
from ferrule.errors import InvalidArgumentError, NotFoundError


def existing_model(path: Path, advice: str | None = None) -> Path:
    """Return `path` where it is a file.

    Raises
    ------
    NotFoundError
        Where there is no such file; names the nearest.
    InvalidArgumentError
        For a folder, and for a file of data, with `advice` on what to do instead.
    """
    if path.is_dir():
        raise InvalidArgumentError(f"`{path}` is a folder; a model file is expected")
    check_is_no_data(path, advice)
    if path.exists():
        return path
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, names, n=1)
    hint = (
        f"did you mean `{path.parent / near[0]}`?"
        if near
        else "make one: ferrule train kmeans DATA -o model.safetensors"
    )
    raise hinted(NotFoundError(f"there is no model `{path}`"), hint)


def check_is_no_data(path: Path, advice: str | None = None) -> None:
    """Raise where `path` ends as files of data do, which are no models.

    Raises
    ------
    InvalidArgumentError
        With `advice` on what to do instead, or how to make a model of the file.
    """
    if path.suffix.lower() in ENDINGS:
        raise hinted(
            InvalidArgumentError(f"`{path}` is a file of data, not a model file"),
            advice or f"make a model of it: ferrule train kmeans {path} -o model.safetensors",
        )
