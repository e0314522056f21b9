"""`farthing cache`: which answers are kept, and forgetting them. What it takes; `work/cache.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_SHOW = """\
**Examples**

farthing cache show

farthing cache show --simulated --json
"""
_CLEAR = """\
**Examples**

farthing cache clear --task-type simple

farthing cache clear --key acme --yes
"""


@app.callback()
def cache() -> None:
    """Show which answers are kept to be given again, or forget them."""


@app.command(epilog=_SHOW)
def show(
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Show how many answers are kept of each task type and key, and how old they are."""
    from farthing.cli.work.cache import tell_cache

    tell_cache(config, database=database, simulated=simulated, as_json=as_json)


@app.command(epilog=_CLEAR)
def clear(
    task_type: Annotated[str | None, typer.Option(help="Only answers to tasks of this type.")] = None,
    key: Annotated[str | None, typer.Option(help="Only those of this virtual key or tenant.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
) -> None:
    """Forget kept answers: all, or those of a type or key. Running processes notice in five seconds."""
    from farthing.cli.work.cache import clear_cache

    clear_cache(config, task_type=task_type, key=key, yes=yes, database=database, simulated=simulated)
