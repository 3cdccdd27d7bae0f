from collections.abc import Callable
from os import PathLike
from typing import Any, Self, TypeAlias, final

from numpy import float64, floating, int32, int64, uint8, uint32
from numpy.typing import NDArray
from typing_extensions import disjoint_base

__version__: str

# A matrix of float32 or float64, or (data, indices, indptr, columns) of CSR.
_Samples: TypeAlias = NDArray[floating[Any]] | tuple[Any, Any, Any, int]

# A value of a graph: its node, and which output of that.
_Value: TypeAlias = tuple[int, int]

@final
class CubeMaker:
    def __new__(
        cls,
        stack: NDArray[uint8],
        stack_shape: tuple[int, int, int],
        stack_dtype: str,
        *,
        shape: tuple[int, int, int],
        per_layer: bool,
        rows: tuple[int, int] | None,
        dtype: str,
        by_column: bool,
        seed: int,
    ) -> CubeMaker: ...
    def checksum(self, first: int, n: int, n_threads: int) -> int: ...
    def fill(self, first: int, out: NDArray[uint8], n_threads: int) -> None: ...
    def indices(self, cube: int, columns: NDArray[uint32], rows: NDArray[uint32]) -> None: ...

@final
class CsvFile:
    def __new__(cls, file: Any, delimiter: str) -> CsvFile: ...
    @property
    def columns(self) -> list[str] | None: ...
    @property
    def n_columns(self) -> int: ...
    def count_rows(self) -> int: ...
    def read(
        self, columns: list[int], first_row: int, out: NDArray[floating[Any]]
    ) -> tuple[int, bool]: ...

@final
class FlowGraph:
    def __new__(cls) -> FlowGraph: ...
    @property
    def n_nodes(self) -> int: ...
    def add(self, op: str, inputs: list[_Value], control: list[int] = ...) -> int: ...
    def unary(self, f: str, x: _Value, control: list[int] = ...) -> int: ...
    def binary(self, f: str, x: _Value, y: _Value, control: list[int] = ...) -> int: ...
    def constant(self, array: NDArray[Any]) -> int: ...
    def custom(
        self,
        forward: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        inputs: list[_Value],
        outputs: list[tuple[str, tuple[int | None, ...] | None]],
        control: list[int] = ...,
    ) -> int: ...
    def subgraph(self, inner: FlowGraph, inputs: list[_Value], outputs: list[_Value]) -> int: ...
    def n_outputs(self, node: int) -> int: ...
    def inputs(self, node: int) -> list[_Value]: ...
    def op(self, node: int) -> str: ...
    def dtype(self, node: int, index: int) -> str: ...
    def shape(self, node: int, index: int) -> tuple[int | None, ...] | None: ...
    def gradients(
        self, ys: list[_Value], xs: list[_Value], grad_ys: list[_Value | None]
    ) -> list[_Value | None]: ...

@disjoint_base
class GraphTensor:
    def __new__(
        cls, graph: FlowGraph, node: int, index: int, *_args: Any, **_kwargs: Any
    ) -> Self: ...
    @property
    def node(self) -> int: ...
    @property
    def index(self) -> int: ...
    @property
    def core_graph(self) -> FlowGraph: ...

@disjoint_base
class FlowSession:
    def __new__(cls, graph: FlowGraph, *_args: Any, **_kwargs: Any) -> Self: ...
    def close(self) -> None: ...
    def run(
        self,
        fetches: Any,
        feed_dict: Any = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any: ...
    def run_many(self, fetch: Any, feeds: dict[Any, Any], steps: int) -> Any: ...
    def variable(self, id: int) -> Any: ...  # noqa: A002
    def set_variable(self, id: int, value: Any, dtype: str) -> None: ...  # noqa: A002

@final
class LoadDriver:
    def __new__(
        cls,
        protocol: str,
        address: str,
        model: str,
        input_name: str,
        dtype: str,
        rows: list[list[float]],
        *,
        api_key: str | None = None,
        timeout: float = 10.0,
    ) -> LoadDriver: ...
    def answers(self) -> list[list[int]] | list[list[float]]: ...
    def run(
        self,
        *,
        connections: int,
        streams: int,
        seconds: float,
        warm_up: float,
        rate: float | None,
        threads: int,
        check_every: int,
    ) -> dict[str, Any]: ...

@final
class ParquetFile:
    def __new__(cls, file: Any) -> ParquetFile: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def dtypes(self) -> list[str | None]: ...
    @property
    def n_rows(self) -> int: ...
    def has_columns_of(self, other: ParquetFile) -> bool: ...
    def read(self, columns: list[int], first_row: int, out: NDArray[floating[Any]]) -> None: ...

@final
class ServedModel:
    def __new__(cls, path: str | PathLike[str]) -> ServedModel: ...
    @property
    def digest(self) -> str: ...
    @property
    def manifest(self) -> str: ...
    def predict(self, inputs: list[tuple[str, Any]]) -> list[tuple[str, Any]]: ...

@final
class Server:
    def __new__(cls, config: str) -> Server: ...
    @property
    def http_address(self) -> str: ...
    @property
    def grpc_address(self) -> str: ...
    def refresh(self) -> None: ...
    def shutdown(self) -> bool: ...
    def stop(self) -> None: ...

def artifact_load(
    path: str | PathLike[str],
) -> tuple[str, str, str, list[tuple[str, str, list[int], bytearray]]]: ...
def artifact_save(
    path: str | PathLike[str], manifest: str, tensors: list[tuple[str, str, list[int], bytes]]
) -> str: ...
def save_graph(
    path: str | PathLike[str],
    graph: FlowGraph,
    inputs: list[tuple[str, _Value]],
    outputs: list[tuple[str, _Value]],
    weights: dict[int, tuple[str, NDArray[Any]]],
    facts: str,
) -> str: ...
def column_variances(x: _Samples, out: NDArray[float64]) -> tuple[str, int, int] | None: ...
def kmeans_fit(
    x: _Samples,
    weights: NDArray[floating[Any]] | None,
    centers: NDArray[floating[Any]],
    labels: NDArray[int32],
    *,
    max_iter: int,
    tol: float,
    algorithm: str,
    on_iteration: Callable[[int, float, float], object] | None = None,
) -> tuple[float, int, bool]: ...
def kmeans_plus_plus(
    x: _Samples,
    weights: NDArray[floating[Any]] | None,
    centers: NDArray[floating[Any]],
    indices: NDArray[int64],
    seed: int,
    n_local_trials: int | None = None,
) -> None: ...
def kmeans_predict(
    x: _Samples,
    weights: NDArray[floating[Any]] | None,
    centers: NDArray[floating[Any]],
    labels: NDArray[int32],
) -> float: ...
def kmeans_random_rows(
    n_rows: int, weights: NDArray[floating[Any]] | None, n_clusters: int, seed: int
) -> list[int]: ...
def kmeans_transform(
    x: _Samples, centers: NDArray[floating[Any]], out: NDArray[floating[Any]]
) -> None: ...
def minibatch_step(
    x: _Samples,
    weights: NDArray[floating[Any]] | None,
    centers: NDArray[floating[Any]],
    counts: NDArray[float64],
    reassignment_ratio: float,
    seed: int,
) -> tuple[float, int]: ...
def safetensors_header(
    file: Any,
) -> tuple[dict[str, str], list[tuple[str, str, list[int], int, int]], int]: ...
def schema(path: str | PathLike[str], kind: str) -> str: ...
def serve_main(arguments: list[str]) -> int: ...
def xxh64(data: NDArray[uint8], seed: int) -> int: ...
