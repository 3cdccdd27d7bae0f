"""One module a contender: `build(task)` gives a step, and what makes a number of its result."""

from importlib import import_module

# (module, packages that it needs)
CONTENDERS = {
    "ferrule eager": ("ours", ["ferrule"]),
    "ferrule function": ("ours", ["ferrule"]),
    "torch eager": ("in_torch", ["torch"]),
    "torch compile": ("in_torch", ["torch"]),
    "jax jit": ("in_jax", ["jax"]),
}


def build(name: str, task: object) -> object:
    """Return a contender's step, and what makes a number to compare of what it gives."""
    module = import_module(f"dense.contenders.{CONTENDERS[name][0]}")
    return module.build(task, compiled=not name.endswith("eager"))
