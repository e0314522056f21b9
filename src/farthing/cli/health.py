"""`farthing health`: which models rest, and why. What it takes; `work/health.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing health

farthing health --all --json
"""


@app.command(epilog=_EPILOG)
def health(
    everything: Annotated[bool, typer.Option("--all", help="Those that are well again, too.")] = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Show which models and providers rest: rate limits, open breakers, models that were not found."""
    from farthing.cli.work.health import tell_health

    tell_health(config, everything=everything, database=database, simulated=simulated, as_json=as_json)
