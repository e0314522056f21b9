"""`farthing bench`: the measurements behind the README's figures. Nothing is spent."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing bench pipeline

farthing bench pipeline --tasks 500 --concurrency 8 --json-path pipeline.json
"""


@app.callback()
def bench() -> None:
    """Measure what the README claims, against the simulator: nothing is spent."""


@app.command(epilog=_EPILOG)
def pipeline(
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Tasks in one repeat.")] = 5000,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Tasks in flight at once.")] = 32,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Repeats; the spread is told.")] = 5,
    json_path: Annotated[
        Path | None, typer.Option("--json-path", metavar="FILE", help="Write the measurements here too.")
    ] = None,
) -> None:
    """Tasks a second, CPU against the bare client, and the latency that the pipeline adds."""
    from farthing.bench.pipeline import main  # with its peers and clocks, for this command only

    main(tasks=tasks, concurrency=concurrency, repeats=repeats, json_path=json_path)


_LEDGER_EPILOG = """\
**Examples**

farthing bench ledger

farthing bench ledger --concurrency 32 --json-path ledger.json
"""


@app.command(epilog=_LEDGER_EPILOG)
def ledger(
    calls: Annotated[
        int, typer.Option("--calls", min=100, help="Calls in one repeat, two rows each.")
    ] = 20_000,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Callers at once.")] = 256,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Repeats; the spread is told.")] = 5,
    postgresql: Annotated[
        str | None, typer.Option("--postgresql", metavar="URL", help="An empty PostgreSQL database.")
    ] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json-path", metavar="FILE", help="Write the measurements here too.")
    ] = None,
) -> None:
    """Durable chained rows a second, and how long a call waits for its admission."""
    from farthing.bench.ledger import main

    main(calls=calls, concurrency=concurrency, repeats=repeats, postgresql=postgresql, json_path=json_path)
