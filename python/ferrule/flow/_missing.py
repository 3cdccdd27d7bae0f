"""Errors for names of PyTorch's that are not here: they say what to use instead."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ferrule._words import nearest

_LATER = "not here yet"
_ONE_DEVICE = "there is no device but the CPU: leave it out"
# By "flow.", "Tensor.", "nn." and so on and the name: what to use instead.
_INSTEAD = {
    "flow.save": "flow.save_file(model.state_dict(), path) keeps tensors, and "
    "ferrule.save(model, path, inputs=...) a model that is served",
    "flow.load": "flow.load_file(path) gives back what flow.save_file kept, and ferrule.load(path) "
    "what ferrule.save did",
    "flow.compile": "decorate with flow.function",
    "flow.jit": "decorate with flow.function",
    "flow.autograd": "flow.grad, flow.value_and_grad and flow.vjp; flow.custom_op for operations "
    "of your own",
    "flow.einsum": "flow.matmul, and `*` with sum()",
    "flow.device": _ONE_DEVICE,
    "flow.cuda": _ONE_DEVICE,
    "flow.inference_mode": "flow.no_grad",
    "flow.set_grad_enabled": "flow.no_grad and flow.enable_grad",
    "flow.empty": "flow.zeros",
    "flow.mean": "x.mean()",
    "flow.sum": "x.sum()",
    "flow.utils": "flow.fit takes arrays, sources and batches of rows; there is no DataLoader yet",
    "flow.data": "flow.fit takes arrays, ferrule.data sources and batches of rows",
    "flow.float16": "flow.float32",
    "flow.bfloat16": "flow.float32",
    "flow.float": "flow.float32",
    "flow.double": "flow.float64",
    "flow.long": "flow.int64",
    "flow.int": "flow.int32",
    "flow.bool": "flow.bool_",
    "flow.concat": "flow.cat",
    "flow.concatenate": "flow.cat",
    "flow.clamp": "x.clamp(min, max)",
    "flow.nonzero": "np.flatnonzero(x), outside of traced functions",
    "nn.BatchNorm1d": _LATER,
    "nn.BatchNorm2d": _LATER,
    "nn.LayerNorm": _LATER,
    "nn.GroupNorm": _LATER,
    "nn.RNN": f"{_LATER}; compute the steps in a Python loop within flow.function",
    "nn.GRU": f"{_LATER}; compute the steps in a Python loop within flow.function",
    "nn.LSTM": f"{_LATER}; compute the steps in a Python loop within flow.function",
    "nn.MultiheadAttention": f"{_LATER}; flow.softmax(q @ k.transpose(-1, -2) * scale) @ v",
    "nn.Transformer": _LATER,
    "nn.Conv1d": "nn.Conv2d on images of height 1",
    "nn.ConvTranspose2d": _LATER,
    "nn.DataParallel": "leave it out: large operations use all cores",
    "nn.ModuleDict": "assign modules to attributes, or nn.ModuleList",
    "nn.ParameterList": "assign parameters to attributes, or register_parameter()",
    "optim.LBFGS": "optim.SGD or optim.Adam",
    "optim.Adadelta": "optim.Adam",
    "optim.NAdam": "optim.Adam",
    "optim.RAdam": "optim.Adam",
    "Tensor.cuda": _ONE_DEVICE,
    "Tensor.half": "there is no dtype shorter than float32: x.float()",
    "Tensor.scatter_": "flow.where with a mask, or x[slice] = value",
    "Tensor.scatter_add_": "flow.where with a mask, or x[slice] = value",
    "Tensor.index_add_": "flow.where with a mask, or x[slice] = value",
    "Tensor.masked_fill": "flow.where(mask, value, x)",
    "Tensor.masked_fill_": "x[mask] = value",
    "Tensor.masked_select": "x[mask]",
    "Tensor.index_select": "flow.index_select(x, dim, index)",
    "Tensor.grad_fn": "is_leaf and requires_grad tell whether a tensor has history",
    "Tensor.register_hook": "flow.custom_op, whose gradient is yours",
    "Tensor.retain_grad": "flow.vjp or flow.grad by that tensor",
    "Tensor.detach_": "x = x.detach()",
    "Tensor.add": "x + y",
    "Tensor.sub": "x - y",
    "Tensor.mul": "x * y",
    "Tensor.div": "x / y",
    "Tensor.matmul": "x @ y",
    "Tensor.mm": "x @ y",
    "Tensor.bmm": "x @ y",
    "Tensor.dot": "x @ y",
    "Tensor.t": "x.T",
    "Tensor.clip": "x.clamp(min, max)",
    "Tensor.eq": "x == y",
    "Tensor.ne": "x != y",
    "Tensor.lt": "x < y",
    "Tensor.le": "x <= y",
    "Tensor.gt": "x > y",
    "Tensor.ge": "x >= y",
    "Tensor.chunk": "flow.chunk(x, chunks, dim)",
    "Tensor.split": "flow.split(x, sizes, dim)",
    "Tensor.unbind": "flow.unbind(x, dim)",
    "Tensor.logsumexp": "flow.logsumexp(x, dim)",
    "Tensor.nonzero": "np.flatnonzero(x), outside of traced functions",
    "Tensor.astype": "x.to(dtype)",
    "Tensor.copy": "x.clone()",
}


def missing(place: str, name: str, names: Iterable[str]) -> AttributeError:
    """Return the error for a name that is not there.

    Parameters
    ----------
    place : str
        Where it was asked for: "flow", "nn", "optim" or "Tensor".
    names : iterable of str
        What there is.
    """
    text = f"{place} has no {name!r}"
    instead = _INSTEAD.get(f"{place}.{name}")
    near = None if instead or name.startswith("_") else nearest(name, names)
    if near:
        instead = f"is it {near!r}?"
    return AttributeError(f"{text}: {instead}" if instead else text)


def of_tensor(name: str) -> NoReturn:
    """Raise the error for an attribute that tensors do not have."""
    raise missing("Tensor", name, ())


def raiser(place: str, names: Iterable[str]) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for the module that users call `place`."""

    def __getattr__(name: str) -> NoReturn:  # noqa: N807
        raise missing(place, name, names)

    return __getattr__
