"""`farthing worker`: does pieces of other processes' swarms. What it takes; `work/worker.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

FARTHING_DATABASE_URL=postgresql+psycopg://farthing@db/farthing farthing worker

farthing worker --config team.json --concurrency 64 --tools-from company.tools

farthing worker --run run-5a17c0ffee01 --json
"""


@app.command(epilog=_EPILOG)
def worker(
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Pieces at once.")] = 16,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Pieces of this run only; else runs take turns."),
    ] = None,
    tools_from: Annotated[
        list[str] | None,
        typer.Option(
            "--tools-from",
            metavar="MODULE",
            help="A module whose functions pieces may name as tools; may be repeated.",
        ),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(
            "--drain", metavar="SECONDS", min=0, help="How long what is under way may take at the end."
        ),
    ] = 30.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line: start, pieces, health, end.")
    ] = False,
) -> None:
    """Claim pieces of swarms that were deployed with `--on workers`, and do them until SIGTERM or Ctrl-C.

    Needs PostgreSQL (FARTHING_DATABASE_URL) and this machine's own OPENROUTER_API_KEY, and costs money.
    Budgets and rate limits hold over all workers together. A stopped worker finishes what it has begun and
    gives back the rest; what a killed one had is claimed by the others when its lease is over.
    """
    from farthing.cli.work.worker import run_worker

    run_worker(
        options.source_of(profile, config),
        concurrency=concurrency,
        run_id=run,
        modules=tuple(tools_from or ()),
        drain_s=drain,
        as_json=as_json,
    )
