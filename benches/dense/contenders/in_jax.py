"""JAX."""

import jax
import jax.numpy as jnp

from dense import task as tasks


def mlp(parameters: list, x: jax.Array) -> jax.Array:
    """The scores of images."""
    w1, b1, w2, b2 = parameters
    return jax.nn.relu(x @ w1 + b1) @ w2 + b2


def conv(x: jax.Array, w: jax.Array) -> jax.Array:
    """Convolution with zeros around the images."""
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout)


def pool(x: jax.Array) -> jax.Array:
    """The greatest of each two by two."""
    window = (1, 2, 2, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def cnn(parameters: list, x: jax.Array) -> jax.Array:
    """The scores of images."""
    w1, b1, w2, b2, w3, b3 = parameters
    x = pool(jax.nn.relu(conv(x.reshape(-1, 28, 28, 1), w1) + b1))
    x = pool(jax.nn.relu(conv(x, w2) + b2))
    return x.reshape(x.shape[0], -1) @ w3 + b3


def train(task: tasks.Task) -> object:
    """A training step."""
    model = {"mlp": mlp, "cnn": cnn}[task.kind]
    x, labels = (jnp.asarray(one) for one in tasks.images(task.size))
    state = [jnp.asarray(w) for w in tasks.weights(task.kind)]

    def loss_of(parameters: list, x: jax.Array) -> jax.Array:
        scores = jax.nn.log_softmax(model(parameters, x))
        return -jnp.take_along_axis(scores, labels[:, None], 1).mean()

    @jax.jit
    def update(parameters: list, x: jax.Array) -> tuple:
        loss, grads = jax.value_and_grad(loss_of)(parameters, x)
        moved = [w - tasks.RATE * g for w, g in zip(parameters, grads, strict=True)]
        return moved, loss

    def step() -> jax.Array:
        nonlocal state
        state, loss = update(state, x)
        return loss.block_until_ready()

    return step, float


def chain(task: tasks.Task) -> object:
    """Additions, products and maxima of elements."""
    x = jnp.asarray(tasks.numbers(task.size))

    @jax.jit
    def work(x: jax.Array) -> jax.Array:
        y = jnp.maximum(x * 1.5 + 0.25, 0.5)
        return jnp.maximum(y * 0.75 - 0.125, 0.3) * 2.0 + 1.0

    return lambda: work(x).block_until_ready(), lambda made: float(made.sum(dtype="float32"))


def build(task: tasks.Task, *, compiled: bool) -> object:
    """The step of a task."""
    del compiled
    return (chain if task.kind == "chain" else train)(task)
