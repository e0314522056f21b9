"""`farthing alerts`: what was told, and whether channels work. What it takes; `work/alerts.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_LIST = """\
**Examples**

farthing alerts list

farthing alerts list --undelivered --json
"""


@app.callback()
def alerts() -> None:
    """List the alerts of a ledger, or try the channels that a configuration names."""


@app.command("list", epilog=_LIST)
def list_alerts(
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only those that some channel has not taken.")
    ] = False,
    config: options.ConfigFile = None,
    database: options.Url = None,
    simulated: options.Simulated = False,
    as_json: options.Json = False,
) -> None:
    """List what was told: thresholds, soft limits that were passed, overruns, runaway spend."""
    from farthing.cli.work.alerts import tell_alerts

    tell_alerts(config, undelivered=undelivered, database=database, simulated=simulated, as_json=as_json)


@app.command("test", epilog="**Examples**\n\nfarthing alerts test --config farthing.json")
def try_channels(
    profile: options.Profile = None, config: options.ConfigFile = None, as_json: options.Json = False
) -> None:
    """Send an alert that says that it is a test through every webhook and Apprise URL, once each.

    Exits with 1 when one of them does not take it.
    """
    from farthing.cli.work.alerts import tell_test

    tell_test(options.source_of(profile, config), as_json=as_json)
