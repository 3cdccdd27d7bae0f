"""Checkpoints: the values of variables in files."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferrule.flow import _tensor_file
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._tensor import default_graph
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from ferrule.flow.compat.v1.train._checkpoint_index import read_index, write_index

_SUFFIX = ".safetensors"


class Saver:
    """Saves variables to a safetensors file, and restores them.

    Beside the files lies ``checkpoint``, which names the latest of them. A crash or a full disk
    leaves whole files only.

    Parameters
    ----------
    var_list : list of Variable, or dict from name to Variable, optional
        By default every global variable, under its own name.
    max_to_keep : int or None
        How many of the latest files are kept; None or 0 keeps all.

    Examples
    --------
    >>> import tempfile
    >>> import ferrule.flow.compat.v1 as tf
    >>> w = tf.Variable(1.0)
    >>> saver = tf.train.Saver([w])
    >>> with tempfile.TemporaryDirectory() as folder, tf.Session() as session:
    ...     session.run(w.initializer)
    ...     path = saver.save(session, f"{folder}/model.ckpt", global_step=10)
    ...     session.run(w.assign(2.0))
    ...     saver.restore(session, tf.train.latest_checkpoint(folder))
    ...     session.run(w)
    np.float32(2.0)
    np.float32(1.0)
    """

    def __init__(
        self,
        var_list: Any = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        saver_def: Any = None,
        builder: Any = None,
        defer_build: bool = False,
        allow_empty: bool = False,
        write_version: Any = None,
        pad_step_number: bool = False,
        save_relative_paths: bool = False,
        filename: str | None = None,
    ) -> None:
        del sharded, keep_checkpoint_every_n_hours, name, restore_sequentially, write_version
        del save_relative_paths, filename
        if reshape or saver_def is not None or builder is not None:
            raise NotImplementedError("reshape=, saver_def= and builder= are not in ferrule.flow")
        self._max_to_keep = max_to_keep or 0
        self._pad_step_number = pad_step_number
        self._variables = {} if defer_build else _by_name(var_list)
        if not self._variables and not allow_empty and not defer_build:
            raise ValueError("no variables to save")
        self._deferred = (var_list,) if defer_build else ()
        self._kept: list[str] = []

    @property
    def last_checkpoints(self) -> list[str]:
        """The paths of the checkpoints that are kept, oldest first."""
        return list(self._kept)

    def build(self) -> None:
        """Take the variables there are now, where that was put off by ``defer_build=True``."""
        for var_list in self._deferred:
            self._variables = _by_name(var_list)
        self._deferred = ()

    def save(
        self,
        sess: Any,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True,
        write_state: bool = True,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> str:
        """Save the values that the variables have in a session.

        Parameters
        ----------
        sess : Session
        save_path : str or path-like
            ``.safetensors`` is put behind it, after ``-<global_step>`` where that is given.
        global_step : int or Variable, optional

        Returns
        -------
        str
            The path to restore from, without ``.safetensors``.

        Raises
        ------
        FailedPreconditionError
            Where a variable has no value.
        NotFoundError
            Where the folder is missing.
        ferrule.errors.StorageError
            Where the file cannot be written.
        """
        del meta_graph_suffix, write_meta_graph, strip_default_attrs, save_debug_info
        self.build()
        prefix = self._prefix(sess, os.fspath(save_path), global_step)
        path = _file(prefix)
        if not path.parent.is_dir():
            raise NotFoundError(
                f"parent directory of {prefix} does not exist, can't save: mkdir -p {path.parent}"
            )
        arrays = {}
        for name, variable in self._variables.items():
            value = sess.variable(variable.number)
            if value is None:
                raise FailedPreconditionError(
                    f"variable {variable.name!r} was not initialised: run its initializer, or "
                    "tf.global_variables_initializer(), before saving"
                )
            arrays[name] = value
        _tensor_file.write(path, arrays)
        self._keep(prefix, write_state=write_state, index=latest_filename)
        return prefix

    def _prefix(self, sess: Any, prefix: str, global_step: Any) -> str:
        if global_step is None:
            return prefix
        step = sess.run(global_step) if isinstance(global_step, Variable) else global_step
        digits = f"{int(step):08d}" if self._pad_step_number else str(int(step))
        return f"{prefix}-{digits}"

    def _keep(self, prefix: str, *, write_state: bool, index: str | None) -> None:
        self._kept = [each for each in self._kept if each != prefix] + [prefix]
        dropped = self._kept[: -self._max_to_keep] if self._max_to_keep else []
        self._kept = self._kept[len(dropped) :]
        if write_state:
            write_index(_file(prefix).parent, prefix, self._kept, index)
        for old in dropped:
            _file(old).unlink(missing_ok=True)

    def restore(self, sess: Any, save_path: str | os.PathLike[str]) -> None:
        """Give the variables the values that `save` wrote.

        Raises
        ------
        ValueError
            Where `save_path` is None, or no checkpoint.
        NotFoundError
            Where a variable is not in it.
        InvalidArgumentError
            Where a variable has another shape or dtype there.
        """
        if save_path is None:
            raise ValueError("can't load save_path when it is None")
        self.build()
        path = _file(os.fspath(save_path))
        if not path.is_file():
            raise InvalidArgumentError(
                f"the passed save_path is not a valid checkpoint: there is no file {path}"
            )
        arrays, _ = _tensor_file.read(path)
        for name, variable in self._variables.items():
            _check_fits(name, variable, arrays, path)
        for name, variable in self._variables.items():
            sess.set_variable(variable.number, arrays[name], variable.dtype.name)

    def recover_last_checkpoints(self, checkpoint_paths: list[str]) -> None:
        """Take checkpoints that exist, oldest first, among those to be dropped in time."""
        self._kept = [each for each in checkpoint_paths if checkpoint_exists(each)]

    def set_last_checkpoints(self, last_checkpoints: list[str]) -> None:
        """Say which checkpoints were written before, oldest first."""
        self._kept = list(last_checkpoints)


def _by_name(var_list: Any) -> dict[str, Variable]:
    if isinstance(var_list, Mapping):
        named = dict(var_list)
    else:
        graph = default_graph()
        listed = graph.get_collection(GraphKeys.GLOBAL_VARIABLES) if var_list is None else var_list
        named = {each.op.name: each for each in listed}
    for name, variable in named.items():
        if not isinstance(variable, Variable):
            raise TypeError(f"expected a tf.Variable to save as {name!r}, got {variable!r}")
    return named


def _check_fits(name: str, variable: Variable, arrays: dict[str, Any], path: Path) -> None:
    found = arrays.get(name)
    if found is None:
        raise NotFoundError(
            f"{name!r} is not in checkpoint {path.name}, which has {', '.join(arrays)}; is the "
            "graph the one that was saved?"
        )
    if list(found.shape) != variable.shape.as_list() or found.dtype != variable.dtype.numpy:
        raise InvalidArgumentError(
            f"{name!r} in checkpoint {path.name} is {found.dtype} of shape {found.shape}, expected "
            f"{variable.dtype.name} of shape {variable.shape}"
        )


def _file(prefix: str) -> Path:
    return Path(prefix if prefix.endswith(_SUFFIX) else f"{prefix}{_SUFFIX}")


def checkpoint_exists(checkpoint_prefix: str) -> bool:
    """Return whether there is a checkpoint at the path that `Saver.save` gave."""
    return _file(checkpoint_prefix).is_file()


def latest_checkpoint(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> str | None:
    """Return the path of the latest checkpoint in a folder, or None."""
    state = read_index(Path(checkpoint_dir), latest_filename)
    if state is None or not checkpoint_exists(state.model_checkpoint_path):
        return None
    return state.model_checkpoint_path
