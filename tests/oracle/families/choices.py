"""Comparison, logic and choice."""

from typing import Any

from oracle.builder import Builder, Node
from oracle.families.arithmetic import larger, operands

COMPARISONS = ["greater", "greater_equal", "less", "less_equal", "not_equal"]


def compared(b: Builder, x: Node, y: Node) -> Any:
    name = b.draws.choice(COMPARISONS)
    b.labels.append(name)
    signs = {"greater": lambda p, q: p > q, "less": lambda p, q: p < q}
    signs |= {"greater_equal": lambda p, q: p >= q, "less_equal": lambda p, q: p <= q}
    compare = getattr(b.tf, name)
    if name in signs and b.draws.chance(2):
        compare = signs[name]
    return compare(x.tensor, y.tensor)


def where(b: Builder) -> None:
    x = b.pick(distinct=True)
    y = b.like(x.shape, distinct=True)
    yes, no = b.like(x.shape), b.like(x.shape)
    tensor = b.tf.where(compared(b, x, y), yes.tensor, no.tensor)
    b.emit("where", tensor, x.shape, 2.0, x, y, yes, no, distinct=False)


def where_of_rows(b: Builder) -> None:
    yes = b.pick(2, 3)
    no = b.like(yes.shape)
    rows = b.like(yes.shape[:1], distinct=True)
    tensor = b.tf.where(rows.tensor > 0.0625, yes.tensor, no.tensor)
    b.emit("where of rows", tensor, yes.shape, 2.0, yes, no, rows, distinct=False)


def mask(b: Builder) -> None:
    x, y = operands(b, distinct=True)
    if x.tensor is y.tensor:
        return
    tensor = b.tf.cast(compared(b, x, y), b.dtype) * x.tensor
    b.emit("mask", tensor, larger(x, y), 2.0, x, y, distinct=False)


def logic(b: Builder) -> None:
    x = b.pick(distinct=True)
    y = b.like(x.shape, distinct=True)
    left, right = compared(b, x, y), x.tensor > 0.3125
    name = b.draws.choice(["logical_and", "logical_or", "logical_xor", "logical_not"])
    made = b.tf.logical_not(left) if name == "logical_not" else getattr(b.tf, name)(left, right)
    b.emit(name, b.tf.cast(made, b.dtype), x.shape, 1.0, x, y, distinct=False)


def quantified(b: Builder) -> None:
    x = b.pick(1, 2, 3, distinct=True)
    axis = b.draws.below(x.rank)
    name = b.draws.choice(["reduce_all", "reduce_any"])
    made = getattr(b.tf, name)(x.tensor > -0.4375, axis=axis)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    b.emit(name, b.tf.cast(made, b.dtype), shape, 1.0, x, distinct=False)


def equal_numbers(b: Builder) -> None:
    x = b.pick(1, 2)
    same = b.tf.equal(b.integers(x.shape, 3), b.integers(x.shape, 3))
    tensor = b.tf.where(same, x.tensor, -x.tensor * 0.5)
    b.emit("equal", tensor, x.shape, 2.0, x)


MEMBERS = [where, where_of_rows, mask, logic, quantified, equal_numbers]
