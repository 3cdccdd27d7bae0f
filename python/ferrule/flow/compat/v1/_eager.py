"""What scripts ask about modes; there is one: graphs."""


def disable_v2_behavior() -> None:
    """Do nothing: this is TensorFlow 1."""


def disable_eager_execution() -> None:
    """Do nothing: operations make graphs."""


def disable_resource_variables() -> None:
    """Do nothing: there is one kind of variable."""


def enable_resource_variables() -> None:
    """Do nothing: there is one kind of variable."""


def executing_eagerly() -> bool:
    """Return False: operations make graphs."""
    return False


def enable_eager_execution() -> None:
    """Not here."""
    raise NotImplementedError(
        "ferrule.flow.compat.v1 makes graphs only; for tensors with values use ferrule.flow"
    )
