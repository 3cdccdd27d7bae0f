"""Families of operations: each member draws its operands, and adds what it makes of them."""

from oracle.families import (
    activations,
    arithmetic,
    choices,
    entropies,
    functions,
    images,
    layout,
    lookups,
    losses,
    norms,
    products,
    reductions,
    second_order,
)

FAMILIES = {
    module.__name__.rpartition(".")[2]: module.MEMBERS
    for module in (
        activations,
        arithmetic,
        choices,
        entropies,
        functions,
        images,
        layout,
        lookups,
        losses,
        norms,
        products,
        reductions,
        second_order,
    )
}
