"""JAX: a compiled step, and all steps compiled as one loop."""

import functools

import jax
import jax.numpy as jnp

from step.task import LEARNING_RATE, XS, YS


def loss(w: jax.Array, b: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    return (y - (w * x + b)) ** 2


def step(w: jax.Array, b: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    by_w, by_b = jax.grad(loss, (0, 1))(w, b, x, y)
    return w - LEARNING_RATE * by_w, b - LEARNING_RATE * by_b


class Jax:
    """A call of the compiled step for each."""

    def __init__(self) -> None:
        self.w, self.b = jnp.zeros(()), jnp.zeros(())
        self.step = jax.jit(step)

    def learn(self, steps: int) -> None:
        w, b, take = self.w, self.b, self.step
        for i in range(steps):
            w, b = take(w, b, XS[i % 32], YS[i % 32])
        self.w, self.b = w.block_until_ready(), b.block_until_ready()

    def learned(self) -> tuple[float, float]:
        return float(self.w), float(self.b)


class JaxLoop(Jax):
    """One call of a compiled `lax.fori_loop` over the samples."""

    def __init__(self) -> None:
        super().__init__()
        xs, ys = jnp.array(XS, jnp.float32), jnp.array(YS, jnp.float32)

        @functools.partial(jax.jit, static_argnums=2)
        def loop(w: jax.Array, b: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
            def body(i: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple:
                return step(*now, xs[i % 32], ys[i % 32])

            return jax.lax.fori_loop(0, steps, body, (w, b))

        self.loop = loop

    def learn(self, steps: int) -> None:
        self.w, self.b = self.loop(self.w, self.b, steps)
        self.b.block_until_ready()
