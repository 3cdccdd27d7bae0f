"""The work of `ferrule bench`: find the servers, drive them, print and draw."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ferrule
from ferrule import _core
from ferrule._hints import hinted
from ferrule.cli import _console, _plots
from ferrule.cli._bench_targets import Endpoint, Subject, endpoint_of, subject_of
from ferrule.data._durable import check_writable
from ferrule.errors import FailedPreconditionError, InvalidArgumentError

_WARM_UP_S = 0.5
_CHECK_EVERY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asks for."""

    targets: list[str]
    name: str | None
    flights: list[int]
    connections: int | None
    seconds: float
    rate: float | None
    threads: int | None
    api_key_file: Path | None
    plot: Path | None
    draw: bool
    json: bool
    quiet: bool


def execute(plan: Plan) -> None:
    """Do what `plan` says.

    Raises
    ------
    FailedPreconditionError
        Where an answer was wrong or a call failed; the results are printed before.
    """
    urls = [target for target in plan.targets if "://" in target]
    files = [Path(target) for target in plan.targets if "://" not in target]
    if len(files) > 1:
        raise InvalidArgumentError(
            f"`{files[1]}` is a second model file; one is measured at a time"
        )
    endpoints = [endpoint_of(url) for url in urls]
    key = _api_key(plan.api_key_file)
    subject = subject_of(files[0] if files else None, endpoints, plan.name, key)
    plot = _plot_path(plan, subject)
    results: list[dict[str, Any]] = []
    with _servers(subject, endpoints) as found, _status(plan) as say:
        for endpoint in found:
            results += _measure(plan, subject, endpoint, key, say)
    _report(plan, subject, results, plot)
    _fail_on_errors(results)


def _plot_path(plan: Plan, subject: Subject) -> Path | None:
    if not plan.draw:
        return None
    path = plan.plot or Path(f"{subject.name.replace('/', '-')}-bench.png")
    check_writable(path)
    return path


def _api_key(path: Path | None) -> str | None:
    if path is None:
        return None
    # A file may hold several keys, one a line.
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise InvalidArgumentError(f"`{path}` holds no key")
    return keys[0]


@contextmanager
def _servers(subject: Subject, endpoints: list[Endpoint]) -> Iterator[list[Endpoint]]:
    """Yield the servers to drive; where none is named, one of our own on free ports."""
    if endpoints:
        yield endpoints
        return
    assert subject.file is not None  # noqa: S101 -- without a file there is an address
    with ferrule.Server(str(subject.file), http_port=0, grpc_port=0) as server:
        address = server.http_url.removeprefix("http://").rstrip("/")
        yield [Endpoint("grpc", server.grpc_address), Endpoint("rest", address)]


@contextmanager
def _status(plan: Plan) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is being done."""
    to = _console.console(stderr=True)
    if plan.quiet or not to.is_terminal:
        yield lambda _text: None
        return
    with to.status("starting") as status:
        yield lambda text: status.update(text)


def _measure(
    plan: Plan, subject: Subject, endpoint: Endpoint, key: str | None, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Run every load on one server."""
    say(f"{endpoint.protocol}: checking answers")
    driver = _core.LoadDriver(
        endpoint.protocol,
        endpoint.address,
        subject.name,
        subject.input,
        subject.dtype,
        subject.rows,
        api_key=key,
    )
    subject.check(driver.answers(), endpoint)
    results = []
    for flight in plan.flights:
        say(f"{endpoint.protocol}: {flight} in flight")
        results.append(_run(plan, driver, endpoint, flight, None))
    peak = max(results, key=lambda one: float(one["throughput"]))
    rate = plan.rate or peak["throughput"] / 2
    if rate >= 1:
        say(f"{endpoint.protocol}: {rate:,.0f} calls a second")
        results.append(_run(plan, driver, endpoint, peak["in_flight"], rate))
    return results


def _run(
    plan: Plan, driver: Any, endpoint: Endpoint, flight: int, rate: float | None
) -> dict[str, Any]:
    connections = flight
    if endpoint.protocol == "grpc" and plan.connections is not None:
        connections = min(flight, plan.connections)
    measured = driver.run(
        connections=connections,
        streams=-(-flight // connections),
        seconds=plan.seconds,
        warm_up=min(_WARM_UP_S, plan.seconds),
        rate=rate,
        threads=plan.threads or max(1, (os.cpu_count() or 1) // 2),
        check_every=_CHECK_EVERY,
    )
    return {
        "protocol": endpoint.protocol,
        "address": endpoint.address,
        "loop": "closed" if rate is None else "open",
        "rate": rate,
        "in_flight": flight,
        "connections": connections,
        **measured,
    }


def _report(plan: Plan, subject: Subject, results: list[dict[str, Any]], plot: Path | None) -> None:
    if plan.json:
        shape = {"name": subject.name, "input": subject.input, "dtype": subject.dtype}
        _console.print_json(
            {"model": shape, "cores": os.cpu_count(), "seconds": plan.seconds, "results": results}
        )
    else:
        _print(results)
    if plot is None:
        return
    if not _plots.available():
        if not plan.quiet:
            _console.note(f"no plot: {_plots.HOW_TO_GET}")
        return
    closed = [{**one, "name": _series(one, results)} for one in results if one["loop"] == "closed"]
    _plots.load(plot, f"{subject.name}: one row a call, {os.cpu_count()} cores", closed)
    if not plan.quiet:
        _console.note(f"plot: {plot}")


def _series(result: dict[str, Any], results: list[dict[str, Any]]) -> str:
    """Name a line of the plot: the protocol, and the address where several share it."""
    title = {"grpc": "gRPC", "rest": "REST"}[result["protocol"]]
    addresses = {one["address"] for one in results if one["protocol"] == result["protocol"]}
    return title if len(addresses) == 1 else f"{title} {result['address']}"


def _print(results: list[dict[str, Any]]) -> None:
    table = _console.table(
        "server",
        "calls in flight",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "errors",
        left=("server",),
    )
    for one in results:
        errors = sum(one["errors"].values()) + one["wrong"] + one["abandoned"]
        flight = (
            str(one["in_flight"]) if one["rate"] is None else f"{one['rate']:,.0f}/s, open loop"
        )
        table.add_row(
            f"{one['protocol']} {one['address']}",
            flight,
            f"{one['throughput']:,.0f}",
            *(f"{one[key]:.3f}" for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
            str(errors),
        )
    _console.print_table(table)


def _fail_on_errors(results: list[dict[str, Any]]) -> None:
    wrong = sum(one["wrong"] for one in results)
    if wrong:
        checked = sum(one["checked"] for one in results)
        raise FailedPreconditionError(f"{wrong} of {checked} answers that were checked were wrong")
    failed = {kind: count for one in results for kind, count in one["errors"].items()}
    abandoned = sum(one["abandoned"] for one in results)
    if failed:
        worst = max(failed, key=lambda kind: failed[kind])
        raise hinted(
            FailedPreconditionError(f"{sum(failed.values())} calls failed, most by: {worst}"),
            "the server's log may say why",
        )
    if abandoned:
        raise hinted(
            FailedPreconditionError(f"{abandoned} calls were due but could not be sent in time"),
            "choose a lower --rate",
        )
