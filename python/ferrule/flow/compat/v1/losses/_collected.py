"""The losses that a graph has collected."""

from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._elementwise import add_n
from ferrule.flow.compat.v1._sources import constant
from ferrule.flow.compat.v1._tensor import Tensor, default_graph


def add_loss(loss: Tensor, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Put a loss into a collection."""
    if loss_collection:
        loss.graph.add_to_collection(loss_collection, loss)


def get_losses(scope: str | None = None, loss_collection: str = GraphKeys.LOSSES) -> list[Tensor]:
    """Return the losses that were collected."""
    return default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Tensor]:
    """Return what the regularizers of variables gave."""
    return default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(
    scope: str | None = None, name: str = "total_regularization_loss"
) -> Tensor:
    """Return the sum of what the regularizers of variables gave, 0 where there are none."""
    losses = get_regularization_losses(scope)
    if losses:
        return add_n(losses, name=name)
    zero: Tensor = constant(0.0)
    return zero


def get_total_loss(
    add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None
) -> Tensor:
    """Return the sum of the losses that were collected."""
    losses = get_losses(scope)
    if add_regularization_losses:
        losses = losses + get_regularization_losses(scope)
    return add_n(losses, name=name)
