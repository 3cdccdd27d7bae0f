"""Gradients of gradients."""

from oracle.builder import Builder


def squared_gradient(b: Builder) -> None:
    """Emit the squared length of the gradients of a node by the variables."""
    x = b.pick(distinct=True)
    tensors = [tensor for tensor, _ in b.variables.values()]
    found = b.tf.gradients(b.tf.reduce_sum(b.tf.square(x.tensor)), tensors)
    parts = [
        b.tf.reduce_sum(b.tf.square(b.tf.convert_to_tensor(g))) for g in found if g is not None
    ]
    if parts:
        b.emit("squared gradient", b.tf.tanh(b.tf.add_n(parts) * 0.0078125), (), 1.0, x)


def gradient_as_node(b: Builder) -> None:
    """Emit the gradient by one variable of a node."""
    x = b.pick(distinct=True)
    tensor, values = b.draws.choice(list(b.variables.values()))
    (found,) = b.tf.gradients(b.tf.reduce_sum(b.tf.square(x.tensor)), [tensor])
    if found is not None:
        made = b.tf.tanh(b.tf.convert_to_tensor(found) * 0.125)
        b.emit("gradient", made, values.shape, 1.0, x, distinct=False)


MEMBERS = [squared_gradient, gradient_as_node]
