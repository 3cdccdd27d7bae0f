"""One random graph for a seed: a loss, its gradients, and an optimizer that minimizes it."""

import dataclasses
import math
from typing import Any

import numpy as np

from oracle.builder import Builder, Node
from oracle.draws import Draws
from oracle.families import FAMILIES

OPERATIONS = (5, 9)
FETCHED = 4
FETCHED_SIZE_MAX = 18
TERMS_MAX = 5


@dataclasses.dataclass
class Case:
    """What is run of a graph."""

    labels: list[str]
    feeds: dict[Any, np.ndarray]
    ends: dict[Any, int]  # of those fed that are integers: what they are below
    fetches: dict[str, Any]  # by name; None where there is no gradient
    variables: dict[str, Any]
    starts: dict[str, np.ndarray]  # what the variables are at first
    train_op: Any
    initializer: Any


def family_of(seed: int) -> str:
    """Return the family of operations that the graph of a seed is mostly made of."""
    return sorted(FAMILIES)[seed % len(FAMILIES)]


def build(tf: Any, seed: int, dtype: str) -> Case:
    """Build the graph of a seed into the default graph of `tf`."""
    draws = Draws(seed)
    builder = Builder(tf, draws, dtype)
    builder.variable(draws.reals(draws.shape(draws.between(0, 2))))
    for count in range(draws.between(*OPERATIONS)):
        family = family_of(seed) if count % 2 == 0 else draws.choice(sorted(FAMILIES))
        draws.choice(FAMILIES[family])(builder)
    loss = total(builder)
    inputs = {**builder.variables, **builder.placeholders}
    gradients = tf.gradients(loss, [tensor for tensor, _ in inputs.values()])
    fetches = {"loss": loss}
    fetches |= {f"value {i}": node.tensor for i, node in enumerate(observed(builder))}
    fetches |= {
        f"gradient by {name}": None if gradient is None else tf.convert_to_tensor(gradient)
        for name, gradient in zip(inputs, gradients, strict=True)
    }
    descent = optimizer(tf, draws.below(9), builder.labels)
    # All gradients before any update: TensorFlow may else read a variable that was updated.
    train_op = descent.minimize(loss, gate_gradients=descent.GATE_GRAPH)
    fed = [*builder.placeholders.values()]
    feeds = {tensor: values.astype(dtype) for tensor, values in fed}
    return Case(
        builder.labels,
        feeds | {tensor: values for tensor, values, _ in builder.places},
        {tensor: end for tensor, _, end in builder.places},
        fetches,
        {name: tensor for name, (tensor, _) in builder.variables.items()},
        {name: values.astype(dtype) for name, (_, values) in builder.variables.items()},
        train_op,
        tf.global_variables_initializer(),
    )


def total(builder: Builder) -> Any:
    """Return a weighted sum of what nothing else uses, as a scalar."""
    ends = [node for node in builder.nodes if not node.used][-TERMS_MAX:]
    terms = [term(builder, node) for node in ends]
    first = next(iter(builder.variables.values()))[0]
    terms.append(builder.tf.reduce_sum(builder.tf.square(first - 0.25)))
    return builder.tf.add_n(terms)


def term(builder: Builder, node: Node) -> Any:
    """Return a scalar that every element of the node weighs on in its own way."""
    weights = builder.constant(1.25 + 0.75 * np.floor(8 * builder.draws.reals(node.shape)) / 8)
    scale = 2.0 ** -math.ceil(math.log2(max(node.bound * node.size, 1.0)))
    return builder.tf.reduce_sum(node.tensor * weights) * scale


def observed(builder: Builder) -> list[Node]:
    """Return the latest nodes that are small."""
    return [node for node in builder.nodes if node.size <= FETCHED_SIZE_MAX][-FETCHED:]


def optimizer(tf: Any, which: int, labels: list[str]) -> Any:
    """Return one of the optimizers that this takes in turn."""
    kinds = [
        ("gradient descent", lambda: tf.train.GradientDescentOptimizer(0.125)),
        ("momentum", lambda: tf.train.MomentumOptimizer(0.0625, 0.875)),
        ("nesterov", lambda: tf.train.MomentumOptimizer(0.0625, 0.875, use_nesterov=True)),
        ("adagrad", lambda: tf.train.AdagradOptimizer(0.125)),
        ("adam", lambda: tf.train.AdamOptimizer(0.03125, epsilon=2.0**-10)),
        ("rmsprop", lambda: tf.train.RMSPropOptimizer(0.03125, epsilon=2.0**-10)),
        (
            "centered rmsprop",
            lambda: tf.train.RMSPropOptimizer(
                0.03125, decay=0.75, momentum=0.5, epsilon=2.0**-8, centered=True
            ),
        ),
        ("ftrl", lambda: tf.train.FtrlOptimizer(0.25)),
        (
            "regularized ftrl",
            lambda: tf.train.FtrlOptimizer(
                0.25, l1_regularization_strength=0.015625, l2_regularization_strength=0.03125
            ),
        ),
    ]
    label, make = kinds[which]
    labels.append(label)
    return make()
