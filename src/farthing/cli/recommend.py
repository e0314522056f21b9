"""`farthing recommend`: what the ledger says could cost less. What it takes; `work/recommend.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing recommend

farthing recommend --days 7 --config my-config.json

farthing recommend --simulated --json
"""


@app.command(epilog=_EPILOG)
def recommend(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 30,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """Propose changes of mapping, models, limits and levers from the ledger, each with its expected saving.

    Every saving is a share of what the ledger shows was paid, by the packaged prices. What the rows are too
    few for, or do not tell, is said instead. Nothing is changed: each entry has the setting for your file.
    """
    from farthing.cli.work.recommend import tell_advice

    source = options.source_of(profile, config)
    tell_advice(source, days=days, database=database, simulated=simulated, as_json=as_json)
