"""Numerical computation: tensors, their gradients, and functions that run as graphs.

`ferrule.flow.compat.v1` has the API of TensorFlow 1.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ferrule._core import Tensor, is_grad_enabled, is_tracing
from ferrule.flow._autograd import custom_op, enable_grad, grad, no_grad, value_and_grad, vjp
from ferrule.flow._control_flow import cond, while_loop
from ferrule.flow._function import Function, function, loop
from ferrule.flow._missing import missing
from ferrule.flow._operations import (
    avg_pool2d,
    cat,
    cholesky,
    chunk,
    conv2d,
    cos,
    dropout,
    embedding,
    exp,
    gelu,
    index_select,
    leaky_relu,
    log,
    log_softmax,
    logsumexp,
    matmul,
    max_pool2d,
    maximum,
    minimum,
    one_hot,
    pad,
    registered_op,
    relu,
    sigmoid,
    sin,
    softmax,
    solve,
    split,
    sqrt,
    stack,
    tanh,
    unbind,
    where,
)
from ferrule.flow._ordering import argsort, gather, sort, topk
from ferrule.flow._random import (
    Generator,
    default_generator,
    manual_seed,
    normal,
    rand,
    randint,
    randn,
    randperm,
    truncated_normal,
    uniform,
)
from ferrule.flow._spread import norm, std, var
from ferrule.flow._tensors import (
    arange,
    as_tensor,
    asarray,
    bool_,
    eye,
    float32,
    float64,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    int32,
    int64,
    linspace,
    ones,
    ones_like,
    tensor,
    uint8,
    zeros,
    zeros_like,
)

if TYPE_CHECKING:
    from ferrule.flow import compat, nn, optim
    from ferrule.flow._files import load_file, save_file
    from ferrule.flow._fit import EarlyStopping, History, fit
    from ferrule.flow._tools import Plot, Profile, Summary, plot, profile, summary

__all__ = [
    "EarlyStopping",
    "Function",
    "Generator",
    "History",
    "Plot",
    "Profile",
    "Summary",
    "Tensor",
    "arange",
    "argsort",
    "as_tensor",
    "asarray",
    "avg_pool2d",
    "bool_",
    "cat",
    "cholesky",
    "chunk",
    "compat",
    "cond",
    "conv2d",
    "cos",
    "custom_op",
    "default_generator",
    "dropout",
    "embedding",
    "enable_grad",
    "exp",
    "eye",
    "fit",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "function",
    "gather",
    "gelu",
    "grad",
    "index_select",
    "int32",
    "int64",
    "is_grad_enabled",
    "is_tracing",
    "leaky_relu",
    "linspace",
    "load_file",
    "log",
    "log_softmax",
    "logsumexp",
    "loop",
    "manual_seed",
    "matmul",
    "max_pool2d",
    "maximum",
    "minimum",
    "nn",
    "no_grad",
    "norm",
    "normal",
    "one_hot",
    "ones",
    "ones_like",
    "optim",
    "pad",
    "plot",
    "profile",
    "rand",
    "randint",
    "randn",
    "randperm",
    "registered_op",
    "relu",
    "save_file",
    "sigmoid",
    "sin",
    "softmax",
    "solve",
    "sort",
    "split",
    "sqrt",
    "stack",
    "std",
    "summary",
    "tanh",
    "tensor",
    "topk",
    "truncated_normal",
    "uint8",
    "unbind",
    "uniform",
    "value_and_grad",
    "var",
    "vjp",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]


# Loaded on first use.
_HOMES = {
    "EarlyStopping": "ferrule.flow._fit",
    "History": "ferrule.flow._fit",
    "Plot": "ferrule.flow._tools",
    "Profile": "ferrule.flow._tools",
    "Summary": "ferrule.flow._tools",
    "fit": "ferrule.flow._fit",
    "load_file": "ferrule.flow._files",
    "plot": "ferrule.flow._tools",
    "profile": "ferrule.flow._tools",
    "save_file": "ferrule.flow._files",
    "summary": "ferrule.flow._tools",
}


def __getattr__(name: str) -> Any:
    if name in ("compat", "nn", "optim"):
        return import_module(f"ferrule.flow.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise missing("flow", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
