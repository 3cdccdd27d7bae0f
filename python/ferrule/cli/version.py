"""`ferrule version`."""

import typer

from ferrule.cli._options import Json


def version(
    *,
    json: Json = False,
) -> None:
    """Show the version of Ferrule, and what it runs on."""
    import platform

    from ferrule import _core
    from ferrule.cli import _console

    facts = {
        "ferrule": _core.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if json:
        _console.print_json(facts)
    else:
        typer.echo(f"ferrule {facts['ferrule']} (Python {facts['python']}, {facts['platform']})")
