"""`farthing runs`: the runs of swarms that a ledger's database has. What it takes; `work/runs.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_LIST = """\
**Examples**

farthing runs list

farthing runs list --state interrupted --json
"""

_PRUNE = """\
**Examples**

farthing runs prune --older-than 30d

farthing runs prune --older-than 1d --unfinished
"""

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run, by the beginning of its id.")]


@app.callback()
def runs() -> None:
    """List runs of swarms, look into one, end it, show it again."""


@app.command(name="list", epilog=_LIST)
def list_runs(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only running, interrupted, paused, stopped, finished or cancelled; may be repeated.",
        ),
    ] = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """List the runs, newest first. `interrupted` is one whose process is gone: it can be resumed."""
    from farthing.cli.work.runs import tell_runs

    tell_runs(config, state or [], database=database, simulated=simulated, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing runs show run-5f3a")
def show(
    run: Run,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Show a run: who conducts it, its pieces with their steps and costs, what is on the wire, what waits for
    a person's approval."""
    from farthing.cli.work.runs import tell_run

    tell_run(run, config, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog="**Examples**\n\nfarthing runs cancel run-5f3a")
def cancel(
    run: Run,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """End a run for good, also one of another process. It cannot be resumed.

    That process notices within about a second, and settles what it has on the wire.
    """
    from farthing.cli.work.runs import cancel_run

    cancel_run(run, config, database=database, simulated=simulated)


@app.command(epilog="**Examples**\n\nfarthing runs replay run-5f3a")
def replay(
    run: Run,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Show the events of a run again, from its journal: sends nothing, asks no model, runs no tool.

    Says where the journal of each piece ends. A finished run's is there while `swarm.keepDays` keeps it.
    """
    from farthing.cli.work.runs import replay_run

    replay_run(run, config, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog=_PRUNE)
def prune(
    older: Annotated[
        str, typer.Option("--older-than", metavar="SPAN", help="Runs that began longer ago: 30d, 4w.")
    ],
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also those that could still be resumed.")
    ] = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Forget runs that have ended, with their journals. The ledger keeps what they cost."""
    from farthing.cli.work.runs import prune_runs

    prune_runs(older, config, unfinished=unfinished, database=database, simulated=simulated)
